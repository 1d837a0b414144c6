import { span } from "../lib/clock";
import type { Engine } from "./engine";
import { causeName, interruptionName, phaseName, type Say } from "./i18n";
import { indexAt, type Manifest, type Stretch } from "./manifest";

/** Chapters, who spoke when, and gaps, over one scale. */
export function Timeline({ manifest, engine, now, t }: { manifest: Manifest; engine: Engine; now: number; t: Say }) {
  const length = Math.max(1, manifest.length);
  const place = (s: Stretch) => ({ left: `${(s.from / length) * 100}%`, width: `${Math.max(0.15, ((s.to - s.from) / length) * 100)}%` });
  const people = [...new Map(manifest.tracks.map((track) => [track.participant, track.name])).entries()];
  const chapter = indexAt(manifest.chapters, now, (c) => c.from);
  const gapsOf = (participant: string) => manifest.gaps.filter((g) => manifest.tracks.some((x) => x.recording === g.recording && x.participant === participant));
  const jump = (e: MouseEvent) => {
    const box = (e.currentTarget as HTMLElement).getBoundingClientRect();
    engine.seek(((e.clientX - box.left) / box.width) * manifest.length);
  };
  return (
    <section class="card player-timeline">
      <h2>{t("chapters")}</h2>
      <ol class="player-chapters">{manifest.chapters.map((c, i) => (
        <li key={c.from}><button class="button small" aria-current={i === chapter ? "true" : undefined} onClick={() => engine.seek(c.from)}>{phaseName(t, c.phase)} <span class="num">{span(c.from)}</span></button></li>
      ))}</ol>
      <h2>{t("speaking")}</h2>
      {manifest.speaking.length === 0 && <p class="muted small">{t("speaking.none")}</p>}
      <div class="player-lanes">
        {manifest.interruptions.length > 0 && <div class="player-lane">
          <span class="small">{t("whole")}</span>
          <div class="player-lane-bar" aria-hidden="true" onClick={jump}>
            {manifest.interruptions.map((x) => <i class="gap" key={`${x.cause}${x.from}`} style={place(x)} title={interruptionName(t, x.cause, x.reason)} />)}
            <i class="now" style={{ left: `${(now / length) * 100}%` }} />
          </div>
        </div>}
        {people.map(([participant, name]) => (
        <div class="player-lane" key={participant}>
          <span class="small">{name}</span>
          {/* The keys, the slider and the lines do the same; the lanes are for the eye and the pointer. */}
          <div class="player-lane-bar" aria-hidden="true" onClick={jump}>
            {manifest.tracks.filter((x) => x.participant === participant).map((x) => <i class="there" key={x.recording} style={place(x)} />)}
            {manifest.speaking.filter((s) => s.participant === participant).map((s) => <i class="spoke" key={s.from} style={place(s)} />)}
            {gapsOf(participant).map((g) => <i class="gap" key={`${g.track}${g.from}`} style={place(g)} title={causeName(t, g.cause)} />)}
            <i class="now" style={{ left: `${(now / length) * 100}%` }} />
          </div>
        </div>
      ))}</div>
      <p class="player-legend small muted">{(["there", "spoke", "gap"] as const).map((k) => <span key={k}><i class={k} aria-hidden="true" />{t(`legend.${k}`)}</span>)}</p>
      {manifest.speaking.length > 0 && <p class="muted small">{t("speaking.note")}</p>}
    </section>
  );
}
