// How long the browser holds sound back, so that what was lost on the way can still come again. By itself a browser
// waits for 95 of 100 packets; where more than a few must be made up, a little more delay is better than broken words.
// Lips stay with the voice: the browser delays a person's picture along with the sound.

const every = 1500;
const longest = 900; // milliseconds: beyond that people talk over each other
const step = 250;
const calmRounds = 14; // so many rounds without a gap, then it is tried with less

interface Heard {
  samples: number;
  concealed: number;
  delay: number; // seconds, added up over emitted samples
  emitted: number;
}

type Inbound = RTCInboundRtpStreamStats & { silentConcealedSamples?: number; jitterBufferDelay?: number; jitterBufferEmittedCount?: number };
type Patient = RTCRtpReceiver & { jitterBufferTarget?: number | null };

export class Patience {
  private last = new WeakMap<RTCRtpReceiver, Heard>();
  private calm = new WeakMap<RTCRtpReceiver, number>();

  constructor(private connection: () => RTCPeerConnection | null) {}

  start(): void {
    window.setInterval(() => {
      for (const r of this.connection()?.getReceivers() ?? []) {
        if (r.track.kind === "audio" && "jitterBufferTarget" in r) {
          this.look(r).catch((e: unknown) => console.info("sound's delay", e)); // a connection that is closing has no figures
        }
      }
    }, every);
  }

  private async look(receiver: Patient): Promise<void> {
    const now = await heard(receiver);
    const before = this.last.get(receiver);
    if (!now) return;
    this.last.set(receiver, now);
    if (!before || now.samples <= before.samples) return;
    const share = (now.concealed - before.concealed) / (now.samples - before.samples);
    const emitted = now.emitted - before.emitted;
    if (share > 0.015 && emitted > 0) {
      const held = (1000 * (now.delay - before.delay)) / emitted;
      receiver.jitterBufferTarget = Math.min(longest, Math.max(receiver.jitterBufferTarget ?? 0, held) + step);
      this.calm.set(receiver, 0);
      return;
    }
    const rounds = (this.calm.get(receiver) ?? 0) + 1;
    this.calm.set(receiver, rounds % calmRounds);
    if (rounds === calmRounds && receiver.jitterBufferTarget) {
      receiver.jitterBufferTarget = receiver.jitterBufferTarget > 2 * step ? receiver.jitterBufferTarget - step : null;
    }
  }
}

/** What a receiver played so far; what is made up where nobody sends is silence, and no gap. */
async function heard(receiver: RTCRtpReceiver): Promise<Heard | null> {
  let found: Heard | null = null;
  (await receiver.getStats()).forEach((s: Inbound) => {
    if (s.type !== "inbound-rtp") return;
    found = {
      samples: s.totalSamplesReceived ?? 0,
      concealed: (s.concealedSamples ?? 0) - (s.silentConcealedSamples ?? 0),
      delay: s.jitterBufferDelay ?? 0,
      emitted: s.jitterBufferEmittedCount ?? 0,
    };
  });
  return found;
}
