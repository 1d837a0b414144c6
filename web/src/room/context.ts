// What every component of the room needs: the room itself, its state now, and words.

import { createContext } from "preact";
import { useContext, useEffect, useReducer } from "preact/hooks";
import type { Translate } from "./i18n";
import type { Room, RoomState } from "./room";

export const RoomContext = createContext<{ room: Room; t: Translate } | null>(null);

export function useRoom(): { room: Room; state: RoomState; t: Translate } {
  const context = useContext(RoomContext);
  if (!context) throw new Error("no room around this component");
  const [, again] = useReducer((n: number) => n + 1, 0);
  const drawn = context.room.state;
  useEffect(() => {
    const draw = () => again(undefined as never);
    // The effect runs some time after the drawing, later still in a hidden tab: what changed meanwhile is drawn now.
    if (context.room.state !== drawn) draw();
    return context.room.subscribe(draw);
  }, [context]);
  return { room: context.room, state: context.room.state, t: context.t };
}

/** Draws again every so many milliseconds. */
export function useBeat(ms: number): void {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const timer = window.setInterval(() => again(undefined as never), ms);
    return () => window.clearInterval(timer);
  }, [ms]);
}
