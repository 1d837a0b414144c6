// The panel at the side: the judge's course of the hearing, the people, the transcript.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../lib/icons";
import { useRoom } from "./context";
import { Dialog } from "./dialog";
import { People } from "./people";
import { PauseControl } from "./recorder";
import type { Phase } from "./protocol";
import { rove } from "./rove";
import { Transcript } from "./transcript";

export type Tab = "control" | "transcript" | "people";

export function Panel({ tab, setTab }: { tab: Tab; setTab: (t: Tab | null) => void }) {
  const { room, t } = useRoom();
  const tabs: Tab[] = room.config.me.seat === "judge" ? ["control", "transcript", "people"] : ["transcript", "people"];
  const close = () => {
    document.querySelector<HTMLElement>(`[data-act=${tab}]`)?.focus(); // the dock's button that opens it again
    setTab(null);
  };
  return (
    <aside class="panel" aria-label={t(`panel.${tab}`)}>
      <div class="panel-head">
        <div class="tabs" role="tablist" onKeyDown={rove}>
          {tabs.map((x) => (
            <button key={x} type="button" role="tab" id={`tab-${x}`} aria-selected={x === tab} tabIndex={x === tab ? 0 : -1} aria-controls="panel-body" class={x === tab ? "tab on" : "tab"} onClick={() => setTab(x)}>
              {t(`panel.${x}`)}
            </button>
          ))}
        </div>
        <button type="button" class="panel-close" onClick={close} aria-label={t("panel.close")} title={t("panel.close")}><Icon name="close" /></button>
      </div>
      <div class="panel-body" id="panel-body" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {tab === "control" && <Control />}
        {tab === "people" && <People />}
        {tab === "transcript" && <Transcript />}
      </div>
    </aside>
  );
}

const course: Phase[] = ["waiting", "opening", "investigation", "debate", "final_statements", "closed"];

/** The judge moves the phases; what each does is said before it is done. */
function Control() {
  const { room, state, t } = useRoom();
  const [asked, setAsked] = useState<Phase | null>(null);
  const [busy, setBusy] = useState(false);
  const { phase, next } = state.room;
  const resume = phase === "recess" ? next.find((p) => p !== "closed") : undefined;
  const here = course.indexOf(phase === "recess" ? (resume ?? phase) : phase);
  const go = async (to: Phase) => {
    setAsked(null);
    setBusy(true);
    await room.act({ type: "phase", to });
    setBusy(false);
  };
  const self = useRef<HTMLDivElement>(null);
  const moved = useRef(phase);
  useLayoutEffect(() => {
    // The pressed button is gone. Its successor moves the hearing on, so a held Enter must not find it: the next Tab does,
    // once it may be pressed.
    if (busy || moved.current === phase) return;
    if (document.activeElement === document.body) self.current?.focus();
    moved.current = phase;
  }, [phase, busy]);
  const word = (p: Phase) => (p === resume ? t("do.resume", { phase: t(`phase.${p}`) }) : t(`do.${p}`));
  const main = next.find((p) => p !== "recess" && !(phase === "recess" && p === "closed"));
  const says = (p: Phase) => (["opening", "closed", "recess"].includes(p) && p !== resume ? t(`do.${p}.says`) : "");
  return (
    <div class="control" ref={self} tabIndex={-1} role="group" aria-label={t("panel.control")}>
      <ol class="course">
        {course.map((p, i) => (
          <li key={p} class={i < here ? "done" : i === here ? "now" : ""} aria-current={i === here ? "step" : undefined}>
            <span class="course-mark" aria-hidden="true">{i < here ? <Icon name="check" /> : null}</span>
            <span>{t(`phase.${p}`)}</span>
            {i === here && phase === "recess" && <em>{t("phase.recess")}</em>}
          </li>
        ))}
      </ol>
      <div class="control-acts">
        {next.map((p) => (
          <div key={p} class="control-act">
            <button type="button" class={p === main ? "room-button primary wide" : "room-button wide"} disabled={busy} data-phase={p}
              onClick={() => (p === "opening" || p === "closed" ? setAsked(p) : void go(p))}>{word(p)}</button>
            {says(p) && <p class="hint">{says(p)}</p>}
          </div>
        ))}
        <PauseControl />
      </div>
      {asked && (
        <Dialog title={t(`do.${asked}`)} close={() => setAsked(null)}>
          <p>{says(asked)}</p>
          <div class="dialog-acts">
            <button type="button" class="room-button" onClick={() => setAsked(null)}>{t("cancel")}</button>
            <button type="button" class="room-button primary" data-act="confirm" onClick={() => void go(asked)}>{t("confirm")}</button>
          </div>
        </Dialog>
      )}
    </div>
  );
}
