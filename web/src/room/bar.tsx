// The controls at the foot: an icon with its word under it.

import { useState } from "preact/hooks";
import { Icon, type IconName } from "../lib/icons";
import { useRoom } from "./context";
import { Dialog } from "./dialog";
import { Devices } from "./settings";
import type { Tab } from "./panel";
import { canShare, mayShare } from "./screen";

export function Bar({ tab, setTab }: { tab: Tab | null; setTab: (t: Tab | null) => void }) {
  const { room, state, t } = useRoom();
  const [leaving, setLeaving] = useState(false);
  const [devices, setDevices] = useState(false);
  const closed = state.room.phase === "closed";
  const sends = !room.observer && !closed;
  const muted = !!state.me?.muted;
  const raised = !!state.me?.hand;
  const waiting = state.people.filter((p) => p.standing === "lobby").length;
  const hands = state.people.filter((p) => p.hand).length;
  const toggle = (which: Tab) => setTab(tab === which ? null : which);
  return (
    <nav class="dock" aria-label={t("bar.label")}>
      {sends && (
        <>
          <Button icon={muted || !state.microphone ? "micOff" : "mic"} off={muted || !state.microphone} disabled={muted}
            word={t(muted ? "bar.micMuted" : state.microphone ? "bar.micOn" : "bar.micOff")} pressed={state.microphone && !muted}
            act={() => void room.setMicrophone(!state.microphone)} id="mic" />
          <Button icon={state.camera ? "camera" : "cameraOff"} off={!state.camera} word={t(state.camera ? "bar.camOn" : "bar.camOff")} pressed={state.camera}
            act={() => void room.setCamera(!state.camera)} id="camera" />
          {canShare() && (
            <Button icon={state.screen ? "screenOff" : "screen"} lit={!!state.screen} disabled={!state.screen && !mayShare(state.me, state.room)}
              word={t(state.screen ? "bar.screenOff" : "bar.screen")} pressed={!!state.screen}
              act={() => void (state.screen ? room.unshare() : room.share())} id="screen" />
          )}
          <Button icon="hand" lit={raised} word={t(raised ? "bar.handUp" : "bar.hand")} pressed={raised}
            act={() => void room.act({ type: "hand", raised: !raised })} id="hand" />
        </>
      )}
      <span class="dock-gap" />
      {room.config.me.seat === "judge" && <Button icon="gavel" lit={tab === "control"} word={t("bar.control")} pressed={tab === "control"} act={() => toggle("control")} id="control" />}
      <Button icon="text" lit={tab === "transcript"} word={t("bar.transcript")} pressed={tab === "transcript"} act={() => toggle("transcript")} id="transcript" />
      <Button icon="people" lit={tab === "people"} word={t("bar.people")} pressed={tab === "people"} act={() => toggle("people")} id="people"
        badge={room.config.me.seat === "clerk" ? waiting : room.config.me.seat === "judge" ? hands : 0} />
      {sends && <Button icon="settings" word={t("bar.devices")} act={() => setDevices(true)} id="devices" />}
      <span class="dock-gap" />
      <Button icon="leave" danger word={t("bar.leave")} act={() => setLeaving(true)} id="leave" />
      {leaving && (
        <Dialog title={t("leave.title")} close={() => setLeaving(false)}>
          <p>{t(closed || state.room.phase === "waiting" || room.observer ? "leave.after" : "leave.text")}</p>
          <div class="dialog-acts">
            <button type="button" class="room-button" onClick={() => setLeaving(false)}>{t("leave.no")}</button>
            <button type="button" class="room-button danger" onClick={() => room.leave()}>{t("leave.yes")}</button>
          </div>
        </Dialog>
      )}
      {devices && <Devices close={() => setDevices(false)} />}
    </nav>
  );
}

interface ButtonProps {
  id: string;
  icon: IconName;
  word: string;
  act: () => void;
  off?: boolean;
  lit?: boolean;
  danger?: boolean;
  disabled?: boolean;
  pressed?: boolean;
  badge?: number;
}

function Button({ id, icon, word, act, off, lit, danger, disabled, pressed, badge = 0 }: ButtonProps) {
  const classes = ["dock-button", off && "off", lit && "lit", danger && "danger"].filter(Boolean).join(" ");
  return (
    <button type="button" class={classes} onClick={act} disabled={disabled} aria-pressed={pressed} data-act={id}>
      <Icon name={icon} />
      <span>{word}</span>
      {badge > 0 && <b class="dock-count num">{badge}</b>}
    </button>
  );
}
