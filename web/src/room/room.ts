// One person's room: the state that the screen shows, and what the person can do. The components
// only read state and call these methods.

import { socketURL, type HearingConfig } from "../lib/config";
import { faultOf, loadChoice, openCamera, openMicrophone, pictureOf, saveChoice, type DeviceChoice, type DeviceFault, type VideoCodec } from "../lib/devices";
import { loadFailed, saveFailed, watchEncoder } from "./encoder";
import { codecOf, learnHardware } from "./encodings";
import { onDeviceHope, onPermission, watchHeld } from "./hope";
import { onPutAway } from "./life";
import { newsOf, type News } from "./news";
import { HearingMedia } from "./media";
import { openScreen } from "./screen";
import { HearingSocket, Refused } from "./socket";
import { Patience } from "./patience";
import { Views } from "./views";
import type { Answer, Integrity, Line, Person, Phase, Reply, Request, RoomStatus, Welcome } from "./protocol";

const promptTime = 1500; // a device that is allowed opens in less

export type Stage = "connecting" | "declare" | "lobby" | "admitted" | "ended";

export interface Toast {
  id: number;
  key: string;
  params: Record<string, string>;
  bad: boolean;
}

/** One of our own two devices. */
export type DeviceKind = "microphone" | "camera";

export interface RoomState {
  connection: "connecting" | "online" | "lost" | "ended";
  draining: boolean; // the server said that it goes down for a while
  ended: string; // why, when it has ended for good
  stage: Stage;
  room: RoomStatus;
  me: Person | null;
  people: Person[];
  lines: Line[];
  answers: Answer[];
  integrity: Integrity | null;
  speaking: string[];
  speaker: string; // who was heard last, for the phone's one large picture
  streams: Record<string, MediaStream>;
  weak: string[]; // streams whose picture is held back because our network is weak
  local: MediaStream | null;
  screen: MediaStream | null; // that we share
  microphone: boolean;
  camera: boolean;
  faults: Partial<Record<DeviceKind, DeviceFault | "held" | "asked" | "unsent">>; // held: the system keeps it for itself, as in a call; asked: the browser's question is not answered yet; unsent: no encoder makes a picture of it
  failed: VideoCodec[]; // whose encoders made nothing on this device
  choice: DeviceChoice;
  toasts: Toast[];
  news: News[]; // of the others, for those who do not see them; the newest last
  resumes: number;
  lastGapMs: number;
  mediaState: { pub: string; sub: string };
}

export class Room {
  readonly socket: HearingSocket;
  readonly media: HearingMedia;
  readonly views: Views;
  state: RoomState;
  private listeners = new Set<() => void>();
  private lostAt = 0;
  private ice: RTCIceServer[] = [];
  private toasts = 0;
  private mic: MediaStreamTrack | null = null;
  private cam: MediaStreamTrack | null = null;
  private opened = false;
  private sharing = false; // a screen is being chosen
  private wants: Record<DeviceKind, boolean>; // what the person wants sent, whether or not it can be
  private opening = new Set<DeviceKind>();
  private fellBack: VideoCodec | "" = ""; // from this codec, and it is not known yet whether that helped

  constructor(readonly config: HearingConfig) {
    const observer = config.me.seat === "observer";
    this.state = {
      connection: "connecting", draining: false, ended: "", stage: "connecting",
      room: { phase: "waiting", next: [], recording: false, light: "off", reasons: [] },
      me: null, people: [], lines: [], answers: [], integrity: null, speaking: [], speaker: "",
      streams: {}, weak: [], local: null, screen: null, microphone: !observer, camera: !observer, faults: {}, failed: loadFailed(), choice: loadChoice(),
      toasts: [], news: [], resumes: 0, lastGapMs: 0, mediaState: { pub: "none", sub: "none" },
    };
    if (this.state.choice.camera === "none") this.state.camera = false;
    this.wants = { microphone: this.state.microphone, camera: this.state.camera };
    this.socket = new HearingSocket(socketURL(config.socket), {
      reply: (m) => this.take(m),
      lost: () => {
        this.lostAt = performance.now();
        this.set({ connection: "lost" });
      },
      ended: (why) => this.end(why),
    });
    this.media = new HearingMedia(this.socket, {
      stream: (peer, stream) => this.showStream(peer, stream),
      state: (pub, sub) => this.set({ mediaState: { pub, sub } }),
    }, !observer, () => ({ picture: pictureOf(this.state.choice), codec: codecOf(this.state.choice.codec, this.state.failed) }));
    void learnHardware();
    this.views = new Views((shown) => {
      if (this.media.sub) this.socket.tell({ type: "view", shown });
    });
  }

  get observer(): boolean {
    return this.config.me.seat === "observer";
  }

  start(): void {
    this.socket.start();
    new Patience(() => this.media.sub).start();
    watchEncoder(
      async () => (document.hidden || this.state.connection !== "online" ? null : this.media.encoded()),
      (works, codec) => (works ? this.encoderWorks(codec) : this.encoderFailed(codec)),
    );
    window.addEventListener("online", () => {
      if (this.state.stage === "admitted") this.media.restart();
    });
    onPutAway(() => this.putAway(), () => this.socket.unsuspend());
    onDeviceHope(() => {
      for (const kind of ["microphone", "camera"] as const) {
        const fault = this.state.faults[kind];
        if (fault && fault !== "denied") void this.reopen(kind); // to ask again unasked would be a nuisance
      }
    });
    onPermission((kind) => void this.reopen(kind));
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  set(change: Partial<RoomState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  /** Sends a request; a refusal is told to the person in words. */
  async act(request: Request): Promise<boolean> {
    try {
      await this.socket.ask(request);
      return true;
    } catch (e) {
      if (e instanceof Refused && e.code !== "ended") this.toast(`refused.${e.code}`, {}, true);
      return false;
    }
  }

  toast(key: string, params: Record<string, string> = {}, bad = false): void {
    const id = ++this.toasts;
    this.set({ toasts: [...this.state.toasts.slice(-2), { id, key, params, bad }] });
    window.setTimeout(() => this.set({ toasts: this.state.toasts.filter((t) => t.id !== id) }), 6000);
  }

  leave(): void {
    this.socket.leave();
  }

  /** Opens a device again that the person wants and that is not there. */
  async reopen(kind: DeviceKind): Promise<void> {
    const there = kind === "microphone" ? this.mic : this.cam;
    if (!this.wants[kind] || there || !this.inside) return;
    await (kind === "microphone" ? this.setMicrophone(true) : this.setCamera(true));
    if (this.state[kind]) this.toast(`device.back.${kind}`);
  }

  /** The person asks for another try. A device that is open but of which no picture goes out is opened anew. */
  async retry(kind: DeviceKind): Promise<void> {
    if (this.state.faults[kind] !== "unsent") return this.reopen(kind);
    await this.setCamera(false);
    await this.setCamera(true);
  }

  /** The person goes on without a device that does not open. */
  async without(kind: DeviceKind): Promise<void> {
    await (kind === "microphone" ? this.setMicrophone(false) : this.setCamera(false));
    this.set({ faults: { ...this.state.faults, [kind]: undefined } });
  }

  async setMicrophone(on: boolean): Promise<void> {
    this.wants.microphone = on;
    if (on && !this.mic) await this.openMic();
    const wanted = this.wants.microphone; // which may have changed while it opened
    if (this.mic) this.mic.enabled = wanted;
    this.set({ microphone: wanted && !!this.mic });
    this.tellDevices();
  }

  async setCamera(on: boolean): Promise<void> {
    this.wants.camera = on;
    if (on && !this.cam) await this.openCam();
    const wanted = this.wants.camera;
    if (!wanted && this.cam) {
      this.cam.stop();
      this.cam = null;
      await this.media.setTrack("video", null);
      this.faultOfEncoder(false);
    }
    this.set({ camera: wanted && !!this.cam });
    this.showLocal();
    this.tellDevices();
  }

  /** The camera's picture goes out: what was wrong with its encoder is over. */
  private encoderWorks(codec: VideoCodec): void {
    if (this.state.faults.camera === "unsent") this.faultOfEncoder(false);
    if (!this.fellBack || codec === this.fellBack) return;
    this.toast("codec.fellBack", { codec: this.fellBack, now: codec });
    this.fellBack = "";
  }

  /** No picture of the camera goes out by this codec: VP8, which browsers encode without hardware, is tried after any other, and nothing after VP8. */
  private encoderFailed(codec: VideoCodec): void {
    if (codec === "VP8") return this.faultOfEncoder(true);
    const failed = [...new Set([...this.state.failed, codec])];
    console.warn("no picture by the encoder of", codec);
    saveFailed(failed);
    this.set({ failed });
    this.fellBack = codec;
    this.media.join(true); // the server takes a stream's codec from its beginning: in place of it comes a new one
  }

  private faultOfEncoder(fails: boolean): void {
    if (fails === (this.state.faults.camera === "unsent")) return;
    this.set({ faults: { ...this.state.faults, camera: fails ? "unsent" : undefined } });
    this.tellDevices();
  }

  /** Shares a screen that the person chooses; the room is asked once there is one. */
  async share(): Promise<void> {
    if (this.sharing || this.state.screen) return;
    this.sharing = true;
    try {
      const track = await openScreen();
      if (!track) return;
      if (!(await this.act({ type: "share", shared: true }))) {
        track.stop();
        return;
      }
      this.set({ screen: new MediaStream([track]) });
      track.onended = () => void this.unshare(); // by the browser's own bar
      if (track.readyState === "ended") return await this.unshare();
      await this.media.share(track);
    } catch (e) {
      console.warn("share a screen", e);
      this.toast("screen.failed", {}, true);
    } finally {
      this.sharing = false;
    }
  }

  /** Ends our shared screen. */
  async unshare(): Promise<void> {
    await this.dropScreen();
    await this.act({ type: "share", shared: false });
  }

  private async dropScreen(): Promise<void> {
    const tracks = this.state.screen?.getTracks() ?? [];
    if (!tracks.length) return;
    for (const track of tracks) {
      track.onended = null;
      track.stop();
    }
    this.set({ screen: null });
    await this.media.share(null);
  }

  /** Tells whose screen is shared now, and stops ours where the room shows it no more. */
  private screenTold(before: string | undefined, now: string | undefined): void {
    if (before === now) return;
    const name = this.state.people.find((p) => p.id === (now ?? before))?.name ?? "";
    this.toast(now ? "screen.told.on" : "screen.told.off", { name });
    if (before === this.config.me.account) void this.dropScreen();
  }

  async choose(choice: DeviceChoice): Promise<void> {
    const before = this.state.choice;
    saveChoice(choice);
    this.set({ choice });
    if (choice.microphone !== before.microphone && this.mic) {
      this.mic.stop();
      this.mic = null;
      await this.setMicrophone(this.state.microphone);
    }
    if (choice.camera !== before.camera || choice.picture !== before.picture) {
      await this.setCamera(false);
      if (choice.camera !== "none") await this.setCamera(true);
    }
    if ((choice.picture !== before.picture || choice.codec !== before.codec) && this.state.stage === "admitted") this.media.join(true); // other encodings want another connection
  }

  private async openMic(): Promise<void> {
    await this.openDevice("microphone", () => openMicrophone(this.state.choice.microphone), async (track) => {
      this.mic = track;
      await this.media.setTrack("audio", track);
    });
  }

  private async openCam(): Promise<void> {
    const id = this.state.choice.camera === "none" ? "" : this.state.choice.camera;
    await this.openDevice("camera", () => openCamera(id, pictureOf(this.state.choice)), async (track) => {
      this.cam = track;
      await this.media.setTrack("video", track);
    });
  }

  /** Opens one device, one attempt at a time; why it does not open stays on the page until it does. */
  private async openDevice(kind: DeviceKind, open: () => Promise<MediaStreamTrack>, take: (track: MediaStreamTrack) => Promise<void>): Promise<void> {
    const ask = () => this.set({ faults: { ...this.state.faults, [kind]: "asked" }, [kind]: false });
    if (this.opening.has(kind)) return ask();
    this.opening.add(kind);
    const asked = window.setTimeout(ask, promptTime);
    try {
      const track = await open();
      if (!this.inside || !this.opened) { // the hearing ended for us while the browser asked
        track.stop();
        return;
      }
      track.onended = () => void this.lostDevice(kind, track);
      watchHeld(track, (held) => this.holdDevice(kind, track, held));
      await take(track);
      this.set({ faults: { ...this.state.faults, [kind]: undefined } });
    } catch (e) {
      this.forget(kind);
      this.set({ faults: { ...this.state.faults, [kind]: faultOf(e) } });
    } finally {
      window.clearTimeout(asked);
      this.opening.delete(kind);
    }
  }

  /** Whether the person is in a hearing that is not over. */
  private get inside(): boolean {
    return this.state.stage === "admitted" && this.state.room.phase !== "closed";
  }

  private forget(kind: DeviceKind): void {
    if (kind === "microphone") this.mic = null;
    else this.cam = null;
  }

  /** A device was unplugged: another is taken where there is one, else this one once it is back. */
  private async lostDevice(kind: DeviceKind, track: MediaStreamTrack): Promise<void> {
    if (track !== (kind === "microphone" ? this.mic : this.cam)) return;
    const wanted = this.state[kind]; // a microphone that was switched off stays off
    this.forget(kind);
    this.set({ [kind]: false });
    await this.media.setTrack(kind === "microphone" ? "audio" : "video", null);
    this.showLocal();
    this.tellDevices();
    if (wanted) await this.reopen(kind);
  }

  /** The system took a device for itself, or gave it back. */
  private holdDevice(kind: DeviceKind, track: MediaStreamTrack, held: boolean): void {
    if (track !== (kind === "microphone" ? this.mic : this.cam)) return;
    this.set({ faults: { ...this.state.faults, [kind]: held ? "held" : undefined } });
    this.tellDevices();
  }

  private showLocal(): void {
    this.set({ local: this.cam ? new MediaStream([this.cam]) : null });
  }

  private tellDevices(): void {
    this.socket.tell({ type: "devices", microphone: !!this.mic && this.state.microphone && this.state.faults.microphone !== "held", camera: !!this.cam && this.state.camera && !["held", "unsent"].includes(this.state.faults.camera ?? "") });
  }

  private take(m: Reply): void {
    switch (m.type) {
      case "welcome":
        return this.welcome(m);
      case "room":
        return this.phase(m);
      case "person":
        return this.person(m.person);
      case "line":
        return this.set({ lines: upsert(this.state.lines, m.line) });
      case "answers":
        return this.set({ answers: m.answers });
      case "integrity":
        return this.set({ integrity: m });
      case "drain":
        return this.set({ draining: true });
      case "notice":
        return this.notice(m.code, m.by);
      case "media":
        if (m.fresh) this.set({ weak: [] });
        this.media.joined(m.fresh, this.ice);
        if (m.fresh) this.views.again();
        return;
      case "layers":
        if (m.source === "camera") void this.media.layers(m.off);
        return;
      case "published":
        return void this.media.published(m.sdp);
      case "subscribe":
        return void this.media.subscribe(m.sdp);
      case "candidate":
        return void this.media.candidate(m.target, m.candidate);
      case "track":
        return m.added || m.media !== "video" ? undefined : this.weak(m.peer, m.source, false);
      case "paused":
        return this.weak(m.peer, m.source, m.paused);
      case "speaking":
        return this.set({ speaking: m.peers, speaker: m.first && m.first !== this.config.me.account ? m.first : this.state.speaker });
      default:
        return undefined;
    }
  }

  private weak(peer: string, source: string, paused: boolean): void {
    const id = source === "screen" ? `${peer}.screen` : peer;
    const others = this.state.weak.filter((x) => x !== id);
    this.set({ weak: paused ? [...others, id] : others });
  }

  private welcome(m: Welcome): void {
    const back = this.state.connection === "lost";
    const before = this.state.room.phase;
    this.ice = m.iceServers;
    this.media.tell(this.ice);
    const me = m.people.find((p) => p.id === m.you) ?? null;
    const stage = me ? stageOf(me) : "connecting";
    const entered = stage === "admitted" && this.state.stage !== "admitted";
    if (m.room.screen !== m.you) void this.dropScreen(); // it ended while we were away
    this.set({
      connection: "online", draining: false, room: m.room, people: m.people, lines: m.lines, answers: m.answers, integrity: m.integrity ?? null, me, stage,
      ...(back ? { weak: [] } : {}), // what is held back is told again
      resumes: this.state.resumes + (back ? 1 : 0),
      lastGapMs: back ? Math.round(performance.now() - this.lostAt) : this.state.lastGapMs,
    });
    if (back && m.room.phase !== before) this.toast(`phase.told.${m.room.phase}`);
    if (stage !== "admitted" || m.room.phase === "closed") return;
    if (entered || !this.media.sub) this.enter();
    else if (!m.media) this.media.join(true);
    else this.media.heal();
    this.tellDevices();
  }

  /** Joins the media room and opens the devices once: others are seen and heard while the browser still asks for ours. */
  private enter(): void {
    this.media.join(true);
    if (this.opened || this.observer) return;
    this.opened = true;
    if (this.wants.microphone) void this.setMicrophone(true);
    if (this.wants.camera) void this.setCamera(true);
  }

  private phase(m: { type: "room" } & RoomStatus): void {
    const { type: _, ...room } = m;
    const { phase } = room;
    const { phase: before, pause, screen } = this.state.room;
    this.set({ room });
    this.screenTold(screen, room.screen);
    if (phase !== before) this.toast(`phase.told.${phase}`);
    else if (room.pause && !pause) this.toast(`pause.told.${room.pause.reason}`);
    else if (!room.pause && pause) this.toast("pause.told.over");
    if (phase === "closed") this.release();
  }

  /** The hearing is over: cameras and microphones go off, the transcript stays. */
  private release(): void {
    void this.dropScreen();
    this.media.close();
    for (const [kind, track] of [["audio", this.mic], ["video", this.cam]] as const) {
      track?.stop();
      void this.media.setTrack(kind, null);
    }
    this.mic = this.cam = null;
    this.set({ local: null, microphone: false, camera: false, speaking: [], faults: {} });
  }

  /** The browser keeps the page for a return by its back button: nothing of us is sent or shown meanwhile. */
  private putAway(): void {
    if (this.state.stage === "ended") return;
    this.release();
    this.opened = false; // the welcome after the return opens the devices again
    this.socket.suspend();
    this.lostAt = performance.now();
    this.set({ connection: "lost" });
  }

  private person(p: Person): void {
    const key = p.id === this.config.me.account ? "" : newsOf(this.state.people.find((o) => o.id === p.id), p, this.config.me.seat);
    if (key) this.set({ news: [...this.state.news.slice(-4), { id: ++this.toasts, key, name: p.name, seat: p.seat }] });
    const people = this.state.people.some((o) => o.id === p.id)
      ? this.state.people.map((o) => (o.id === p.id ? p : o))
      : [...this.state.people, p];
    const mine = p.id === this.config.me.account;
    this.set({ people, ...(mine ? { me: p, stage: stageOf(p) } : {}) });
  }

  private notice(code: string, by: string): void {
    if (code === "media-closed") {
      if (this.state.stage === "admitted" && this.state.room.phase !== "closed") this.media.join(true);
      return;
    }
    this.toast(`notice.${code}`, { by }, code === "muted");
  }

  private showStream(id: string, stream: MediaStream | null): void {
    const streams = { ...this.state.streams };
    if (stream) streams[id] = stream;
    else delete streams[id];
    this.set({ streams });
  }

  private end(why: string): void {
    this.release();
    this.set({ connection: "ended", ended: why, stage: "ended" });
  }
}

export function stageOf(me: Person): Stage {
  switch (me.standing) {
    case "present":
      return "admitted";
    case "lobby":
      return "lobby";
    case "declaring":
      return "declare";
    default:
      return "connecting";
  }
}

function upsert(lines: Line[], line: Line): Line[] {
  const at = lines.findIndex((l) => l.id === line.id);
  if (at < 0) return [...lines, line].sort((a, b) => a.seq - b.seq);
  return lines.map((l, i) => (i === at ? line : l));
}

export type { Phase };
