// The faces: one tile a person, empty chairs for those who are expected, the speaker in front on a phone.

import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../lib/icons";
import { useRoom } from "./context";
import type { Person } from "./protocol";
import type { RoomState } from "./room";
import { quality } from "./status";

interface TileData {
  key: string;
  person: Person | null;
  name: string;
  seat: string;
  stream: MediaStream | null;
  self: boolean;
  screen: boolean; // not the face, the shared screen
}

export function Stage() {
  const { room, state, t } = useRoom();
  const tiles = tilesOf(state, room.config.me.account);
  const screen = tiles.find((x) => x.screen);
  const front = screen ?? tiles.find((x) => x.key === state.speaker) ?? tiles.find((x) => !x.self && x.stream) ?? tiles[0];
  return (
    <section class={`stage count-${Math.min(tiles.length, 9)} ${screen ? "with-screen" : ""}`} aria-label={t("panel.people")}>
      <SoundGate />
      {room.observer && state.room.pause && <p class="stage-out" role="status"><Icon name="pause" />{t("pause.out")}</p>}
      {tiles.map((x) => (
        <Tile key={x.key} tile={x} front={x === front} speaking={state.speaking.includes(x.key)} />
      ))}
    </section>
  );
}

/** Who gets a tile: shared screens first, then people in the order of the seats; streams without a person come last. */
function tilesOf(state: RoomState, me: string): TileData[] {
  const tiles: TileData[] = [];
  const shown = new Set<string>();
  for (const p of state.people) {
    const key = `${p.id}.screen`;
    const shares = state.room.screen === p.id || (p.standing !== "present" && !!state.streams[key]); // an encoder may stand in for one who is away
    if (shares) tiles.push({ key, person: p, name: p.name, seat: p.seat, stream: p.id === me ? state.screen : (state.streams[key] ?? null), self: p.id === me, screen: true });
    shown.add(key); // also one that is on its way out
  }
  for (const p of state.people) {
    if (p.seat === "observer" || (p.standing === "removed" && !state.streams[p.id])) continue;
    const self = p.id === me;
    tiles.push({ key: p.id, person: p, name: p.name, seat: p.seat, stream: self ? state.local : (state.streams[p.id] ?? null), self, screen: false });
    shown.add(p.id);
  }
  for (const [id, stream] of Object.entries(state.streams)) {
    if (shown.has(id)) continue;
    tiles.push({ key: id, person: null, name: id.replace(/^stream-/, "").replace(/\.screen$/, ""), seat: "stream", stream, self: false, screen: id.endsWith(".screen") });
  }
  return tiles;
}

function Tile({ tile, front, speaking }: { tile: TileData; front: boolean; speaking: boolean }) {
  const { state, t } = useRoom();
  const p = tile.person;
  const here = !p || p.standing === "present" || !!tile.stream;
  const lost = p?.connection === "lost";
  const weak = !tile.self && here && !lost && state.weak.includes(tile.key);
  const camera = tile.screen || (tile.self ? state.camera : p ? p.camera || (!!tile.stream && p.standing !== "present") : true);
  const picture = !!tile.stream && tile.stream.getVideoTracks().length > 0 && camera && !weak;
  const micOn = tile.self ? state.microphone : (p?.microphone ?? true);
  const net = here && !lost && quality(p) !== "good" ? quality(p) : "";
  const why = !here ? t(`tile.${p!.standing === "lobby" || p!.standing === "left" ? p!.standing : "absent"}`) : lost ? t("tile.lost") : weak ? t("tile.weak") : "";
  const classes = ["tile", `seat-${tile.seat}`, front && "front", speaking && "speaking", !here && "away", lost && "lost-tile", weak && "weak-tile", tile.self && "self", tile.screen && "screen"];
  return (
    <article class={classes.filter(Boolean).join(" ")} data-peer={tile.key}>
      <Media peer={tile.key} stream={tile.stream} self={tile.self} picture={picture} />
      {!picture && <span class="initial" aria-hidden="true">{[...tile.name][0] ?? t(`seat.${tile.seat}`)[0]}</span>}
      {why && <p class="tile-why" role={weak ? "status" : undefined}>{(lost || weak) && <Icon name="warn" />}{why}</p>}
      {p?.hand && <p class="tile-hand"><Icon name="hand" />{t("tile.hand")}</p>}
      <p class="plate">
        <span class="plate-seat">{t(`seat.${tile.seat}`)}</span>
        <span class="plate-name">{tile.screen ? t("tile.screen", { name: tile.name }) : tile.name}{tile.self && ` ${t("tile.you")}`}</span>
        {here && p?.muted && <span class="plate-mark bad"><Icon name="micOff" /><span>{t("tile.muted")}</span></span>}
        {here && p && !p.muted && !micOn && <span class="plate-mark"><Icon name="micOff" /><span class="visually-hidden">{t("tile.micOff")}</span></span>}
        {net && <span class={`plate-mark net-${net}`} title={t(`tile.net.${net}`)}><Icon name="signal" /><span class="visually-hidden">{t(`tile.net.${net}`)}</span></span>}
        {speaking && <span class="visually-hidden">{t("tile.speaking")}</span>}
      </p>
    </article>
  );
}

function Media({ peer, stream, self, picture }: { peer: string; stream: MediaStream | null; self: boolean; picture: boolean }) {
  const { room } = useRoom();
  const ref = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (self || !ref.current) return;
    return room.views.watch(ref.current, peer.replace(/\.screen$/, ""), peer.endsWith(".screen") ? "screen" : "camera");
  }, [room, peer, self]);
  useEffect(() => {
    const video = ref.current;
    if (!video || !stream) return;
    if (video.srcObject !== stream) video.srcObject = stream;
    video.play().catch((e: unknown) => {
      if (e instanceof DOMException && e.name === "NotAllowedError") window.dispatchEvent(new Event("yunting:silent"));
    });
  }, [stream, stream?.getTracks().length]);
  return <video ref={ref} autoplay playsInline muted={self} class={picture ? "" : "dark"} aria-hidden="true" />;
}

/** A browser that has seen no click yet may refuse sound: one button asks for it. */
function SoundGate() {
  const { t } = useRoom();
  const [silent, setSilent] = useState(false);
  useEffect(() => {
    const on = () => setSilent(true);
    window.addEventListener("yunting:silent", on);
    return () => window.removeEventListener("yunting:silent", on);
  }, []);
  if (!silent) return null;
  const play = () => {
    document.querySelectorAll<HTMLVideoElement>(".stage video").forEach((v) => void v.play().catch(() => undefined));
    setSilent(false);
  };
  return <button type="button" class="sound-gate" onClick={play}><Icon name="speaker" />{t("bar.sound")}</button>;
}
