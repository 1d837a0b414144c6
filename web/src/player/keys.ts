import type { Engine } from "./engine";

const page = { help: () => {}, fullscreen: () => {} };

/** The player's keys, left alone where they mean something else: in fields, and on buttons for space. */
export function onKey(e: KeyboardEvent, engine: Engine, act: typeof page): void {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const on = e.target instanceof HTMLElement ? e.target : null;
  if (on?.closest("input, textarea, select, dialog")) return;
  if (e.key === " " && on?.closest("button, a, summary")) return;
  const acts: Record<string, () => void> = {
    " ": () => engine.toggle(),
    k: () => engine.toggle(),
    j: () => engine.seek(engine.time - 10_000),
    l: () => engine.seek(engine.time + 10_000),
    ArrowLeft: () => engine.seek(engine.time - 5_000),
    ArrowRight: () => engine.seek(engine.time + 5_000),
    f: act.fullscreen,
    "?": act.help,
    "<": () => engine.step(-1),
    ">": () => engine.step(1),
  };
  const run = acts[e.key.length === 1 ? e.key.toLowerCase() : e.key];
  if (!run) return;
  e.preventDefault();
  run();
}
