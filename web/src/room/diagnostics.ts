// window.__room: what tests, and a support person on the telephone, may look at.

import type { Room } from "./room";
import type { Seat } from "../lib/config";
import { wayOf, type Way } from "../lib/way";

export interface PeerStats {
  name: string;
  seat: Seat | "";
  framesDecoded: number;
  framesPerSecond: number;
  width: number;
  height: number;
  videoPackets: number;
  frozenSeconds: number;
  audioPackets: number;
  audioLevel: number;
  samples: number; // of sound, played
  concealed: number; // of samples, made up because the sound was not there in time
  heldBack: number; // seconds that sound waits, on average since the beginning
  packetsLost: number;
}

/** One encoding of our own picture. */
export interface SentLayer {
  rid: string;
  active: boolean;
  height: number;
  frames: number;
  codec: string; // its MIME type
  mode: string; // scalability mode
}

declare global {
  interface Window {
    __room?: { readonly state: unknown; stats(): Promise<Record<string, PeerStats>>; sent(): Promise<SentLayer[]>; dropSocket(): void; ways(): Promise<(Way | null)[]> };
  }
}

export function expose(room: Room): void {
  window.__room = {
    get state() {
      const s = room.state;
      return {
        phase: s.room.phase,
        connection: s.connection,
        draining: s.draining,
        stage: s.stage,
        me: s.me,
        people: s.people,
        lines: s.lines,
        answers: s.answers,
        recording: s.room.recording,
        screen: s.room.screen ?? "",
        resumes: s.resumes,
        lastGapMs: s.lastGapMs,
        mediaState: s.mediaState,
      };
    },
    stats: () => peerStats(room),
    sent: () => sentLayers(room),
    dropSocket: () => room.socket.drop(),
    ways: async () => (await Promise.all([room.media.pub, room.media.sub].map(async (pc) => (pc ? wayOf(pc) : null)))),
  };
}

async function peerStats(room: Room): Promise<Record<string, PeerStats>> {
  const result: Record<string, PeerStats> = {};
  const sub = room.media.sub;
  if (!sub) return result;
  const peerOfTrack = new Map<string, string>();
  for (const [peer, stream] of Object.entries(room.state.streams)) {
    for (const track of stream.getTracks()) peerOfTrack.set(track.id, peer);
  }
  (await sub.getStats()).forEach((s: RTCInboundRtpStreamStats & { trackIdentifier?: string; totalFreezesDuration?: number }) => {
    if (s.type !== "inbound-rtp") return;
    const peer = peerOfTrack.get(s.trackIdentifier ?? "");
    if (!peer) return;
    const person = room.state.people.find((p) => p.id === peer);
    const into = (result[peer] ??= {
      name: person?.name ?? peer,
      seat: person?.seat ?? "",
      framesDecoded: 0,
      framesPerSecond: 0,
      width: 0,
      height: 0,
      videoPackets: 0,
      frozenSeconds: 0,
      audioPackets: 0,
      audioLevel: 0,
      samples: 0,
      concealed: 0,
      heldBack: 0,
      packetsLost: 0,
    });
    into.packetsLost += s.packetsLost ?? 0;
    if (s.kind === "video") {
      into.framesDecoded = s.framesDecoded ?? 0;
      into.framesPerSecond = s.framesPerSecond ?? 0;
      into.width = s.frameWidth ?? 0;
      into.height = s.frameHeight ?? 0;
      into.videoPackets = s.packetsReceived ?? 0;
      into.frozenSeconds = s.totalFreezesDuration ?? 0;
    } else {
      into.audioPackets = s.packetsReceived ?? 0;
      into.audioLevel = s.audioLevel ?? 0;
      into.samples = s.totalSamplesReceived ?? 0;
      into.concealed = s.concealedSamples ?? 0;
      into.heldBack = (s.jitterBufferDelay ?? 0) / Math.max(s.jitterBufferEmittedCount ?? 0, 1);
    }
  });
  return result;
}

async function sentLayers(room: Room): Promise<SentLayer[]> {
  const sent: SentLayer[] = [];
  const stats = await room.media.pub?.getStats();
  stats?.forEach((s: RTCOutboundRtpStreamStats & { active?: boolean; scalabilityMode?: string }) => {
    if (s.type !== "outbound-rtp" || s.kind !== "video") return;
    const codec = (stats.get(s.codecId ?? "") as { mimeType?: string } | undefined)?.mimeType ?? "";
    sent.push({ rid: s.rid ?? "", active: s.active ?? false, height: s.frameHeight ?? 0, frames: s.framesEncoded ?? 0, codec, mode: s.scalabilityMode ?? "" });
  });
  return sent.sort((a, b) => a.height - b.height);
}
