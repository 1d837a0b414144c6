// What a person who does not see the tiles must hear of the others: who comes, goes, waits, or is cut off.

import type { Seat } from "../lib/config";
import type { Person } from "./protocol";

export interface News {
  id: number;
  key: string;
  name: string;
  seat: Seat;
}

/** What changed with one of the others, as a key of words; empty when there is nothing to tell the reader. Observers come and go untold. */
export function newsOf(before: Person | undefined, now: Person, reader: Seat): string {
  if (now.seat === "observer") return "";
  const desk = reader === "judge" || reader === "clerk";
  const was = before?.standing ?? "absent";
  if (now.standing !== was) {
    if (now.standing === "present") return "news.in";
    if (now.standing === "lobby" && desk) return "news.lobby";
    return was === "present" ? "news.out" : "";
  }
  if (now.standing !== "present") return "";
  if (now.connection !== before?.connection) return now.connection === "lost" ? "news.lost" : "news.back";
  return desk && now.hand && !before?.hand ? "news.hand" : "";
}
