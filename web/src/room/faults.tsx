// What is wrong with the person's own camera and microphone, how to mend it, and how to go on without.

import { Icon } from "../lib/icons";
import { useRoom } from "./context";

export function DeviceFaults() {
  const { room, state, t } = useRoom();
  if (room.observer || state.room.phase === "closed") return null;
  const kinds = (["microphone", "camera"] as const).filter((kind) => state.faults[kind]);
  return (
    <div class="device-faults" role="alert">
      {kinds.map((kind) => (
        <div key={kind} class="device-fault" data-fault={`${kind} ${state.faults[kind]}`}>
          <Icon name={kind === "microphone" ? "micOff" : "cameraOff"} />
          <p><strong>{t(`devices.${kind}`)}</strong> {t(`fault.${state.faults[kind]}`)}</p>
          {state.faults[kind] === "asked" && (
            <div class="device-fault-acts">
              <button type="button" class="room-button small" onClick={() => void room.without(kind)}>{t("fault.without.device")}</button>
            </div>
          )}
          {!["held", "asked"].includes(state.faults[kind]!) && (
            <div class="device-fault-acts">
              <button type="button" class="room-button small primary" data-act={`retry-${kind}`} onClick={() => void room.retry(kind)}>{t("fault.retry")}</button>
              <button type="button" class="room-button small" onClick={() => void room.without(kind)}>{t("fault.without.device")}</button>
            </div>
          )}
        </div>
      ))}
    </div>
  );
}
