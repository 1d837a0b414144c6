import { useEffect, useRef } from "preact/hooks";
import { span } from "../lib/clock";
import { speeds, type Engine, type View } from "./engine";
import type { Say } from "./i18n";
import type { Manifest } from "./manifest";

interface Props { manifest: Manifest; engine: Engine; view: View; t: Say; letters: boolean; fullscreen: () => void; help: () => void }

export function Controls({ manifest, engine, view, t, letters, fullscreen, help }: Props) {
  const key = (name: string) => (letters ? name : undefined);
  return (
    <div class="player-controls">
      <button class="button primary small player-toggle" aria-keyshortcuts="Space" onClick={() => engine.toggle()}>{view.playing ? t("pause") : t("play")}</button>
      <button class="button small" aria-label={t("back")} aria-keyshortcuts={key("J")} onClick={() => engine.seek(engine.time - 10_000)}>−10</button>
      <button class="button small" aria-label={t("forward")} aria-keyshortcuts={key("L")} onClick={() => engine.seek(engine.time + 10_000)}>+10</button>
      <span class="num player-time">{span(view.t)} / {span(manifest.length)}</span>
      <input class="player-seek" type="range" min={0} max={Math.max(1, manifest.length)} step={100} value={view.t} aria-label={t("seek")} aria-valuetext={span(view.t)}
        onInput={(e) => engine.seek(Number(e.currentTarget.value))} />
      <label class="player-speed"><span class="visually-hidden">{t("speed")}</span>
        <select value={String(view.rate)} onChange={(e) => engine.speed(Number(e.currentTarget.value))}>
          {speeds.map((s) => <option key={s} value={String(s)}>{s}×</option>)}
        </select></label>
      <button class="button small" aria-keyshortcuts={key("F")} onClick={fullscreen}>{t("fullscreen")}</button>
      <button class="button small" aria-label={t("help")} aria-keyshortcuts={key("?")} onClick={help}>?</button>
      <span class="small muted" role="status">{view.waiting ? t("waiting") : ""}</span>
    </div>
  );
}

export function Help({ t, letters, choose, close }: { t: Say; letters: boolean; choose: (on: boolean) => void; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const always: [string, string][] = [["␣", t("key.space")], ["← →", t("key.arrows")]];
  const single: [string, string][] = [["J L", t("key.jl")], ["K", t("key.k")], ["F", t("key.f")], ["< >", t("key.speed")], ["?", t("key.help")]];
  const keys = letters ? [...always, ...single] : always;
  return (
    <dialog class="player-help" ref={dialog} onClose={close} aria-label={t("help")}>
      <h2>{t("help")}</h2>
      <dl class="facts">{keys.map(([key, what]) => [<dt key={key}><kbd>{key}</kbd></dt>, <dd key={`${key} is`}>{what}</dd>])}</dl>
      <label class="check"><input type="checkbox" name="letters" checked={letters} onChange={(e) => choose(e.currentTarget.checked)} /><span>{t("key.letters")}<br /><span class="small muted">{t("key.letters.why")}</span></span></label>
      <button class="button" onClick={() => dialog.current?.close()}>{t("help.close")}</button>
    </dialog>
  );
}
