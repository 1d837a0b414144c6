// The room's frame: status above, faces in the middle, the panel at the side, controls at the foot.

import { useEffect, useState } from "preact/hooks";
import { Icon } from "../lib/icons";
import { Bar } from "./bar";
import { DeviceFaults } from "./faults";
import { FaultDialog } from "./recorder";
import { useRoom } from "./context";
import { Declare, Ended, Lobby } from "./gate";
import { Panel, type Tab } from "./panel";
import { Stage } from "./stage";
import { Status } from "./status";

export function App() {
  const { room, state, t } = useRoom();
  const seat = room.config.me.seat;
  const wide = matchMedia("(min-width: 900px)").matches;
  const [tab, setTab] = useState<Tab | null>(wide ? (seat === "judge" ? "control" : "transcript") : null);
  const closed = state.room.phase === "closed";

  useEffect(() => {
    document.title = `${t(`phase.${state.room.phase}`)} · ${room.config.caseNumber}`;
  }, [state.room.phase]);
  useEffect(() => {
    if (closed && seat !== "judge") setTab("transcript");
  }, [closed]);
  useEffect(() => {
    // Only whose going would go on record against them is asked; a question keeps some browsers from keeping the page.
    if (state.stage !== "admitted" || closed || room.observer || state.room.phase === "waiting") return;
    const stay = (e: BeforeUnloadEvent) => e.preventDefault();
    window.addEventListener("beforeunload", stay);
    return () => window.removeEventListener("beforeunload", stay);
  }, [state.stage, closed, state.room.phase === "waiting"]);

  return (
    <div class={`room stage-${state.stage} ${tab ? "with-panel" : ""} ${closed ? "closed" : ""}`}>
      <Status />
      {state.stage === "admitted" ? (
        <>
          <main class="room-main">
            <DeviceFaults />
            <Stage />
            {tab && <Panel tab={tab} setTab={setTab} />}
          </main>
          <Bar tab={tab} setTab={setTab} />
        </>
      ) : (
        <main class="room-gate">
          {state.stage === "declare" && <Declare />}
          {state.stage === "lobby" && <Lobby />}
          {state.stage === "ended" && <Ended />}
          {state.stage === "connecting" && (
            <div class="gate-card gate-quiet" role="status">
              <span class="spinner" aria-hidden="true" />
              <p>{t("net.connecting")}</p>
            </div>
          )}
        </main>
      )}
      {seat === "judge" && state.stage === "admitted" && <FaultDialog />}
      {state.connection === "lost" && (
        <div class="lost" role="alert">
          <span class="spinner" aria-hidden="true" />
          <div>
            <strong>{t(state.draining ? "drain.title" : "lost.title")}</strong>
            <p>{t(state.draining ? "drain.text" : "lost.text")}</p>
          </div>
        </div>
      )}
      <div class="visually-hidden" role="log" aria-label={t("news")}>
        {state.news.map((n) => <p key={n.id}>{t(n.key, { name: `${t(`seat.${n.seat}`)} ${n.name}` })}</p>)}
      </div>
      <div class="toasts" role="status" aria-live="polite">
        {state.toasts.map((n) => (
          <p key={n.id} class={n.bad ? "toast toast-bad" : "toast"}>
            <Icon name={n.bad ? "warn" : "check"} />
            <span>{t(n.key, n.params)}</span>
          </p>
        ))}
      </div>
    </div>
  );
}
