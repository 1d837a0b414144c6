import { useEffect, useRef } from "preact/hooks";
import { courtDay, courtTime, span } from "../lib/clock";
import type { Engine } from "./engine";
import { causeName, interruptionName, trackName, type Say } from "./i18n";
import { indexAt, labelOf, type Manifest, type Stretch } from "./manifest";

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

/** What is missing, with its cause: of the whole hearing, and of each participant what that does not explain. */
export function Gaps({ manifest, engine, t }: { manifest: Manifest; engine: Engine; t: Say }) {
  const name = (recording: string) => {
    const track = manifest.tracks.find((x) => x.recording === recording);
    return track ? labelOf(track, t) : "";
  };
  const explained = (g: Stretch & { cause: string }) => manifest.interruptions.some((x) => x.cause === g.cause && g.from <= x.to && g.to >= x.from);
  const list = [
    ...manifest.interruptions.map((x) => ({ from: x.from, to: x.to, text: t("gap.of", { name: t("whole"), cause: interruptionName(t, x.cause, x.reason) }) })),
    ...manifest.gaps.filter((g) => !explained(g)).map((g) => ({ from: g.from, to: g.to, text: t("gap.of", { name: trackName(t, name(g.recording), g.track), cause: causeName(t, g.cause) }) })),
  ].sort((a, b) => a.from - b.from);
  const when = (g: Stretch) => `${span(g.from)} · ${t("seconds", { n: ((g.to - g.from) / 1000).toFixed(1) })}`;
  return (
    <section class="card"><h2>{t("gaps")}</h2>
      {list.length === 0 ? <p class="muted small">{t("no.gaps")}</p> : (
        <ul class="rows player-gaps">{list.map((g, i) => (
          <li key={i}><div class="main">{g.text}</div>
            <button class="button small num" aria-label={`${when(g)}, ${g.text}`} onClick={() => engine.seek(g.from)}>{when(g)}</button></li>
        ))}</ul>
      )}
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
      {manifest.integrity && <p class="small muted">{stampText(manifest.integrity.stamp, t)}</p>}
    </section>
  );
}

function stampText(stamp: { at: string; authority: string } | undefined, t: Say): string {
  if (!stamp) return t("not.stamped");
  const at = Date.parse(stamp.at);
  return t("stamped", { when: `${courtDay(at)} ${courtTime(at)}`, by: stamp.authority });
}
