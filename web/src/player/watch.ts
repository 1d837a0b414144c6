// Tells the court which stretches were shown. Each batch has a number: sent again, it changes nothing.

import type { Stretch } from "./manifest";

const everyMs = 10_000;
const maxStretches = 100;

export class WatchLog {
  private viewing = crypto.randomUUID();
  private batch = 0;
  private waiting: { batch: number; stretches: Stretch[] }[] = [];
  private sending = false;
  private timer: number;

  constructor(private url: string, private take: () => Stretch[], private failed: (yes: boolean) => void) {
    this.timer = window.setInterval(() => void this.flush(), everyMs);
    addEventListener("pagehide", () => this.last());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") void this.flush();
    });
  }

  end(): void {
    window.clearInterval(this.timer);
  }

  private gather(): void {
    const stretches = this.take();
    while (stretches.length > 0) this.waiting.push({ batch: ++this.batch, stretches: stretches.splice(0, maxStretches) });
  }

  async flush(): Promise<void> {
    this.gather();
    if (this.sending) return;
    this.sending = true;
    try {
      for (let next = this.waiting[0]; next; next = this.waiting[0]) {
        const reply = await fetch(this.url, this.request(next));
        if (!reply.ok) throw new Error(`the watch log answered ${reply.status}`);
        this.waiting.shift();
        this.failed(false);
      }
    } catch {
      this.failed(true); // kept, and sent with the next
    } finally {
      this.sending = false;
    }
  }

  private request(batch: { batch: number; stretches: Stretch[] }): RequestInit {
    return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ viewing: this.viewing, ...batch }), keepalive: true };
  }

  private last(): void {
    this.gather();
    for (const batch of this.waiting) fetch(this.url, this.request(batch)).catch(() => this.failed(true));
  }
}
