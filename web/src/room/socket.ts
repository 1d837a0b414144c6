// The socket of one person in one hearing. It comes back by itself after a fault, with the resume
// token, and sends again what was not yet acknowledged.

import { CourtClock } from "../lib/clock";
import { newID } from "../lib/uuid";
import { final, version, type Reply, type Request } from "./protocol";

const silence = 3000; // without any message for so long the connection is dead
const clockEvery = 1000;
const wakePatience = 1000; // what a connection may take to answer after a sleep
const putAway = 4001; // close code: the browser puts the page away
const backoff = [80, 250, 500, 900, 1400, 2000]; // milliseconds before each try

export class Refused extends Error {
  constructor(readonly code: string, readonly detail = "") {
    super(code);
  }
}

interface Waiting {
  request: Request;
  resolve: () => void;
  reject: (why: Refused) => void;
}

export interface SocketEvents {
  reply(message: Reply): void;
  lost(): void;
  ended(why: string): void;
}

// What only makes sense on the connection it was meant for is never sent again.
const momentary = new Set(["media", "publish", "subscribed", "candidate", "restart", "devices", "leave"]);

export class HearingSocket {
  readonly clock = new CourtClock();
  private socket: WebSocket | null = null;
  private token = "";
  private tries = 0;
  private lastHeard = 0;
  private lastBeat = 0;
  private lastWall = 0; // of the last beat: the other clock may stand still while the machine sleeps
  private lastAnswer = 0; // when the clock was asked that was answered last
  private page = newID();
  private attempts = 0; // so that one that was given up and arrives late does not end its successor
  private away = false; // the page is put away
  private online = false;
  private over = false;
  private timer = 0;
  private refs = 0;
  private notBefore = 0; // a server that goes down said when to come back
  private waiting = new Map<string, Waiting>();

  constructor(private url: string, private events: SocketEvents) {}

  start(): void {
    this.lastBeat = performance.now();
    this.lastWall = Date.now();
    this.open();
    window.setInterval(() => this.beat(), clockEvery);
    window.addEventListener("online", () => this.retryNow());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && !this.online) this.retryNow();
    });
    document.addEventListener("resume", () => this.wake()); // of a frozen page
  }

  /** Sends a request and resolves when the server has stored it. */
  ask(request: Request): Promise<void> {
    const ref = `r${++this.refs}`;
    return new Promise((resolve, reject) => {
      if (this.over) {
        reject(new Refused("ended"));
        return;
      }
      this.waiting.set(ref, { request, resolve, reject });
      if (this.online) this.write({ ref, ...request });
      else if (momentary.has(request.type)) this.settle(ref, new Refused("offline"));
    });
  }

  /** Sends without asking for an answer; lost when the connection is. */
  tell(request: Request): void {
    if (this.online) this.write(request);
  }

  /** The leave button. */
  leave(): void {
    this.over = true;
    this.write({ type: "leave" });
    this.events.ended("left");
  }

  /** Breaks the connection as a network fault would; for tests and after a change of network. */
  drop(): void {
    const old = this.socket;
    if (old) this.lose(old);
  }

  /** Ends the connection while the browser keeps the page for a return; the token goes too, for what it stood for ends here. */
  suspend(): void {
    this.away = true;
    window.clearTimeout(this.timer);
    const old = this.socket;
    this.socket = null;
    this.online = false;
    this.token = "";
    for (const [ref, w] of this.waiting) if (momentary.has(w.request.type)) this.settle(ref, new Refused("offline"));
    if (!old) return;
    old.onclose = old.onmessage = null;
    old.close(putAway);
  }

  /** Comes back after suspend. */
  unsuspend(): void {
    this.away = false;
    this.retryNow();
  }

  /** The page or the machine slept: a connection that stands answers at once, any other is given up without the usual silence. */
  private wake(): void {
    const socket = this.socket;
    if (!socket) this.retryNow();
    if (!socket || !this.online) return;
    const asked = performance.now();
    this.write({ type: "clock", sent: asked });
    window.setTimeout(() => {
      if (this.lastAnswer < asked) this.lose(socket);
    }, wakePatience);
  }

  private open(): void {
    if (this.over || this.away) return;
    const attempt = ++this.attempts;
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.lastHeard = performance.now();
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", version, resume: this.token, page: this.page, attempt }));
    socket.onmessage = (e) => {
      if (socket === this.socket) this.take(JSON.parse(e.data as string) as Reply);
    };
    socket.onclose = (e) => {
      if (socket === this.socket) this.closed(e.code, socket);
    };
  }

  private take(message: Reply): void {
    this.lastHeard = performance.now();
    switch (message.type) {
      case "welcome":
        this.token = message.resume;
        this.tries = 0;
        this.clock.hint(message.now);
        this.welcomed(message);
        return;
      case "clock":
        this.lastAnswer = message.sent;
        this.clock.sample(message.sent, performance.now(), message.now);
        return;
      case "drain":
        this.notBefore = performance.now() + Math.min(message.retryAfter, 30_000) * (0.8 + Math.random() * 0.4);
        this.events.reply(message);
        return;
      case "done":
        this.settle(message.ref);
        return;
      case "failed":
        if (message.ref) this.settle(message.ref, new Refused(message.code, message.detail));
        return;
      default:
        this.events.reply(message);
    }
  }

  private welcomed(message: Reply): void {
    const again = !this.online;
    this.online = true;
    this.events.reply(message);
    if (!again) return;
    for (const [ref, w] of this.waiting) this.write({ ref, ...w.request });
    this.beat();
  }

  private settle(ref: string, why?: Refused): void {
    const w = this.waiting.get(ref);
    if (!w) return;
    this.waiting.delete(ref);
    if (why) w.reject(why);
    else w.resolve();
  }

  private write(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private beat(): void {
    if (this.over || this.away) return;
    const now = performance.now();
    const wall = Date.now();
    const throttled = Math.max(now - this.lastBeat, wall - this.lastWall) > 2.5 * clockEvery; // a hidden tab's timers, or those of a machine that slept, say nothing of the network
    this.lastBeat = now;
    this.lastWall = wall;
    if (throttled) {
      this.wake();
      return;
    }
    // A connection being made gets more time with each try, or a slow one would be given up for ever.
    const patience = this.online ? silence : Math.min(silence + 1500 * this.tries, 4 * silence);
    if (this.socket && now - this.lastHeard > patience) {
      this.lose(this.socket);
      return;
    }
    if (this.online) this.write({ type: "clock", sent: now });
  }

  private closed(code: number, socket: WebSocket): void {
    const why = final.get(code);
    if (why && !this.over) {
      this.over = true;
      this.socket = null;
      this.online = false;
      for (const ref of [...this.waiting.keys()]) this.settle(ref, new Refused("ended"));
      this.events.ended(why);
      return;
    }
    this.lose(socket);
  }

  private lose(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.socket = null;
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
    if (this.over) return;
    const was = this.online;
    this.online = false;
    for (const [ref, w] of this.waiting) if (momentary.has(w.request.type)) this.settle(ref, new Refused("offline"));
    if (was) this.events.lost();
    const pause = backoff[Math.min(this.tries++, backoff.length - 1)]! * (0.8 + Math.random() * 0.4);
    const wait = Math.max(pause, this.notBefore - performance.now());
    this.timer = window.setTimeout(() => this.open(), wait);
  }

  private retryNow(): void {
    if (this.over || this.away || this.online) return;
    window.clearTimeout(this.timer);
    const old = this.socket;
    if (old) {
      old.onclose = null;
      old.onmessage = null;
      old.close();
    }
    this.tries = 0;
    this.open();
  }
}
