import { render } from "preact";
import { languageOf } from "../lib/config";
import { Player } from "./app";
import { speaker } from "./i18n";
import type { PlayerConfig } from "./manifest";

const mount = document.getElementById("player");
if (mount?.dataset.config) {
  const config = JSON.parse(mount.dataset.config) as PlayerConfig;
  render(<Player config={config} t={speaker(languageOf(config.locale))} />, mount);
}
