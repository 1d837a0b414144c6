// Sharing a screen: what the browser can do, who may, and what is asked of it.

import type { Person, RoomStatus } from "./protocol";

/** Whether this browser can share a screen; those of telephones cannot. */
export function canShare(): boolean {
  return typeof navigator.mediaDevices?.getDisplayMedia === "function";
}

/** Whether the room would let a person share now: the server's rule, for a button that does not promise too much. */
export function mayShare(me: Person | null, room: RoomStatus): boolean {
  if (!me || room.phase === "closed" || (room.screen && room.screen !== me.id)) return false;
  if (me.seat === "judge" || me.seat === "clerk") return true;
  return me.seat !== "observer" && !me.muted && ["opening", "investigation", "debate"].includes(room.phase);
}

/** Has the person choose a screen, window or tab; null when they chose none. */
export async function openScreen(): Promise<MediaStreamTrack | null> {
  try {
    const video = { width: { max: 1920 }, height: { max: 1200 }, frameRate: { max: 15 } };
    const track = (await navigator.mediaDevices.getDisplayMedia({ video, audio: false })).getVideoTracks()[0] ?? null;
    if (track) track.contentHint = "detail"; // text: rather fewer pictures than blurred ones
    return track;
  } catch (e) {
    if (e instanceof DOMException && e.name === "NotAllowedError") return null;
    throw e;
  }
}
