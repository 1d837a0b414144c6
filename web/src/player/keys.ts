import type { Engine } from "./engine";

const page = { help: () => {}, fullscreen: () => {} };

const remembered = "yunting.player.letters";

/** Whether keys that are one letter or sign act on the player (WCAG 2.1.4): the person's choice in this browser, yes at first. */
export function lettersChosen(): boolean {
  try {
    return localStorage.getItem(remembered) !== "off";
  } catch {
    return true; // storage is off: the choice holds as long as the page
  }
}

export function rememberLetters(on: boolean): void {
  try {
    localStorage.setItem(remembered, on ? "on" : "off");
  } catch {
    // Private windows may refuse storage; the choice then holds as long as the page.
  }
}

/** The player's keys, left alone where they mean something else: in fields, and on buttons for space. Letters and signs act only where letters is true. */
export function onKey(e: KeyboardEvent, engine: Engine, act: typeof page, letters: boolean): void {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const on = e.target instanceof HTMLElement ? e.target : null;
  if (on?.closest("input, textarea, select, dialog")) return;
  if (e.key === " " && on?.closest("button, a, summary")) return;
  if (e.key.length === 1 && e.key !== " " && !letters) return;
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
