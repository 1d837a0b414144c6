// The two peer connections of a person: "pub" sends and the client offers, "sub" receives and the
// server offers, so the two sides can never collide.

import type { HearingSocket } from "./socket";
import { figures, type Encoded } from "./encoder";
import { encodings, plain, preferred, screenEncoding, stop, type CameraSending } from "./encodings";
import type { Target } from "./protocol";

const settleTime = 1500; // a disconnected path may heal by itself for so long
const restartTime = 6000; // after so long an ICE restart has failed and everything begins afresh
const startTime = 15_000; // so long may new connections take; twice that after each failure, up to longestStart
const longestStart = 120_000;

export interface MediaEvents {
  /** What a peer sends has changed; null when it sends nothing any more. */
  stream(peer: string, stream: MediaStream | null): void;
  state(pub: string, sub: string): void;
}

/** Names Opus in a description as repairable: with it 30 % of packets may be lost without a gap. */
export function withAudioRepair(sdp: string): string {
  const opus = /^a=rtpmap:(\d+) opus\/48000/im.exec(sdp)?.[1];
  if (!opus || new RegExp(`^a=rtcp-fb:${opus} nack\\s*$`, "m").test(sdp)) return sdp;
  return sdp.replace(new RegExp(`^(a=rtpmap:${opus} opus/48000[^\\r\\n]*\\r?\\n)`, "gim"), `$1a=rtcp-fb:${opus} nack\r\n`);
}

export class HearingMedia {
  pub: RTCPeerConnection | null = null;
  sub: RTCPeerConnection | null = null;
  private audio: RTCRtpSender | null = null;
  private video: RTCRtpSender | null = null;
  private screen: RTCRtpTransceiver | null = null;
  private sent: CameraSending = { picture: "small", codec: "VP8" }; // what the camera's section was made with
  private streams = new Map<string, MediaStream>();
  private early: { target: Target; candidate: RTCIceCandidateInit }[] = [];
  private joining = false;
  private settling = 0;
  private restarting = 0;
  private restarts = 0; // begun so far
  private starting = 0;
  private patience = startTime;
  private negotiating = Promise.resolve();
  private tracks: { audio: MediaStreamTrack | null; video: MediaStreamTrack | null; screen: MediaStreamTrack | null } = { audio: null, video: null, screen: null };

  constructor(
    private socket: HearingSocket,
    private events: MediaEvents,
    private sends: boolean,
    private sending: () => CameraSending,
  ) {}

  /** Stops the encodings of the camera that nobody takes, and sends the others. */
  layers(off: string[]): Promise<void> {
    return this.serially(async () => {
      const parameters = this.video?.getParameters();
      if (!this.video || !parameters?.encodings.length) return;
      if (stop(off, this.sent, parameters.encodings)) await this.video.setParameters(parameters);
    });
  }

  /** What became of the camera's picture so far; null while none is to be sent, or there is no way for it. */
  async encoded(): Promise<Encoded | null> {
    const { pub, video, restarting } = this;
    const track = this.tracks.video;
    if (!pub || !video || pub.connectionState !== "connected" || restarting) return null;
    if (!track?.enabled || track.muted || track.readyState !== "live") return null;
    if (!pub.getTransceivers().some((section) => section.sender === video && section.currentDirection === "sendonly")) return null;
    if (!video.getParameters().encodings.some((e) => e.active !== false)) return null; // nobody takes any
    return figures(pub, video, this.sent.codec);
  }

  /** Asks the server for a peer; fresh begins anew whatever there was. */
  join(fresh: boolean): void {
    if (this.joining) return; // one at a time: its answer is on the way
    this.joining = true;
    this.socket
      .ask({ type: "media", fresh })
      .catch(() => undefined) // the next welcome asks again
      .finally(() => (this.joining = false));
  }

  /** The server's peer stands. When it is a new one, so are our connections. */
  joined(fresh: boolean, ice: RTCIceServer[]): void {
    if (!fresh && this.pub && this.sub) {
      this.heal();
      return;
    }
    if (!fresh) {
      this.joining = false;
      this.join(true);
      return;
    }
    this.close();
    const config: RTCConfiguration = { iceServers: ice, bundlePolicy: "max-bundle" };
    this.sub = this.connection("sub", config);
    this.sub.ontrack = (e) => this.arrived(e);
    this.pub = this.connection("pub", config);
    if (this.sends) {
      this.audio = this.pub.addTransceiver(this.tracks.audio ?? "audio", { direction: "sendonly" }).sender;
      this.video = this.camera(this.pub);
      this.addScreen(this.pub);
      void this.offer(false);
    }
  }

  /** The camera's section, with the encodings and the codec that suit this device. */
  private camera(pub: RTCPeerConnection): RTCRtpSender {
    this.sent = this.sending();
    const add = (sendEncodings: RTCRtpEncodingParameters[]) => pub.addTransceiver(this.tracks.video ?? "video", { direction: "sendonly", sendEncodings });
    let section: RTCRtpTransceiver;
    try {
      section = add(encodings(this.sent));
    } catch {
      this.sent = { ...this.sent, codec: "VP8" }; // no layers in one stream here
      section = add(plain(encodings(this.sent)));
    }
    try {
      section.setCodecPreferences?.(preferred(this.sent.codec));
    } catch (e) {
      console.info("codec preferences", e); // the browser's own order then holds
    }
    return section.sender;
  }

  /** Sends a shared screen in a section of its own, which comes after the camera's; null ends it for everybody. */
  async share(track: MediaStreamTrack | null): Promise<void> {
    this.tracks.screen = track;
    this.screen?.stop();
    this.screen = null;
    if (!this.pub) return; // it is sent once there is a connection
    this.addScreen(this.pub);
    await this.offer(false);
  }

  private addScreen(pub: RTCPeerConnection): void {
    if (!this.tracks.screen) return;
    const add = (sendEncodings: RTCRtpEncodingParameters[]) => pub.addTransceiver(this.tracks.screen!, { direction: "sendonly", sendEncodings });
    try {
      this.screen = add([{ ...screenEncoding }]);
    } catch {
      this.screen = add(plain([screenEncoding]));
    }
    this.screen.setCodecPreferences?.(preferred("VP8"));
  }

  /** New credentials of the ways: an ICE restart uses them. */
  tell(ice: RTCIceServer[]): void {
    for (const pc of [this.pub, this.sub]) pc?.setConfiguration({ ...pc.getConfiguration(), iceServers: ice });
  }

  /** The socket is back and the peer still stands: mend what the fault broke. What a restart said meanwhile was lost with the socket. */
  heal(): void {
    const broken = [this.pub, this.sub].some((pc) => pc && ["disconnected", "failed"].includes(pc.connectionState));
    if (broken || this.restarting) {
      window.clearTimeout(this.restarting);
      this.restarting = 0;
      this.restart();
      return;
    }
    if (!this.settled()) this.expect();
  }

  async setTrack(kind: "audio" | "video", track: MediaStreamTrack | null): Promise<void> {
    this.tracks[kind] = track;
    const sender = kind === "audio" ? this.audio : this.video;
    await sender?.replaceTrack(track);
  }

  /** An ICE restart of both connections: the network has changed under them. */
  restart(): void {
    if (this.restarting) return;
    this.restarts++;
    this.restarting = window.setTimeout(() => {
      this.restarting = 0;
      if (!this.connected()) this.join(true);
    }, restartTime);
    if (this.sends) void this.offer(true);
    this.socket.tell({ type: "restart" });
  }

  /** Begins afresh unless what was begun stands in time: a description may have been lost with the socket, or refused. */
  private expect(): void {
    if (this.starting) return;
    this.starting = window.setTimeout(() => {
      this.starting = 0;
      if (this.settled()) return;
      this.patience = Math.min(2 * this.patience, longestStart);
      this.join(true);
    }, this.patience);
  }

  /** Whether every connection that has something to carry is up. */
  private settled(): boolean {
    const fine = (pc: RTCPeerConnection | null) => !pc || (pc.connectionState === "connected" && pc.signalingState === "stable");
    return (!this.sends || fine(this.pub)) && (!this.sub?.remoteDescription || fine(this.sub));
  }

  connected(): boolean {
    const fine = (pc: RTCPeerConnection | null) => !!pc && pc.connectionState === "connected";
    return fine(this.sub) && (!this.sends || fine(this.pub));
  }

  published(sdp: string): Promise<void> {
    return this.serially(async () => {
      const pc = this.pub;
      if (pc?.signalingState !== "have-local-offer") return; // answer to an offer of before
      await pc.setRemoteDescription({ type: "answer", sdp });
      await this.flush("pub", pc);
    });
  }

  subscribe(sdp: string): Promise<void> {
    return this.serially(async () => {
      const pc = this.sub;
      if (!pc) return;
      this.expect();
      await pc.setRemoteDescription({ type: "offer", sdp });
      await this.flush("sub", pc);
      const answer = await pc.createAnswer();
      const repairable = /a=rtcp-fb:\d+ nack\s/.test(sdp) ? withAudioRepair(answer.sdp ?? "") : (answer.sdp ?? "");
      await this.setLocal(pc, "answer", repairable, answer.sdp ?? "");
      if (pc !== this.sub) return; // everything began afresh meanwhile
      this.socket.tell({ type: "subscribed", sdp: pc.localDescription?.sdp ?? repairable });
    });
  }

  async candidate(target: Target, candidate: RTCIceCandidateInit): Promise<void> {
    const pc = target === "pub" ? this.pub : this.sub;
    if (!pc?.remoteDescription) {
      if (this.early.length < 64) this.early.push({ target, candidate });
      return;
    }
    await pc.addIceCandidate(candidate).catch((e: unknown) => console.info("candidate of an earlier connection", e));
  }

  close(): void {
    window.clearTimeout(this.settling);
    window.clearTimeout(this.restarting);
    window.clearTimeout(this.starting);
    this.settling = this.restarting = this.starting = 0;
    for (const pc of [this.pub, this.sub]) {
      if (!pc) continue;
      pc.onconnectionstatechange = pc.onicecandidate = pc.ontrack = null;
      pc.close();
    }
    this.pub = this.sub = null;
    this.negotiating = Promise.resolve(); // a step on a closed connection never settles: nothing may wait for it
    this.audio = this.video = this.screen = null;
    this.early = [];
    for (const peer of this.streams.keys()) this.events.stream(peer, null);
    this.streams.clear();
    this.told();
  }

  private connection(target: Target, config: RTCConfiguration): RTCPeerConnection {
    const pc = new RTCPeerConnection(config);
    pc.onicecandidate = (e) => {
      if (e.candidate) this.socket.tell({ type: "candidate", target, candidate: e.candidate.toJSON() });
    };
    pc.onconnectionstatechange = () => this.changed(pc);
    return pc;
  }

  private changed(pc: RTCPeerConnection): void {
    this.told();
    if (this.connected()) {
      window.clearTimeout(this.settling);
      window.clearTimeout(this.restarting);
      this.settling = this.restarting = 0;
      this.patience = startTime;
      return;
    }
    if (pc.connectionState === "failed") this.restart();
    if (pc.connectionState === "disconnected" && !this.settling) {
      this.settling = window.setTimeout(() => {
        this.settling = 0;
        if (pc.connectionState !== "connected") this.restart();
      }, settleTime);
    }
  }

  private told(): void {
    this.events.state(this.pub?.connectionState ?? "none", this.sub?.connectionState ?? "none");
  }

  private offer(iceRestart: boolean): Promise<void> {
    const { restarts } = this;
    return this.serially(async () => {
      const pc = this.pub;
      if (!pc) return;
      this.expect();
      const offer = await pc.createOffer({ iceRestart });
      await this.setLocal(pc, "offer", withAudioRepair(offer.sdp ?? ""), offer.sdp ?? "");
      if (pc !== this.pub || restarts !== this.restarts) return; // what began meanwhile offers more: of two offers the answer to the first would be taken for both
      this.socket.tell({ type: "publish", sdp: withAudioRepair(pc.localDescription?.sdp ?? "") });
    });
  }

  /** Sets the description that asks for repair; a browser that will not have it gets its own back. */
  private async setLocal(pc: RTCPeerConnection, type: "offer" | "answer", wanted: string, own: string): Promise<void> {
    try {
      await pc.setLocalDescription({ type, sdp: wanted });
    } catch (e) {
      if (wanted === own) throw e;
      await pc.setLocalDescription({ type, sdp: own });
    }
  }

  /** Runs negotiation steps one after another, across both connections. */
  private serially(step: () => Promise<void>): Promise<void> {
    this.negotiating = this.negotiating.then(step).catch((e: unknown) => {
      console.warn("negotiation", e);
    });
    return this.negotiating;
  }

  private async flush(target: Target, pc: RTCPeerConnection): Promise<void> {
    const mine = this.early.filter((c) => c.target === target);
    this.early = this.early.filter((c) => c.target !== target);
    for (const c of mine) {
      await pc.addIceCandidate(c.candidate).catch((e: unknown) => console.info("candidate of an earlier connection", e));
    }
  }

  private arrived(e: RTCTrackEvent): void {
    const id = e.streams[0]?.id ?? "";
    const peer = id.replace(/\.screen$/, "");
    if (!peer) return;
    const stream = this.streams.get(id) ?? new MediaStream();
    this.streams.set(id, stream);
    for (const old of stream.getTracks()) if (old.kind === e.track.kind && old !== e.track) stream.removeTrack(old);
    stream.addTrack(e.track);
    const tell = () => this.events.stream(id, stream.getTracks().length ? stream : null);
    e.track.onmute = e.track.onunmute = tell;
    e.streams[0]!.onremovetrack = (gone) => {
      stream.removeTrack(gone.track);
      tell();
    };
    tell();
  }
}
