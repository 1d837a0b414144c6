// One clock for many files. The engine owns the time; each media element is kept at it: far off it is sought,
// a little off its speed is changed by a few per cent until it is back. The clock waits for a file that starts slowly
// or buffers: sought again meanwhile, it would never come to play.

import { recordedFrom, type Manifest, type Stretch, type Track } from "./manifest";

export const speeds = [0.5, 0.75, 1, 1.25, 1.5, 2];

const tickMs = 80;
const nearSeconds = 0.008; // nearer than this is in step
const lagSeconds = 0.06; // of the speed: the clock waits for a file that is further behind
const leadSeconds = 0.1; // of the speed: a file that is further ahead waits for the clock
const farSeconds = 0.35; // further than this is sought, not nudged
const stepSeconds = 0.02; // nearer than this a jump seeks nothing
const nudgeGain = 2; // of the speed for each second off: half of it is made good in a third of a second
const maxNudge = 0.12; // of the speed
const sleptMs = 2500; // a tick that comes later follows a sleep of the page or the machine
const stallMs = 8000; // how long one file may hold up the others

export interface View { t: number; playing: boolean; waiting: boolean; rate: number; broken: ReadonlySet<string> }

export class Engine {
  private t = 0;
  private rate = 1;
  private playing = false;
  private waiting = false;
  private heldSince = 0; // the clock waits for a file since then; 0: it does not
  private last = performance.now();
  private elements = new Map<string, HTMLVideoElement>();
  private broken = new Set<string>();
  private soughtAt = new Map<string, number>();
  private timer = 0;
  private stretch: Stretch | null = null;
  private watched: Stretch[] = [];

  constructor(private manifest: Manifest, private changed: (v: View) => void) {
    this.t = recordedFrom(manifest.parts, 0) ?? 0;
    this.timer = window.setInterval(() => this.tick(), tickMs);
  }

  end(): void {
    window.clearInterval(this.timer);
    this.pause();
  }

  attach(recording: string, element: HTMLVideoElement | null): void {
    if (!element) {
      this.elements.delete(recording);
      return;
    }
    if (this.elements.get(recording) === element) return;
    this.elements.set(recording, element);
    element.addEventListener("error", () => {
      this.broken.add(recording);
      this.tell();
    });
    this.align(true);
  }

  volume(participant: string, volume: number): void {
    for (const track of this.manifest.tracks) {
      const element = this.elements.get(track.recording);
      if (element && track.participant === participant) {
        element.volume = volume;
        element.muted = volume === 0;
      }
    }
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  play(): void {
    const from = recordedFrom(this.manifest.parts, this.t);
    this.t = from ?? recordedFrom(this.manifest.parts, 0) ?? 0;
    this.playing = true;
    this.last = performance.now();
    this.align(true);
    this.tell();
  }

  pause(): void {
    this.playing = false;
    this.waiting = false;
    this.closeStretch();
    for (const e of this.elements.values()) e.pause();
    this.tell();
  }

  seek(t: number): void {
    this.closeStretch();
    this.t = Math.min(Math.max(t, 0), this.manifest.length);
    this.last = performance.now();
    this.align(true);
    this.tell();
  }

  speed(rate: number): void {
    this.rate = rate;
    this.align(false);
    this.tell();
  }

  /** The next speed up (1) or down (-1). */
  step(by: 1 | -1): void {
    const next = speeds[speeds.indexOf(this.rate) + by];
    if (next) this.speed(next);
  }

  get time(): number {
    return this.t;
  }

  /** The stretches that were shown since the last call. */
  takeWatched(): Stretch[] {
    if (this.stretch) {
      this.closeStretch();
    }
    const list = this.watched;
    this.watched = [];
    return list;
  }

  private closeStretch(): void {
    if (this.stretch && this.stretch.to > this.stretch.from) this.watched.push({ from: Math.round(this.stretch.from), to: Math.round(this.stretch.to) });
    this.stretch = null;
  }

  private tick(): void {
    const now = performance.now();
    const since = now - this.last;
    this.last = now;
    if (!this.playing) return;
    const here = this.tracksNow().filter(({ track }) => !this.broken.has(track.recording));
    const passed = since > sleptMs ? Math.min(since, this.shown(here)) : since;
    const holding = here.some(({ element }) => element.seeking || element.readyState < 3);
    const late = here.some(({ element, track }) => !element.ended && this.t - track.from - 1000 * element.currentTime > 1000 * lagSeconds * this.rate);
    if (!holding && !late) this.heldSince = 0;
    else this.heldSince ||= now;
    const patient = now - this.heldSince < stallMs;
    this.waiting = holding && patient;
    if (!(holding || late) || !patient) {
      const from = this.t;
      this.t += passed * this.rate;
      this.stretch ??= { from, to: from };
      this.stretch.to = this.t;
      this.skip();
    }
    this.align(false);
    this.tell();
  }

  /** How long every file has really played since the last tick, in milliseconds at the speed of now: files rest while a machine sleeps. */
  private shown(here: { track: Track; element: HTMLVideoElement }[]): number {
    if (!here.length) return 0;
    const gone = here.map(({ track, element }) => track.from + 1000 * element.currentTime - this.t);
    return Math.max(0, Math.min(...gone)) / this.rate;
  }

  /** Recesses are not recorded: playing goes on behind them, and stops at the end. */
  private skip(): void {
    const next = recordedFrom(this.manifest.parts, this.t);
    if (next === this.t) return;
    this.closeStretch();
    if (next === null) {
      this.t = this.manifest.parts.at(-1)?.to ?? this.manifest.length;
      this.pause();
      return;
    }
    this.t = next;
    this.align(true);
  }

  private tracksNow(): { track: Track; element: HTMLVideoElement }[] {
    const out: { track: Track; element: HTMLVideoElement }[] = [];
    for (const track of this.manifest.tracks) {
      const element = this.elements.get(track.recording);
      if (element && present(track, this.t)) out.push({ track, element });
    }
    return out;
  }

  private align(exactly: boolean): void {
    for (const track of this.manifest.tracks) {
      const element = this.elements.get(track.recording);
      if (!element || this.broken.has(track.recording)) continue;
      if (!present(track, this.t)) {
        if (!element.paused) element.pause();
        continue;
      }
      this.steer(track, element, exactly);
    }
  }

  private steer(track: Track, element: HTMLVideoElement, exactly: boolean): void {
    const want = (this.t - track.from) / 1000;
    const drift = element.currentTime - want;
    const sought = performance.now() - (this.soughtAt.get(track.recording) ?? 0) < 600;
    if ((exactly && Math.abs(drift) > stepSeconds) || (Math.abs(drift) > farSeconds && !element.seeking && !sought)) {
      this.soughtAt.set(track.recording, performance.now());
      element.currentTime = want;
    }
    const run = this.playing && !this.waiting && drift < leadSeconds * this.rate;
    const nudge = run && Math.abs(drift) > nearSeconds ? Math.min(Math.max(-nudgeGain * drift, -maxNudge), maxNudge) : 0;
    const rate = this.rate * (1 + nudge);
    if (Math.abs(element.playbackRate - rate) > 0.001) element.playbackRate = rate;
    if (run && element.paused && !element.ended) element.play().catch((e: unknown) => {
      // Our own pause before it began is no fault; a browser that forbids sound without a click is.
      if (e instanceof DOMException && e.name === "NotAllowedError") this.pause();
    });
    if (!run && !element.paused) element.pause();
  }

  private tell(): void {
    this.changed({ t: this.t, playing: this.playing, waiting: this.waiting, rate: this.rate, broken: this.broken });
  }
}

/** Whether the participant is there at t. */
export function present(track: Stretch, t: number): boolean {
  return t >= track.from && t < track.to;
}
