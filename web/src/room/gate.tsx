// Before the hearing and after it: the declaration, the lobby, the end.

import { useState } from "preact/hooks";
import { courtTime } from "../lib/clock";
import { Icon } from "../lib/icons";
import { useRoom } from "./context";

/** Court discipline and no secret recording: nobody enters without both (LR 25, 27). */
export function Declare() {
  const { room, t } = useRoom();
  const [missing, setMissing] = useState(false);
  const [busy, setBusy] = useState(false);
  const submit = async (e: SubmitEvent) => {
    e.preventDefault();
    const ticked = new FormData(e.currentTarget as HTMLFormElement);
    const [discipline, noRecording] = [ticked.has("discipline"), ticked.has("noRecording")];
    setMissing(!discipline || !noRecording);
    if (!discipline || !noRecording) return;
    setBusy(true);
    await room.act({ type: "declare", discipline, noRecording });
    setBusy(false);
  };
  return (
    <form class="gate-card" onSubmit={submit} noValidate>
      <h1>{t("declare.title")}</h1>
      <p class="gate-lead">{t("declare.lead")}</p>
      <ol class="rules">
        {["declare.1", "declare.2", "declare.3", "declare.4"].map((k) => <li key={k}>{t(k)}</li>)}
      </ol>
      <label class="tick">
        <input type="checkbox" name="discipline" />
        <span>{t("declare.discipline")}</span>
      </label>
      <label class="tick">
        <input type="checkbox" name="noRecording" />
        <span>{t("declare.noRecording")}</span>
      </label>
      {missing && <p class="gate-error" role="alert"><Icon name="warn" />{t("declare.missing")}</p>}
      <button type="submit" class="room-button primary large" disabled={busy} data-act="declare">{t("declare.enter")}</button>
    </form>
  );
}

export function Lobby() {
  const { room, state, t } = useRoom();
  const clerk = state.people.some((p) => p.seat === "clerk" && p.standing === "present" && p.connection === "online");
  return (
    <section class="gate-card" aria-live="polite">
      <span class="pulse" aria-hidden="true"><Icon name="people" /></span>
      <h1>{t("lobby.title")}</h1>
      <p class="gate-lead">{t("lobby.text")}</p>
      <p class={clerk ? "gate-note ok" : "gate-note"}><Icon name={clerk ? "check" : "people"} />{t(clerk ? "lobby.here" : "lobby.waiting")}</p>
      <dl class="gate-facts">
        <div><dt>{t("lobby.start")}</dt><dd class="num">{courtTime(Date.parse(room.config.start), false)}</dd></div>
        <div><dt>{t(`seat.${room.config.me.seat}`)}</dt><dd>{room.config.me.name}</dd></div>
      </dl>
      {room.config.check && <a class="room-link" href={room.config.check}>{t("lobby.check")}</a>}
    </section>
  );
}

export function Ended() {
  const { room, state, t } = useRoom();
  const again = state.ended !== "removed" && state.ended !== "forbidden";
  return (
    <section class="gate-card" role="alert">
      <h1>{t(`end.${state.ended}`)}</h1>
      <p class="gate-lead">{t(`end.${state.ended}.text`)}</p>
      <div class="dialog-acts">
        <a class="room-button" href={room.config.home}>{t("end.home")}</a>
        {again && <button type="button" class="room-button primary" data-act="again" onClick={() => location.reload()}>{t(state.ended === "replaced" ? "end.here" : "end.again")}</button>}
      </div>
    </section>
  );
}
