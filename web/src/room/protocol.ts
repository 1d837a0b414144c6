// The messages of docs/signaling-protocol.md, by the same names.

import type { Seat } from "../lib/config";

export const version = 1;

export type Phase = "waiting" | "opening" | "investigation" | "debate" | "final_statements" | "recess" | "closed";
export type Standing = "absent" | "declaring" | "lobby" | "present" | "removed" | "left";

export interface Person {
  id: string;
  name: string;
  seat: Seat;
  standing: Standing;
  connection: "online" | "lost" | "none";
  declared: boolean;
  identityChecked: boolean;
  muted: boolean;
  hand?: string;
  microphone: boolean;
  camera: boolean;
  quality: number;
}

export interface Line {
  id: string;
  seq: number;
  speaker: string;
  text: string;
  at: string;
  revision: number;
}

export interface Answer {
  account: string;
  name: string;
  confirmed: boolean;
  objection?: string;
  at: string;
  current: boolean;
}

export type PauseReason = "recess" | "private_evidence" | "mediation";
export type Choice = "retry" | "recess" | "go_on";

/** A recording that cannot start or has stopped; choices are what the law leaves to the judge. */
export interface Fault {
  kind: "disk_full" | "low_space" | "disk_error";
  since: string;
  choices: Choice[];
  without: boolean;
}

/** The closed hearing's integrity value; the parties sign it where the recording stands for the transcript. */
export interface Integrity {
  root: string;
  at: string;
  replaces: boolean;
  answers: { account: string; name: string; signed: boolean; objection?: string; at: string; current: boolean }[];
}

export interface RoomStatus {
  phase: Phase;
  next: Phase[];
  recording: boolean;
  light: "off" | "on" | "paused" | "fault";
  pause?: { reason: PauseReason; since: string };
  reasons: PauseReason[];
  fault?: Fault;
  recordingSince?: string;
  screen?: string; // whose screen is shared
  openedAt?: string;
  closedAt?: string;
}

export interface Welcome {
  type: "welcome";
  you: string;
  resume: string;
  resumed: boolean;
  media: boolean;
  now: string;
  room: RoomStatus;
  people: Person[];
  lines: Line[];
  answers: Answer[];
  integrity?: Integrity;
  iceServers: RTCIceServer[];
}

/** How large a picture is shown, in device pixels; 0 is off-screen. */
export interface View {
  peer: string;
  source: "camera" | "screen";
  width: number;
  height: number;
}

export type Target = "pub" | "sub";

export type Reply =
  | Welcome
  | ({ type: "room" } & RoomStatus)
  | { type: "person"; person: Person }
  | { type: "line"; line: Line }
  | { type: "answers"; answers: Answer[] }
  | ({ type: "integrity" } & Integrity)
  | { type: "notice"; code: string; by: string }
  | { type: "drain"; reason: string; retryAfter: number }
  | { type: "clock"; sent: number; now: string }
  | { type: "media"; fresh: boolean; publishAudio: boolean; publishVideo: boolean }
  | { type: "published"; sdp: string }
  | { type: "subscribe"; sdp: string }
  | { type: "candidate"; target: Target; candidate: RTCIceCandidateInit }
  | { type: "track"; id: string; peer: string; media: "audio" | "video"; source: string; added: boolean }
  | { type: "paused"; id: string; peer: string; source: string; paused: boolean }
  | { type: "layers"; source: string; off: string[] }
  | { type: "speaking"; peers: string[]; first: string }
  | { type: "done"; ref: string }
  | { type: "failed"; ref: string; code: string; detail?: string };

export type Request =
  | { type: "declare"; discipline: boolean; noRecording: boolean }
  | { type: "admit"; person: string; identityChecked: boolean; note: string }
  | { type: "remove"; person: string; reason: string }
  | { type: "mute"; person: string; muted: boolean }
  | { type: "phase"; to: Phase }
  | { type: "pause"; reason: PauseReason }
  | { type: "resume" }
  | { type: "recording-choice"; choice: Choice; reason: string }
  | { type: "hand"; person?: string; raised: boolean }
  | { type: "share"; person?: string; shared: boolean }
  | { type: "line"; id: string; speaker: string; text: string }
  | { type: "revise"; id: string; revision: number; speaker: string; text: string }
  | { type: "answer-transcript"; confirm: boolean; objection: string }
  | { type: "answer-integrity"; root: string; sign: boolean; objection: string }
  | { type: "devices"; microphone: boolean; camera: boolean }
  | { type: "media"; fresh: boolean }
  | { type: "publish"; sdp: string }
  | { type: "subscribed"; sdp: string }
  | { type: "candidate"; target: Target; candidate: RTCIceCandidateInit }
  | { type: "view"; shown: View[] }
  | { type: "restart" }
  | { type: "leave" };

/** The close codes after which a client does not come back by itself. */
export const final = new Map<number, string>([
  [4400, "protocol"],
  [4403, "forbidden"],
  [4409, "replaced"],
  [4410, "removed"],
  [4411, "left"],
  [4413, "full"],
  [4426, "version"],
]);
