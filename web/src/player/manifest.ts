// What the page and its manifest tell the player. Offsets are milliseconds on the recording's one clock.

import type { Say } from "./i18n";

export interface PlayerConfig { manifest: string; watched: string; entries: string; locale: string }

export interface Stretch { from: number; to: number }

export interface Track extends Stretch {
  recording: string; participant: string; name: string; source: string; media_type: string;
  sha256: string; size: number; entry: number; segments: number;
}

export interface Manifest {
  hearing: string; case_number: string; case_title: string; title: string;
  start: string; length: number;
  parts: Stretch[];
  tracks: Track[];
  chapters: (Stretch & { phase: string })[];
  lines: { id: string; at: number; speaker: string; text: string }[];
  speaking: (Stretch & { participant: string })[];
  gaps: (Stretch & { recording: string; track: string; cause: string })[];
  /** Of the whole hearing: pauses, faults, restarts. */
  interruptions: (Stretch & { cause: string; reason?: string })[];
  integrity?: { root: string; at: string; stamp?: { at: string; authority: string } };
  files: Record<string, string>;
  viewer: string;
}

/** What a file is called: by its person, and whether it is what they showed. */
export function labelOf(track: Track, t: Say): string {
  return track.source === "screen" ? t("screen.of", { name: track.name }) : track.name;
}

/** The last element of a sorted list that begins at or before t; -1 before the first. */
export function indexAt<T>(list: T[], t: number, begin: (x: T) => number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (begin(list[middle]!) <= t) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Where playing goes on from t: t itself when it is recorded, else the next recorded moment; null after the last. */
export function recordedFrom(parts: Stretch[], t: number): number | null {
  for (const p of parts) {
    if (t < p.from) return p.from;
    if (t < p.to) return t;
  }
  return null;
}
