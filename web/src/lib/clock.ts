// The court's time: the server's clock, reached over the socket, not the computer's own.

const keep = 12; // samples; the one with the shortest round trip is believed

export class CourtClock {
  private samples: { rtt: number; offset: number }[] = [];
  private coarse: number | null = null;

  /** A first guess from a message without a round trip. */
  hint(serverNow: string): void {
    this.coarse ??= Date.parse(serverNow) - performance.now();
  }

  /** One exchange: sent and received are performance.now() values, serverNow an RFC 3339 instant. */
  sample(sent: number, received: number, serverNow: string): void {
    const rtt = received - sent;
    const offset = Date.parse(serverNow) + rtt / 2 - received;
    this.samples.push({ rtt, offset });
    if (this.samples.length > keep) this.samples.shift();
  }

  get known(): boolean {
    return this.samples.length > 0 || this.coarse !== null;
  }

  /** The court's time in milliseconds since 1970. */
  now(): number {
    let best: { rtt: number; offset: number } | undefined;
    for (const s of this.samples) if (!best || s.rtt < best.rtt) best = s;
    const offset = best?.offset ?? this.coarse ?? Date.now() - performance.now();
    return performance.now() + offset;
  }

  /** The latest round trip in milliseconds. */
  get rtt(): number | undefined {
    return this.samples.at(-1)?.rtt;
  }
}

/** HH:MM:SS in the court's zone (UTC+08 without summer time), whatever the computer's zone is. */
export function courtTime(ms: number, seconds = true): string {
  return new Intl.DateTimeFormat("zh-CN", {
    timeZone: "Asia/Shanghai",
    hour: "2-digit",
    minute: "2-digit",
    second: seconds ? "2-digit" : undefined,
    hourCycle: "h23",
  }).format(ms);
}

/** H:MM:SS of a span. */
export function span(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

/** The day in the court's zone. */
export function courtDay(ms: number): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai" }).format(ms);
}
