// The judge and the recording: pausing it for a reason that the law names, and deciding when it fails.

import { useState } from "preact/hooks";
import { courtTime } from "../lib/clock";
import { Icon } from "../lib/icons";
import { useRoom } from "./context";
import { Dialog } from "./dialog";
import type { Choice, PauseReason } from "./protocol";

/** Pauses the recording for a reason of AV 3, or goes on. */
export function PauseControl() {
  const { room, state, t } = useRoom();
  const [asking, setAsking] = useState(false);
  const [reason, setReason] = useState<PauseReason | "">("");
  const { phase, pause, reasons } = state.room;
  const open = !["waiting", "recess", "closed"].includes(phase);
  if (pause) {
    return (
      <div class="control-act">
        <button type="button" class="room-button wide" data-act="resume" onClick={() => void room.act({ type: "resume" })}>{t("pause.resume")}</button>
        <p class="hint">{t("pause.since", { time: courtTime(Date.parse(pause.since)), reason: t(`pause.${pause.reason}`) })}</p>
      </div>
    );
  }
  if (!open) return null;
  const submit = async (e: Event) => {
    e.preventDefault();
    if (reason && (await room.act({ type: "pause", reason }))) setAsking(false);
  };
  return (
    <div class="control-act">
      <button type="button" class="room-button wide" data-act="pause" onClick={() => { setReason(""); setAsking(true); }}>{t("pause.button")}</button>
      {asking && (
        <Dialog title={t("pause.button")} close={() => setAsking(false)}>
          <p>{t("pause.text")}</p>
          <form onSubmit={submit}>
            <fieldset class="choices">
              <legend>{t("pause.reason")}</legend>
              {reasons.map((r) => (
                <label key={r} class="tick">
                  <input type="radio" name="reason" value={r} checked={reason === r} onChange={() => setReason(r)} />
                  <span><strong>{t(`pause.${r}`)}</strong> {t(`pause.${r}.says`)}</span>
                </label>
              ))}
            </fieldset>
            <div class="dialog-acts">
              <button type="button" class="room-button" onClick={() => setAsking(false)}>{t("cancel")}</button>
              <button type="submit" class="room-button primary" data-act="pause-now" disabled={!reason}>{t("confirm")}</button>
            </div>
          </form>
        </Dialog>
      )}
    </div>
  );
}

/** Says at once that the recording failed, and takes the judge's choice. What was chosen or put off stays within reach in the bar below the status. */
export function FaultDialog() {
  const { room, state, t } = useRoom();
  const fault = state.room.fault;
  const [put, setPut] = useState(""); // the fault whose dialog was closed
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState(false);
  if (!fault || state.room.phase === "closed") return null;
  const shown = !fault.without && put !== fault.since;
  const choose = async (choice: Choice) => {
    setBusy(true);
    const done = await room.act({ type: "recording-choice", choice, reason: why.trim() });
    setBusy(false);
    if (done) setPut(fault.since);
  };
  if (!shown) {
    return <button type="button" class="fault-again room-button" data-act="fault-again" onClick={() => setPut("")} hidden={fault.without}><Icon name="warn" />{t("recorder.decide")}</button>;
  }
  const before = state.room.phase === "waiting" || state.room.phase === "recess";
  return (
    <Dialog title={t(before ? "recorder.cannot" : "recorder.stopped")} close={() => setPut(fault.since)}>
      <p role="alert"><Icon name="warn" /> {t(`recorder.${fault.kind}.says`)}</p>
      <p class="num">{t("recorder.since", { time: courtTime(Date.parse(fault.since)) })}</p>
      <div class="fault-choices">
        {fault.choices.includes("retry") && (
          <div><button type="button" class="room-button primary wide" disabled={busy} data-act="fault-retry" onClick={() => void choose("retry")}>{t("recorder.retry")}</button><p class="hint">{t("recorder.retry.says")}</p></div>
        )}
        {fault.choices.includes("recess") && (
          <div><button type="button" class="room-button wide" disabled={busy} data-act="fault-recess" onClick={() => void choose("recess")}>{t("recorder.recess")}</button><p class="hint">{t("recorder.recess.says")}</p></div>
        )}
        {fault.choices.includes("go_on") ? (
          <form onSubmit={(e) => { e.preventDefault(); void choose("go_on"); }}>
            <label class="room-field"><span>{t("recorder.why")}</span><textarea name="why" rows={2} maxLength={500} value={why} onInput={(e) => setWhy(e.currentTarget.value)} /></label>
            <button type="submit" class="room-button wide" disabled={busy || !why.trim()} data-act="fault-go-on">{t("recorder.go_on")}</button>
            <p class="hint">{t("recorder.go_on.says")}</p>
          </form>
        ) : <p class="hint">{t("recorder.go_on.not")}</p>}
      </div>
    </Dialog>
  );
}
