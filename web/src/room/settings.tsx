// Changing camera and microphone during the hearing.

import { useEffect, useState } from "preact/hooks";
import { listDevices, type DeviceList, type PictureSize, type VideoCodec } from "../lib/devices";
import { useRoom } from "./context";
import { Dialog } from "./dialog";

export function Devices({ close }: { close: () => void }) {
  const { room, state, t } = useRoom();
  const [list, setList] = useState<DeviceList>({ cameras: [], microphones: [], speakers: [] });
  useEffect(() => {
    const read = () => void listDevices().then(setList);
    read();
    navigator.mediaDevices?.addEventListener("devicechange", read);
    return () => navigator.mediaDevices?.removeEventListener("devicechange", read);
  }, []);
  const options = (all: MediaDeviceInfo[]) => all.map((d) => <option key={d.deviceId} value={d.deviceId}>{d.label}</option>);
  return (
    <Dialog title={t("devices.title")} close={close}>
      <label class="room-field">
        <span>{t("devices.microphone")}</span>
        <select value={state.choice.microphone} onChange={(e) => void room.choose({ ...state.choice, microphone: e.currentTarget.value })}>
          <option value="">{t("devices.default")}</option>
          {options(list.microphones)}
        </select>
      </label>
      <label class="room-field">
        <span>{t("devices.camera")}</span>
        <select value={state.choice.camera} onChange={(e) => void room.choose({ ...state.choice, camera: e.currentTarget.value })}>
          <option value="">{t("devices.default")}</option>
          {options(list.cameras)}
          <option value="none">{t("devices.none")}</option>
        </select>
      </label>
      <label class="room-field">
        <span>{t("devices.picture")}</span>
        <select name="picture" value={state.choice.picture} onChange={(e) => void room.choose({ ...state.choice, picture: e.currentTarget.value as "auto" | PictureSize })}>
          <option value="auto">{t("devices.picture.auto")}</option>
          <option value="small">{t("devices.picture.small")}</option>
          <option value="large">{t("devices.picture.large")}</option>
        </select>
      </label>
      <label class="room-field">
        <span>{t("devices.codec")}</span>
        <select name="codec" value={state.choice.codec} onChange={(e) => void room.choose({ ...state.choice, codec: e.currentTarget.value as "auto" | VideoCodec })}>
          <option value="auto">{t("devices.codec.auto")}</option>
          {(["VP8", "H264", "VP9", "AV1"] as const).map((c) => <option key={c} value={c} disabled={state.failed.includes(c)}>{state.failed.includes(c) ? t("devices.codec.failed", { codec: c }) : c}</option>)}
        </select>
      </label>
      <div class="dialog-acts">
        <button type="button" class="room-button primary" onClick={close}>{t("devices.done")}</button>
      </div>
    </Dialog>
  );
}
