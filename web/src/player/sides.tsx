import { useEffect, useRef } from "preact/hooks";
import { courtTime, span } from "../lib/clock";
import type { Engine } from "./engine";
import { causeName, type Say } from "./i18n";
import { indexAt, labelOf, type Manifest } from "./manifest";

/** The transcript: the line that is said now is marked and kept in view, a click plays from a line. */
export function Lines({ manifest, engine, now, t }: { manifest: Manifest; engine: Engine; now: number; t: Say }) {
  const list = useRef<HTMLOListElement>(null);
  const current = indexAt(manifest.lines, now, (l) => l.at);
  useEffect(() => {
    const box = list.current;
    const line = box?.children[current];
    if (!box || !(line instanceof HTMLElement) || box.contains(document.activeElement)) return;
    box.scrollTo({ top: line.offsetTop - box.clientHeight / 3, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }, [current]);
  const begin = Date.parse(manifest.start);
  return (
    <section class="card">
      <h2>{t("transcript")}</h2>
      {manifest.lines.length === 0 ? <p class="muted">{t("transcript.none")}</p> : (
        <ol class="player-lines" ref={list}>{manifest.lines.map((l, i) => (
          <li key={l.id}><button aria-current={i === current ? "true" : undefined} onClick={() => engine.seek(l.at)}>
            <span class="num small">{courtTime(begin + l.at)}</span> <strong>{l.speaker}</strong> {l.text}</button></li>
        ))}</ol>
      )}
    </section>
  );
}

export function Gaps({ manifest, engine, t }: { manifest: Manifest; engine: Engine; t: Say }) {
  if (manifest.gaps.length === 0) return null;
  const name = (recording: string) => {
    const track = manifest.tracks.find((x) => x.recording === recording);
    return track ? labelOf(track, t) : "";
  };
  return (
    <section class="card"><h2>{t("gaps")}</h2>
      <ul class="rows">{manifest.gaps.map((g) => (
        <li key={`${g.recording}${g.track}${g.from}`}><div class="main">{t("gap.of", { name: name(g.recording), cause: causeName(t, g.cause) })}</div>
          <button class="button small num" onClick={() => engine.seek(g.from)}>{span(g.from)} – {span(g.to)}</button></li>
      ))}</ul>
    </section>
  );
}

export function Files({ manifest, entries, t }: { manifest: Manifest; entries: string; t: Say }) {
  return (
    <section class="card"><h2>{t("files")}</h2>
      <ul class="rows">{manifest.tracks.map((x) => (
        <li key={x.recording}><div class="main"><strong>{labelOf(x, t)}</strong>
          <div class="small"><code class="hash">{x.sha256}</code></div>
          <div class="small">{x.entry > 0 ? <a href={`${entries}${x.entry}`}>{t("entered", { n: x.entry })}</a> : t("not.entered")}{x.segments > 0 ? ` · ${t("segments", { n: x.segments })}` : ""}</div></div></li>
      ))}</ul>
      <h3>{t("integrity")}</h3>
      <p class="small">{manifest.integrity ? <code class="hash">{manifest.integrity.root}</code> : t("no.integrity")}</p>
    </section>
  );
}
