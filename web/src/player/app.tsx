import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { courtDay, courtTime } from "../lib/clock";
import { Controls, Help } from "./controls";
import { Engine, type View } from "./engine";
import type { Say } from "./i18n";
import { lettersChosen, onKey, rememberLetters } from "./keys";
import type { Manifest, PlayerConfig } from "./manifest";
import { Files, Gaps, Lines } from "./sides";
import { Stage } from "./stage";
import { Timeline } from "./timeline";
import { WatchLog } from "./watch";

declare global {
  interface Window { __player?: Engine }
}

/** Loads the manifest, then plays it. */
export function Player({ config, t }: { config: PlayerConfig; t: Say }) {
  const [manifest, setManifest] = useState<Manifest | null>(null);
  const [failed, setFailed] = useState(false);
  const load = () => {
    setFailed(false);
    fetch(config.manifest, { headers: { Accept: "application/json" } })
      .then((r) => (r.ok ? (r.json() as Promise<Manifest>) : Promise.reject(new Error(String(r.status)))))
      .then(setManifest, () => setFailed(true));
  };
  useEffect(load, []);
  if (failed) {
    return <div class="notice bad" role="alert"><p>{t("failed")}</p><button class="button small" onClick={load}>{t("retry")}</button></div>;
  }
  if (!manifest) return <p class="muted" role="status">{t("loading")}…</p>;
  return <Watching config={config} manifest={manifest} t={t} />;
}

const still: View = { t: 0, playing: false, waiting: false, rate: 1, broken: new Set() };

function Watching({ config, manifest, t }: { config: PlayerConfig; manifest: Manifest; t: Say }) {
  const [view, setView] = useState<View>(still);
  const [unlogged, setUnlogged] = useState(false);
  const [help, setHelp] = useState(false);
  const [letters, setLetters] = useState(lettersChosen);
  const root = useRef<HTMLDivElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const engine = useMemo(() => new Engine(manifest, setView), [manifest]);
  useEffect(() => {
    window.__player = engine;
    const log = new WatchLog(config.watched, () => engine.takeWatched(), setUnlogged);
    setView({ ...still, t: engine.time });
    return () => {
      engine.end();
      log.end();
    };
  }, [engine]);
  const fullscreen = () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void stage.current?.requestFullscreen();
  };
  useEffect(() => {
    const key = (e: KeyboardEvent) => onKey(e, engine, { help: () => setHelp((on) => !on), fullscreen }, letters);
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, [engine, letters]);
  const choose = (on: boolean) => {
    rememberLetters(on);
    setLetters(on);
  };
  const begin = Date.parse(manifest.start);
  return (
    <div class="player-app" ref={root}>
      <div class="player-main">
        <div class="player-stage" ref={stage} role="group" aria-label={t("stage")}>
          <Stage manifest={manifest} engine={engine} view={view} t={t} />
          <p class="player-caption num">{manifest.case_number} · {t("court")} {courtDay(begin + view.t)} {courtTime(begin + view.t)}</p>
          <Watermark viewer={manifest.viewer} />
        </div>
        <Controls manifest={manifest} engine={engine} view={view} t={t} letters={letters} fullscreen={fullscreen} help={() => setHelp(true)} />
        {unlogged && <p class="small player-warn" role="status">{t("unlogged")}</p>}
        <Timeline manifest={manifest} engine={engine} now={view.t} t={t} />
      </div>
      <aside class="player-side">
        <Lines manifest={manifest} engine={engine} now={view.t} t={t} />
        <Gaps manifest={manifest} engine={engine} t={t} />
        <Files manifest={manifest} entries={config.entries} t={t} />
      </aside>
      {help && <Help t={t} letters={letters} choose={choose} close={() => setHelp(false)} />}
    </div>
  );
}

/** The viewer's name and the time over the whole picture, so that a filmed screen tells who filmed it. */
function Watermark({ viewer }: { viewer: string }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), 10_000);
    return () => window.clearInterval(timer);
  }, []);
  const text = `${viewer} ${courtDay(now)} ${courtTime(now, false)}`;
  return <div class="player-mark" aria-hidden="true">{Array.from({ length: 24 }, (_, i) => <span key={i} data-text={text} />)}</div>;
}
