// Whether the device's encoder makes a picture of what the camera gives. Some encoders in hardware take pictures and
// return nothing; some browsers then change to another codec in the middle of a stream, which nobody who receives it
// can follow. Either way the others see nothing and the sender is told nothing: the page has to look for itself.

import type { VideoCodec } from "../lib/devices";

const every = 1000;
const missed = 2500; // looks further apart say that the page slept, or its machine had no time for it

// An encoder in hardware starts within two seconds, three of them at once too, and even one that has no time to spare
// makes a picture a second. Waiting longer would leave the others with a black tile, waiting less would change codecs
// on machines that are only busy.
const limit = 4000;
const fewest = 10; // pictures that the camera must have given in that time: a dark room's gives five a second
const silence = 3000; // a server that was not heard for so long, who reports each second, is cut off

/** What became of the camera's picture so far. Counts are of all its encodings together. */
export interface Encoded {
  at: number; // milliseconds
  of: object; // the connection: with another one all begins anew
  codec: VideoCodec;
  pictures: number | null; // that the camera gave; null where the browser does not say
  frames: number;
  keys: number;
  bytes: number;
  heard: number | null; // bytes from the server; null where the browser does not say
}

/** What a look found of a codec: that it failed is said again for as long as it lasts, that it works whenever something was encoded. */
export type Finding = { works: boolean; codec: VideoCodec } | null;

/** Judges one look after another; null is one at which there was nothing to send, no way to send it, or nobody to see the page. */
export class EncoderWatch {
  private last: Encoded | null = null;
  private since: Encoded | null = null; // the look from which on nothing has come out
  private given = 0; // pictures by the camera since then
  private heardAt = 0;
  private of: object | null = null;
  private first: VideoCodec | null = null; // what this connection's first picture was encoded by

  look(now: Encoded | null): Finding {
    const before = this.last;
    this.last = now;
    if (!now) return this.anew(null);
    if (this.of !== now.of) this.first = null;
    const same = this.of === now.of;
    this.of = now.of;
    if (!before || !this.since || !same || now.at - before.at > missed || now.frames < before.frames) return this.anew(now);
    if (now.heard === null || now.heard !== before.heard) this.heardAt = now.at;
    if (now.at - this.heardAt >= silence) return this.anew(now, this.heardAt);
    if (now.pictures === null) this.given = fewest;
    else this.given += now.pictures - (before.pictures !== null && before.pictures <= now.pictures ? before.pictures : 0); // Chromium counts anew when the size changes

    if (now.frames > this.since.frames && now.bytes > this.since.bytes && now.keys > 0) {
      this.anew(now, this.heardAt);
      this.first ??= now.codec;
      return { works: this.first === now.codec, codec: this.first }; // the browser may have changed to another by itself
    }
    if (now.at - this.since.at < limit || this.given < fewest) return null;
    this.anew(now, this.heardAt);
    return { works: false, codec: this.first ?? now.codec };
  }

  private anew(from: Encoded | null, heardAt = from?.at ?? 0): null {
    this.since = from;
    this.given = 0;
    this.heardAt = heardAt;
    return null;
  }
}

/** Looks each second for as long as the page lives. */
export function watchEncoder(encoded: () => Promise<Encoded | null>, found: (works: boolean, codec: VideoCodec) => void): void {
  const watch = new EncoderWatch();
  let looking = false;
  window.setInterval(() => {
    if (looking) return;
    looking = true;
    encoded()
      .catch(() => null) // a connection that is closing has no figures
      .then((now) => {
        const finding = watch.look(now);
        if (finding) found(finding.works, finding.codec);
      })
      .finally(() => (looking = false));
  }, every);
}

/** The figures of a sender, whose connection was made for a codec. */
export async function figures(connection: RTCPeerConnection, sender: RTCRtpSender, meant: VideoCodec): Promise<Encoded> {
  const now: Encoded = { at: 0, of: connection, codec: meant, pictures: null, frames: 0, keys: 0, bytes: 0, heard: null };
  const report = await sender.getStats();
  report.forEach((s: RTCOutboundRtpStreamStats & { frames?: number; bytesReceived?: number }) => {
    if (s.type === "outbound-rtp") {
      const frames = s.framesEncoded ?? 0;
      now.frames += frames;
      now.keys += s.keyFramesEncoded ?? frames;
      now.bytes += s.bytesSent ?? 0;
      const { mimeType } = (report.get(s.codecId ?? "") ?? {}) as { mimeType?: string };
      if (mimeType) now.codec = mimeType.slice("video/".length).toUpperCase() as VideoCodec;
    } else if ((s.type as string) === "media-source") now.pictures = s.frames ?? null;
    else if ((s.type as string) === "transport") now.heard = s.bytesReceived ?? null;
  });
  now.at = performance.now();
  return now;
}

const key = "yunting.codecs-failed";

/** The codecs that failed on this device since the page's tab was opened: a reload does not try them again. */
export function loadFailed(): VideoCodec[] {
  try {
    const list: unknown = JSON.parse(sessionStorage.getItem(key) ?? "[]");
    return Array.isArray(list) ? list : [];
  } catch {
    return []; // storage is off or holds something else: what fails is found again
  }
}

export function saveFailed(failed: VideoCodec[]): void {
  try {
    sessionStorage.setItem(key, JSON.stringify(failed));
  } catch {
    // Private windows may refuse storage; the page remembers until it is loaded again.
  }
}
