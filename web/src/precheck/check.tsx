// The device check: camera, microphone, speaker, network; advice for each thing that fails, and a way
// on in every case.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { courtTime } from "../lib/clock";
import type { HearingConfig } from "../lib/config";
import { faultOf, listDevices, loadChoice, openCamera, openMicrophone, saveChoice, type DeviceChoice, type DeviceFault, type DeviceList } from "../lib/devices";
import { Icon, type IconName } from "../lib/icons";
import { Meter, testTone } from "../lib/meter";
import type { Say } from "./i18n";
import { testNetwork, type NetworkResult } from "./network";

type Verdict = "ok" | "wait" | "bad" | "ask";

interface Props {
  config: HearingConfig;
  t: Say;
}

export function Check({ config, t }: Props) {
  const observer = config.me.seat === "observer";
  const [choice, setChoice] = useState<DeviceChoice>(loadChoice);
  const [list, setList] = useState<DeviceList>({ cameras: [], microphones: [], speakers: [] });
  const choose = (change: Partial<DeviceChoice>) => {
    const next = { ...choice, ...change };
    saveChoice(next);
    setChoice(next);
  };
  const refresh = () => void listDevices().then(setList);
  useEffect(() => {
    refresh();
    navigator.mediaDevices?.addEventListener("devicechange", refresh);
    return () => navigator.mediaDevices?.removeEventListener("devicechange", refresh);
  }, []);
  const camera = useTrack(observer || choice.camera === "none" ? null : choice.camera, openCamera, refresh);
  const microphone = useTrack(observer ? null : choice.microphone, openMicrophone, refresh);
  const network = useNetwork(config.socket);
  const enterWord = observer ? "enter.observer" : camera.track || (!camera.fault && choice.camera !== "none") ? "enter" : "enter.without";
  return (
    <div class="devcheck">
      <header class="check-head">
        <h1>{t("title")}</h1>
        {!observer && <p>{t("lead")}</p>}
        <dl class="check-facts">
          <div><dt>{t("case")}</dt><dd>{config.caseNumber}<span>{config.title}</span></dd></div>
          <div><dt>{t("start")}</dt><dd class="num">{day(config.start)} {courtTime(Date.parse(config.start), false)}</dd></div>
          <div><dt>{t("seat")}</dt><dd>{t(`seat.${config.me.seat}`)} {config.me.name}</dd></div>
        </dl>
      </header>
      <div class={observer ? "check-grid one" : "check-grid"}>
        {!observer && <Camera t={t} choice={choice} choose={choose} list={list} device={camera} />}
        <div class="check-side">
          {!observer && <Microphone t={t} choice={choice} choose={choose} list={list} device={microphone} />}
          <SpeakerTest t={t} choice={choice} choose={choose} list={list} />
          <Network t={t} result={network.result} again={network.again} />
        </div>
      </div>
      <footer class="check-foot">
        <p class="hint">{t(network.result && !network.result.socket ? "enter.blocked" : "enter.hint")}</p>
        <a class="room-button" href={config.home}>{t("back")}</a>
        <a class="room-button primary large" href={config.room} data-act="enter">{t(enterWord)}</a>
      </footer>
    </div>
  );
}

function day(start: string): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai" }).format(Date.parse(start));
}

interface Device {
  track: MediaStreamTrack | null;
  fault: DeviceFault | null;
  again: () => void;
}

/** Opens a device and closes it again when another is chosen; null opens none. */
function useTrack(id: string | null, open: (id: string) => Promise<MediaStreamTrack>, opened: () => void): Device {
  const [track, setTrack] = useState<MediaStreamTrack | null>(null);
  const [fault, setFault] = useState<DeviceFault | null>(null);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let current = true;
    let mine: MediaStreamTrack | null = null;
    setFault(null);
    setTrack(null);
    if (id === null) return;
    open(id).then(
      (t) => {
        mine = t;
        if (!current) return t.stop();
        setTrack(t);
        opened();
      },
      (e: unknown) => {
        if (current) setFault(faultOf(e));
      },
    );
    return () => {
      current = false;
      mine?.stop();
    };
  }, [id, tries]);
  return { track, fault, again: () => setTries((n) => n + 1) };
}

function useNetwork(path: string): { result: NetworkResult | null; again: () => void } {
  const [result, setResult] = useState<NetworkResult | null>(null);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let current = true;
    setResult(null);
    void testNetwork(path).then((r) => {
      if (current) setResult(r);
    });
    return () => {
      current = false;
    };
  }, [path, tries]);
  return { result, again: () => setTries((n) => n + 1) };
}

function Card({ t, icon, name, verdict, children }: { t: Say; icon: IconName; name: string; verdict: Verdict; children: ComponentChildren }) {
  return (
    <section class={`check-card v-${verdict}`} aria-label={name} data-check={icon}>
      <h2><Icon name={icon} />{name}<span class={`verdict ${verdict}`}>{verdict === "ok" && <Icon name="check" />}{verdict === "bad" && <Icon name="warn" />}{t(`state.${verdict}`)}</span></h2>
      {children}
    </section>
  );
}

function Fault({ t, fault, again }: { t: Say; fault: DeviceFault; again: () => void }) {
  return (
    <div class="advice" role="alert">
      <p>{t(`fault.${fault}`)}</p>
      {fault !== "insecure" && <button type="button" class="room-button" onClick={again}>{t("retry")}</button>}
    </div>
  );
}

interface PartProps {
  t: Say;
  choice: DeviceChoice;
  choose: (change: Partial<DeviceChoice>) => void;
  list: DeviceList;
}

function Choice({ label, value, devices, change, t, none }: { label: string; value: string; devices: MediaDeviceInfo[]; change: (id: string) => void; t: Say; none?: string }) {
  return (
    <label class="room-field">
      <span class="visually-hidden">{label}</span>
      <select value={value} onChange={(e) => change(e.currentTarget.value)} aria-label={label}>
        <option value="">{t("default")}</option>
        {devices.map((d) => <option key={d.deviceId} value={d.deviceId}>{d.label || label}</option>)}
        {none && <option value="none">{none}</option>}
      </select>
    </label>
  );
}

function Camera({ t, choice, choose, list, device }: PartProps & { device: Device }) {
  const video = useRef<HTMLVideoElement>(null);
  const [dark, setDark] = useState(false);
  useEffect(() => {
    if (video.current) video.current.srcObject = device.track ? new MediaStream([device.track]) : null;
    setDark(false);
    if (!device.track) return;
    const timer = window.setInterval(() => setDark(isDark(video.current)), 1500);
    return () => window.clearInterval(timer);
  }, [device.track]);
  const off = choice.camera === "none";
  const verdict: Verdict = device.fault ? "bad" : off ? "ask" : device.track ? "ok" : "wait";
  return (
    <Card t={t} icon="camera" name={t("camera")} verdict={verdict}>
      <div class="preview">
        <video ref={video} autoplay playsInline muted class={device.track ? "" : "dark"} aria-label={t("camera")} />
        {!device.track && <p><Icon name="cameraOff" /><span>{t(off || device.fault ? "camera.off" : "camera.wait")}</span></p>}
      </div>
      {device.fault && <Fault t={t} fault={device.fault} again={device.again} />}
      {device.track && <p class="hint">{t(dark ? "camera.dark" : "camera.ok")}</p>}
      <Choice t={t} label={t("camera")} value={choice.camera} devices={list.cameras} change={(camera) => choose({ camera })} none={t("camera.none")} />
    </Card>
  );
}

/** Whether the picture is too dark to see a face, from a 16 by 9 thumbnail. */
function isDark(video: HTMLVideoElement | null): boolean {
  if (!video?.videoWidth) return false;
  const canvas = document.createElement("canvas");
  canvas.width = 16;
  canvas.height = 9;
  const paint = canvas.getContext("2d");
  if (!paint) return false;
  paint.drawImage(video, 0, 0, 16, 9);
  const { data } = paint.getImageData(0, 0, 16, 9);
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += 0.299 * data[i]! + 0.587 * data[i + 1]! + 0.114 * data[i + 2]!;
  return sum / (data.length / 4) < 28;
}

function Microphone({ t, choice, choose, list, device }: PartProps & { device: Device }) {
  const [level, setLevel] = useState(0);
  const [heard, setHeard] = useState(false);
  useEffect(() => {
    if (!device.track) return;
    const meter = new Meter(device.track);
    const timer = window.setInterval(() => {
      const now = meter.level();
      setLevel((old) => Math.max(now, old * 0.8));
      if (now > 0.35) setHeard(true);
    }, 60);
    return () => {
      window.clearInterval(timer);
      meter.close();
    };
  }, [device.track]);
  return (
    <Card t={t} icon="mic" name={t("microphone")} verdict={device.fault ? "bad" : !device.track ? "wait" : heard ? "ok" : "ask"}>
      {device.fault && <Fault t={t} fault={device.fault} again={device.again} />}
      {device.track && (
        <>
          <div class="level" role="meter" aria-label={t("microphone.level")} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(level * 100)}>
            {Array.from({ length: 20 }, (_, i) => <i key={i} class={level * 20 > i ? (i > 17 ? "on hot" : "on") : ""} />)}
          </div>
          <p class="hint">{t(heard ? "microphone.ok" : "microphone.say")}</p>
        </>
      )}
      <Choice t={t} label={t("microphone")} value={choice.microphone} devices={list.microphones} change={(microphone) => choose({ microphone })} />
    </Card>
  );
}

function SpeakerTest({ t, choice, choose, list }: PartProps) {
  const [state, setState] = useState<"idle" | "playing" | "ask" | "yes" | "no">("idle");
  const play = async () => {
    setState("playing");
    await testTone(choice.speaker);
    setState("ask");
  };
  return (
    <Card t={t} icon="speaker" name={t("speaker")} verdict={state === "yes" ? "ok" : state === "no" ? "bad" : "ask"}>
      {state === "ask" ? (
        <div class="check-row" role="status">
          <span>{t("speaker.ask")}</span>
          <button type="button" class="room-button" onClick={() => setState("no")}>{t("speaker.no")}</button>
          <button type="button" class="room-button primary" onClick={() => setState("yes")}>{t("speaker.yes")}</button>
        </div>
      ) : (
        <div class="check-row">
          <button type="button" class="room-button" disabled={state === "playing"} onClick={() => void play()}>{t(state === "playing" ? "speaker.playing" : "speaker.play")}</button>
          {state === "yes" && <span class="hint">{t("speaker.ok")}</span>}
        </div>
      )}
      {state === "no" && <p class="advice">{t("speaker.fault")}</p>}
      {list.speakers.length > 1 && <Choice t={t} label={t("speaker")} value={choice.speaker} devices={list.speakers} change={(speaker) => choose({ speaker })} />}
    </Card>
  );
}

function Network({ t, result, again }: { t: Say; result: NetworkResult | null; again: () => void }) {
  const bad = result && (!result.socket || !result.media);
  const slow = result && result.rttMs > 300;
  const key = !result ? "network.wait" : !result.socket ? "network.socket" : !result.media ? "network.media" : slow ? "network.slow" : "network.ok";
  return (
    <Card t={t} icon="signal" name={t("network")} verdict={!result ? "wait" : bad ? "bad" : "ok"}>
      <p class={bad ? "advice" : "hint"} role="status">{t(key, { ms: result?.rttMs ?? 0 })}</p>
      {!bad && result?.way && <p class="hint" data-way={result.way}>{t(`way.${result.way}`)}</p>}
      {bad && <button type="button" class="room-button" onClick={again}>{t("retry")}</button>}
    </Card>
  );
}
