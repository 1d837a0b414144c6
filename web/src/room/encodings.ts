// How the camera's picture is encoded: by which codec, and in which sizes for the server to choose from.

import type { PictureSize, VideoCodec } from "../lib/devices";

/** What the camera is sent with. */
export interface CameraSending {
  picture: PictureSize;
  codec: VideoCodec;
}

type Encoding = RTCRtpEncodingParameters & { scalabilityMode?: string };

const maxFramerate = 20;

/** Of each size, from the smallest: its part of the camera's lines, and what it may cost. */
const simulcast: Record<PictureSize, Encoding[]> = {
  small: [
    { rid: "q", scaleResolutionDownBy: 2, maxBitrate: 150_000, maxFramerate },
    { rid: "h", maxBitrate: 600_000, maxFramerate },
  ],
  large: [
    { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 120_000, maxFramerate },
    { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 400_000, maxFramerate },
    { rid: "f", maxBitrate: 1_400_000, maxFramerate },
  ],
};

/** A shared screen is one stream of every line that there is: text must stay legible. */
export const screenEncoding: Encoding = { maxBitrate: 2_500_000, maxFramerate: 15, scalabilityMode: "L1T3" };

/** VP9 and AV1 carry the sizes as layers of one stream. */
export function layered(codec: VideoCodec): boolean {
  return codec === "VP9" || codec === "AV1";
}

/** One stream of so many layers, the uppermost left out where fewer are wanted than there are. */
function layersOf(picture: PictureSize, wanted: number): Encoding {
  const all = simulcast[picture];
  const n = Math.max(1, Math.min(wanted, all.length));
  return {
    scalabilityMode: n > 1 ? `L${n}T3_KEY` : "L1T3",
    scaleResolutionDownBy: 2 ** (all.length - n),
    maxBitrate: all.slice(0, n).reduce((sum, e) => sum + e.maxBitrate!, 0),
    maxFramerate,
  };
}

/** The encodings that the camera begins with: each receiver gets what suits the size at which it shows the picture. */
export function encodings(sending: CameraSending): Encoding[] {
  if (layered(sending.codec)) return [layersOf(sending.picture, 3)];
  const thinned = sending.codec === "VP8" ? { scalabilityMode: "L1T3" } : {}; // few H264 encoders in hardware have them
  return simulcast[sending.picture].map((e) => ({ ...e, ...thinned }));
}

/** The same for a browser that knows no layers in one stream. */
export function plain(all: Encoding[]): Encoding[] {
  return all.map(({ scalabilityMode: _, ...rest }) => rest);
}

/** Brings encodings in line with what the server says that nobody takes; false when nothing changes. */
export function stop(off: string[], sending: CameraSending, now: Encoding[]): boolean {
  let changed = false;
  if (layered(sending.codec) && now[0]) {
    const want = layersOf(sending.picture, simulcast[sending.picture].length - off.length);
    changed = now[0].scaleResolutionDownBy !== want.scaleResolutionDownBy;
    Object.assign(now[0], want);
    return changed;
  }
  for (const e of now) {
    const active = !off.includes(e.rid ?? "");
    changed ||= e.active !== active;
    e.active = active;
  }
  return changed;
}

/** The browser's codecs with the chosen one first; the others stay, should the server not know it. */
export function preferred(codec: VideoCodec): RTCRtpCodec[] {
  const all = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
  const chosen = (c: RTCRtpCodec) => c.mimeType.toLowerCase() === `video/${codec.toLowerCase()}`;
  return [...all.filter(chosen), ...all.filter((c) => !chosen(c))];
}

let hardwareH264 = false;

/** Asks the browser what its hardware encodes; until it has answered nothing is taken for done by hardware. */
export async function learnHardware(): Promise<void> {
  const query = { type: "webrtc", video: { contentType: "video/H264", width: 1280, height: 720, bitrate: 1_400_000, framerate: maxFramerate } };
  try {
    const info = await navigator.mediaCapabilities.encodingInfo(query as MediaEncodingConfiguration);
    hardwareH264 = info.supported && info.smooth && info.powerEfficient;
  } catch {
    hardwareH264 = false; // a browser that cannot say: VP8 goes everywhere
  }
}

/** The codec for a choice: what the hardware encodes, else VP8, which is light; and VP8 where the browser lacks the one chosen or its encoder failed. */
export function codecOf(choice: VideoCodec | "auto", failed: VideoCodec[]): VideoCodec {
  const wanted = choice !== "auto" ? choice : hardwareH264 ? "H264" : "VP8";
  if (failed.includes(wanted)) return "VP8";
  const known = preferred(wanted)[0]?.mimeType.toLowerCase() === `video/${wanted.toLowerCase()}`;
  return known ? wanted : "VP8";
}
