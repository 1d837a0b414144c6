import { useEffect, useRef, useState } from "preact/hooks";
import { present, type Engine, type View } from "./engine";
import type { Say } from "./i18n";
import { labelOf, type Manifest, type Track } from "./manifest";

/** A tile for each file; it shows itself while its participant is there. */
export function Stage({ manifest, engine, view, t }: { manifest: Manifest; engine: Engine; view: View; t: Say }) {
  const here = manifest.tracks.filter((track) => present(track, view.t));
  const speaking = new Set(manifest.speaking.filter((s) => s.from <= view.t && view.t < s.to).map((s) => s.participant));
  return (
    <div class={`player-tiles n${Math.min(Math.max(here.length, 1), 9)}`}>
      {manifest.tracks.map((track) => (
        <Tile key={track.recording} track={track} file={manifest.files[track.recording] ?? ""} engine={engine} t={t}
          here={present(track, view.t)} speaking={track.source !== "screen" && speaking.has(track.participant)} broken={view.broken.has(track.recording)} />
      ))}
    </div>
  );
}

interface TileProps { track: Track; file: string; engine: Engine; t: Say; here: boolean; speaking: boolean; broken: boolean }

function Tile({ track, file, engine, t, here, speaking, broken }: TileProps) {
  const [volume, setVolume] = useState(1);
  const set = (value: number) => {
    setVolume(value);
    engine.volume(track.participant, value);
  };
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    engine.attach(track.recording, video.current); // once: to attach is to seek
    return () => engine.attach(track.recording, null);
  }, [engine, track.recording]);
  const name = labelOf(track, t);
  return (
    <figure class={`player-tile${speaking ? " speaking" : ""}`} hidden={!here}>
      <video ref={video} src={file} preload="auto" playsInline disablePictureInPicture controlsList="nodownload noremoteplayback"
        data-recording={track.recording} data-from={track.from} aria-label={name} onContextMenu={(e) => e.preventDefault()} />
      {broken && <p class="player-broken" role="alert">{t("broken")}</p>}
      <figcaption><span>{name}</span>
        <input type="range" min={0} max={1} step={0.05} value={volume} aria-label={t("volume", { name })} onInput={(e) => set(Number(e.currentTarget.value))} /></figcaption>
    </figure>
  );
}
