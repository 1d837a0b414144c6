import { render } from "preact";
import { languageOf, readConfig } from "../lib/config";
import { Check } from "./check";
import { speaker } from "./i18n";

const mount = document.getElementById("precheck");
if (mount) {
  const config = readConfig(mount);
  render(<Check config={config} t={speaker(languageOf(config.locale))} />, mount);
}
