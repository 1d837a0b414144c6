// What must always be in view: recording, phase, the court's clock, the connection.

import { useRef } from "preact/hooks";
import { courtTime, span } from "../lib/clock";
import { Icon } from "../lib/icons";
import { useBeat, useRoom } from "./context";
import { NetNews } from "./netnews";
import type { Person } from "./protocol";
import type { RoomState } from "./room";

export function Status() {
  const { room, state, t } = useRoom();
  useBeat(500);
  const clock = room.socket.clock;
  const now = clock.now();
  const { light, pause, fault, phase } = state.room;
  const net = netOf(state);
  const told = useRef(new NetNews()).current.look(performance.now(), net);
  const why = pause && light === "paused" ? t(`pause.${pause.reason}`) : fault && light === "fault" ? t(fault.without ? "fault.without" : `recorder.${fault.kind}`) : "";
  return (
    <header class="status">
      <div class="status-case">
        <strong>{room.config.caseNumber}</strong>
        <span>{room.config.title}</span>
      </div>
      <ul class="status-list" hidden={state.stage === "ended"}>
        <li class={`chip rec rec-${light}`}>
          {light === "fault" ? <Icon name="warn" /> : light === "paused" ? <Icon name="pause" /> : <span class="rec-dot" aria-hidden="true" />}
          <span class="rec-told" aria-live="polite">
            <span class="chip-word">{t(`light.${light}`)}</span>
            {why && <span class="rec-why">{why}</span>}
          </span>
          {light === "on" && state.room.openedAt && <span class="chip-time num">{span(now - Date.parse(state.room.openedAt))}</span>}
        </li>
        <li class="chip phase">
          <Icon name="gavel" />
          <span>{t(`phase.${phase}`)}</span>
        </li>
        <li class="chip clock" title={t("status.clock")}>
          <span class="visually-hidden">{t("status.clock")} </span>
          <span class="num">{clock.known ? courtTime(now) : "--:--:--"}</span>
        </li>
        <li class={`chip net net-${net}`}>
          <Icon name="signal" />
          <span class="chip-word">{t(`net.${net}`)}</span>
        </li>
      </ul>
      <p class="visually-hidden" role="status">{told && state.stage !== "ended" && t(`net.told.${told}`)}</p>
    </header>
  );
}

export type Net = "good" | "fair" | "bad" | "lost" | "connecting";

/** The person's own connection in one word. */
export function netOf(state: RoomState): Net {
  if (state.connection === "connecting") return "connecting";
  if (state.connection === "lost") return "lost";
  const media = [state.mediaState.pub, state.mediaState.sub];
  if (media.some((s) => s === "disconnected" || s === "failed")) return "lost";
  return quality(state.me);
}

/** How a person's media fare, by the score that the server tells. */
export function quality(person: Person | null | undefined): "good" | "fair" | "bad" {
  const score = person?.quality ?? 0;
  if (score === 0 || score >= 4) return "good";
  return score === 3 ? "fair" : "bad";
}
