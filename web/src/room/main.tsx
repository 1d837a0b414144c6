import { render } from "preact";
import { languageOf, readConfig } from "../lib/config";
import { App } from "./app";
import { RoomContext } from "./context";
import { expose } from "./diagnostics";
import { translator } from "./i18n";
import { Room } from "./room";

const mount = document.getElementById("room");
if (mount) {
  const config = readConfig(mount);
  const room = new Room(config);
  expose(room);
  room.start();
  render(
    <RoomContext.Provider value={{ room, t: translator(languageOf(config.locale)) }}>
      <App />
    </RoomContext.Provider>,
    mount,
  );
}
