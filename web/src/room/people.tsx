// Who waits, who is in, who is missing; and what the clerk and the judge do about it.

import { useState } from "preact/hooks";
import { Icon } from "../lib/icons";
import { useRoom } from "./context";
import { Dialog } from "./dialog";
import { Devices } from "./settings";
import type { Person } from "./protocol";

export function People() {
  const { room, state, t } = useRoom();
  const seat = room.config.me.seat;
  const [removing, setRemoving] = useState<Person | null>(null);
  const parties = state.people.filter((p) => p.seat !== "observer");
  const lobby = parties.filter((p) => p.standing === "lobby");
  const present = parties.filter((p) => p.standing === "present");
  const missing = parties.filter((p) => !lobby.includes(p) && !present.includes(p));
  const observers = state.people.filter((p) => p.seat === "observer" && p.standing === "present");
  return (
    <div class="roll">
      {(seat === "clerk" || lobby.length > 0) && (
        <Group title={t("people.lobby", { n: lobby.length })}>
          {lobby.map((p) => <Waiting key={p.id} person={p} clerk={seat === "clerk"} />)}
          {lobby.length === 0 && <p class="hint">{t("people.none")}</p>}
        </Group>
      )}
      <Group title={t("people.in", { n: present.length })}>
        {present.map((p) => <Inside key={p.id} person={p} remove={() => setRemoving(p)} />)}
      </Group>
      {missing.length > 0 && (
        <Group title={t("people.out", { n: missing.length })}>
          {missing.map((p) => <Row key={p.id} person={p}><span class="hint">{t(`tile.${p.standing === "left" || p.standing === "removed" ? p.standing : "absent"}`)}</span></Row>)}
        </Group>
      )}
      {observers.length > 0 && (
        <Group title={t("people.observers", { n: observers.length })}>
          {observers.map((p) => seat === "judge" ? <Inside key={p.id} person={p} remove={() => setRemoving(p)} /> : <Row key={p.id} person={p} />)}
        </Group>
      )}
      {removing && <Remove person={removing} close={() => setRemoving(null)} />}
    </div>
  );
}

function Group({ title, children }: { title: string; children: preact.ComponentChildren }) {
  return <section class="people-group"><h3>{title}</h3>{children}</section>;
}

function Row({ person, children }: { person: Person; children?: preact.ComponentChildren }) {
  const { t } = useRoom();
  return (
    <div class="person" data-person={person.id}>
      <span class="person-initial" aria-hidden="true">{[...person.name][0] ?? "?"}</span>
      <div class="person-who"><strong>{person.name || t(`seat.${person.seat}`)}</strong><span class="hint">{t(`seat.${person.seat}`)}</span></div>
      {children}
    </div>
  );
}

/** Admission: the clerk says that the identity was checked, and lets in (LR 7). */
function Waiting({ person, clerk }: { person: Person; clerk: boolean }) {
  const { room, t } = useRoom();
  const [checked, setChecked] = useState(false);
  const admit = () => void room.act({ type: "admit", person: person.id, identityChecked: checked, note: "" });
  return (
    <div class="waiting">
      <Row person={person} />
      {clerk && (
        <>
          <label class="tick small"><input type="checkbox" checked={checked} onChange={(e) => setChecked(e.currentTarget.checked)} /><span>{t("people.identityAsk")}</span></label>
          <button type="button" class="room-button primary wide" disabled={!checked} onClick={admit} data-admit={person.id}>{t("people.admit")}</button>
        </>
      )}
    </div>
  );
}

function Inside({ person, remove }: { person: Person; remove: () => void }) {
  const { room, state, t } = useRoom();
  const seat = room.config.me.seat;
  const self = person.id === room.config.me.account;
  const [devices, setDevices] = useState(false);
  const sends = self && !room.observer && state.room.phase !== "closed";
  const mayLower = person.hand && (seat === "judge" || seat === "clerk" || self);
  return (
    <Row person={person}>
      <div class="person-marks">
        {person.connection === "lost" && <span class="mark bad"><Icon name="warn" />{t("tile.lost")}</span>}
        {person.identityChecked && <span class="mark ok"><Icon name="check" />{t("people.identity")}</span>}
        {person.hand && <span class="mark lit"><Icon name="hand" />{t("tile.hand")}</span>}
        {state.room.screen === person.id && <span class="mark lit"><Icon name="screen" />{t("people.sharing")}</span>}
        {person.muted && <span class="mark bad"><Icon name="micOff" />{t("tile.muted")}</span>}
      </div>
      <div class="person-acts">
        {sends && <button type="button" class="room-button small" data-act="own-devices" onClick={() => setDevices(true)}>{t("bar.devices")}</button>}
        {mayLower && <button type="button" class="room-button small" onClick={() => void room.act({ type: "hand", person: person.id, raised: false })}>{t("people.lowerHand")}</button>}
        {seat === "judge" && !self && state.room.screen === person.id && (
          <button type="button" class="room-button small" data-unshare={person.id} onClick={() => void room.act({ type: "share", person: person.id, shared: false })}>{t("people.unshare")}</button>
        )}
        {seat === "judge" && !self && person.seat !== "observer" && (
          <button type="button" class="room-button small" data-mute={person.id} onClick={() => void room.act({ type: "mute", person: person.id, muted: !person.muted })}>
            {t(person.muted ? "people.unmute" : "people.mute")}
          </button>
        )}
        {seat === "judge" && !self && person.seat !== "clerk" && (
          <button type="button" class="room-button small quiet-danger" data-remove={person.id} onClick={remove}>{t("people.remove")}</button>
        )}
      </div>
      {devices && <Devices close={() => setDevices(false)} />}
    </Row>
  );
}

function Remove({ person, close }: { person: Person; close: () => void }) {
  const { room, t } = useRoom();
  const [reason, setReason] = useState("");
  const go = async (e: Event) => {
    e.preventDefault();
    if (await room.act({ type: "remove", person: person.id, reason })) close();
  };
  return (
    <Dialog title={t("remove.title", { name: person.name })} close={close}>
      <form onSubmit={go}>
        <p>{t("remove.text")}</p>
        <label class="room-field"><span>{t("remove.reason")}</span><input value={reason} maxLength={200} required onInput={(e) => setReason(e.currentTarget.value)} /></label>
        <div class="dialog-acts">
          <button type="button" class="room-button" onClick={close}>{t("cancel")}</button>
          <button type="submit" class="room-button danger" data-act="remove">{t("remove.yes")}</button>
        </div>
      </form>
    </Dialog>
  );
}
