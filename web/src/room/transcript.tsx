// The transcript: everybody reads it as it is written; the clerk writes and corrects; at the end the
// parties confirm it or object (CPL 150).

import { useEffect, useRef, useState } from "preact/hooks";
import { courtTime } from "../lib/clock";
import { Icon } from "../lib/icons";
import { newID } from "../lib/uuid";
import { useRoom } from "./context";
import type { Line } from "./protocol";
import { rove } from "./rove";

interface Pending {
  id: string;
  speaker: string;
  text: string;
  failed: boolean;
}

export function Transcript() {
  const { room, state, t } = useRoom();
  const clerk = room.config.me.seat === "clerk";
  const [pending, setPending] = useState<Pending[]>([]);
  const list = useRef<HTMLDivElement>(null);
  const [follow, setFollow] = useState(true);
  const waiting = pending.filter((p) => !state.lines.some((l) => l.id === p.id));

  useEffect(() => {
    const el = list.current;
    if (el && follow) el.scrollTop = el.scrollHeight;
  }, [state.lines.length, waiting.length, follow]);

  const send = async (p: Pending) => {
    setPending((all) => [...all.filter((o) => o.id !== p.id), { ...p, failed: false }]);
    const stored = await room.act({ type: "line", id: p.id, speaker: p.speaker, text: p.text });
    setPending((all) => (stored ? all.filter((o) => o.id !== p.id) : all.map((o) => (o.id === p.id ? { ...o, failed: true } : o))));
  };
  const scrolled = () => {
    const el = list.current!;
    setFollow(el.scrollHeight - el.scrollTop - el.clientHeight < 48);
  };

  return (
    <div class={state.room.phase === "closed" ? "transcript closed" : "transcript"}>
      <div class="lines" ref={list} onScroll={scrolled} role="log" aria-live="polite" aria-label={t("panel.transcript")} tabIndex={0}>
      <ol>
        {state.lines.map((l) => <Row key={l.id} line={l} clerk={clerk} />)}
        {waiting.map((p) => (
          <li key={p.id} class={p.failed ? "line failed" : "line pending"} aria-hidden={!p.failed}>
            <p class="line-head"><strong>{p.speaker}</strong>
              {p.failed ? <button type="button" class="room-button small" onClick={() => void send(p)}>{t("line.failed")}</button> : <span class="hint">{t("line.waiting")}</span>}</p>
            <p class="line-text">{p.text}</p>
          </li>
        ))}
        {state.lines.length + waiting.length === 0 && <li class="lines-empty">{t(clerk ? "line.emptyClerk" : "line.empty")}</li>}
      </ol>
      </div>
      {!follow && <button type="button" class="newest room-button small" onClick={() => setFollow(true)}>{t("line.newest")}</button>}
      {clerk && state.room.phase !== "closed" && <Write send={send} />}
      {state.room.phase === "closed" && (
        <div class="closing" role="region" aria-label={t("closed.title")} tabIndex={0}>
          <Answers />
          <IntegrityValue />
        </div>
      )}
    </div>
  );
}

function Row({ line, clerk }: { line: Line; clerk: boolean }) {
  const { room, t } = useRoom();
  const [editing, setEditing] = useState<string | null>(null);
  const save = async (e: Event) => {
    e.preventDefault();
    const stored = await room.act({ type: "revise", id: line.id, revision: line.revision, speaker: line.speaker, text: editing ?? "" });
    if (stored) setEditing(null);
  };
  return (
    <li class="line" data-line={line.id}>
      <p class="line-head">
        <strong>{line.speaker}</strong>
        <time class="hint num" dateTime={line.at}>{courtTime(Date.parse(line.at))}</time>
        {line.revision > 1 && <span class="hint">{t("line.revised", { n: line.revision - 1 })}</span>}
        {clerk && editing === null && <button type="button" class="line-edit" onClick={() => setEditing(line.text)} aria-label={t("line.edit")} title={t("line.edit")}><Icon name="edit" /></button>}
      </p>
      {editing === null ? <p class="line-text">{line.text}</p> : (
        <form class="line-form" onSubmit={save}>
          <textarea value={editing} rows={3} aria-label={t("line.text")} onInput={(e) => setEditing(e.currentTarget.value)} />
          <div class="dialog-acts">
            <button type="button" class="room-button small" onClick={() => setEditing(null)}>{t("cancel")}</button>
            <button type="submit" class="room-button small primary" disabled={!editing.trim()}>{t("line.save")}</button>
          </div>
        </form>
      )}
    </li>
  );
}

/** The clerk's desk: who speaks, one click away, and what they say. */
function Write({ send }: { send: (p: Pending) => Promise<void> }) {
  const { room, state, t } = useRoom();
  const key = `yunting.line.${room.config.hearing}`;
  const [text, setText] = useState(() => sessionStorage.getItem(key) ?? "");
  const speakers = state.people.filter((p) => p.seat !== "observer").map((p) => `${t(`seat.${p.seat}`)} ${p.name}`.trim());
  const [speaker, setSpeaker] = useState("");
  const chosen = speaker || speakers[0] || t("seat.clerk");
  const reached = speakers.includes(chosen) ? chosen : speakers[0]; // by Tab; who was chosen may have left
  const type = (value: string) => {
    setText(value);
    sessionStorage.setItem(key, value);
  };
  const submit = (e: Event) => {
    e.preventDefault();
    const said = text.trim();
    if (!said) return;
    type("");
    void send({ id: newID(), speaker: chosen, text: said, failed: false });
  };
  return (
    <form class="write" onSubmit={submit}>
      <div class="speakers" role="radiogroup" aria-label={t("line.speaker")} onKeyDown={rove}>
        {speakers.map((s, i) => (
          <button key={s} type="button" role="radio" aria-checked={s === chosen} tabIndex={s === reached ? 0 : -1} class={s === chosen ? "speaker on" : "speaker"} onClick={() => setSpeaker(s)} title={`Alt+${i + 1}`}>{s}</button>
        ))}
      </div>
      <textarea name="line" rows={3} value={text} placeholder={t("line.placeholder")} aria-label={t("line.text")} maxLength={4000}
        onInput={(e) => type(e.currentTarget.value)}
        onKeyDown={(e) => {
          if (e.key === "Enter" && !e.shiftKey && !e.isComposing) submit(e);
          const n = e.altKey ? Number(e.key) : NaN;
          if (n >= 1 && n <= speakers.length) {
            e.preventDefault();
            setSpeaker(speakers[n - 1]!);
          }
        }} />
      <button type="submit" class="room-button primary wide" disabled={!text.trim()} data-act="line">{t("line.add")}</button>
    </form>
  );
}

/** After the close: who has confirmed, and the party's own answer. */
function Answers() {
  const { room, state, t } = useRoom();
  const [objecting, setObjecting] = useState(false);
  const [objection, setObjection] = useState("");
  const parties = state.people.filter((p) => ["plaintiff", "defendant", "third_party"].includes(p.seat));
  const mine = state.answers.find((a) => a.account === room.config.me.account);
  const party = parties.some((p) => p.id === room.config.me.account);
  const send = (confirm: boolean) => void room.act({ type: "answer-transcript", confirm, objection: confirm ? "" : objection.trim() });
  const open = party && (!mine || !mine.current);
  return (
    <section class="answers">
      <h3>{t("closed.title")}</h3>
      <p class="hint">{t(party ? "closed.text" : "closed.wait")}</p>
      <ul>
        {parties.map((p) => {
          const a = state.answers.find((x) => x.account === p.id);
          const word = !a ? "pending" : !a.current ? "stale" : a.confirmed ? "confirmed" : "objected";
          return <li key={p.id} class={`answer ${word}`}><Icon name={word === "confirmed" ? "check" : word === "pending" ? "text" : "warn"} /><span>{t(`seat.${p.seat}`)} {p.name}: {t(`closed.${word}`)}{a?.objection ? `“${a.objection}”` : ""}</span></li>;
        })}
      </ul>
      {open && !objecting && (
        <div class="dialog-acts">
          <button type="button" class="room-button" onClick={() => setObjecting(true)}>{t("closed.object")}</button>
          <button type="button" class="room-button primary" data-act="confirm-transcript" onClick={() => send(true)}>{t("closed.confirm")}</button>
        </div>
      )}
      {open && objecting && (
        <form onSubmit={(e) => { e.preventDefault(); if (objection.trim()) send(false); }}>
          <label class="room-field"><span>{t("closed.objection")}</span><textarea rows={3} required value={objection} onInput={(e) => setObjection(e.currentTarget.value)} /></label>
          <div class="dialog-acts">
            <button type="button" class="room-button" onClick={() => setObjecting(false)}>{t("cancel")}</button>
            <button type="submit" class="room-button primary" data-act="object-transcript">{t("closed.send")}</button>
          </div>
        </form>
      )}
      {open && <p class="hint">{t("closed.effect")}</p>}
    </section>
  );
}

/** After the close: the recording's integrity value, which the parties sign where the recording stands for the transcript. */
function IntegrityValue() {
  const { room, state, t } = useRoom();
  const [objection, setObjection] = useState("");
  const value = state.integrity;
  if (!value) return <section class="answers"><h3>{t("value.title")}</h3><p class="hint" role="status">{t("value.waits")}</p></section>;
  const parties = state.people.filter((p) => ["plaintiff", "defendant", "third_party"].includes(p.seat));
  const mine = value.answers.find((a) => a.account === room.config.me.account);
  const open = value.replaces && parties.some((p) => p.id === room.config.me.account) && !mine?.current;
  const send = (sign: boolean) => void room.act({ type: "answer-integrity", root: value.root, sign, objection: sign ? "" : objection.trim() });
  return (
    <section class="answers" id="integrity-value">
      <h3>{t("value.title")}</h3>
      <p><code class="value-root">{value.root}</code></p>
      <p class="hint">{t(value.replaces ? "value.sign.text" : "value.text")}</p>
      {value.replaces && (
        <ul>
          {parties.map((p) => {
            const a = value.answers.find((x) => x.account === p.id);
            const word = !a || !a.current ? "pending" : a.signed ? "signed" : "objected";
            return <li key={p.id} class={`answer ${word === "signed" ? "confirmed" : word}`}><Icon name={word === "signed" ? "check" : word === "pending" ? "text" : "warn"} /><span>{t(`seat.${p.seat}`)} {p.name}: {t(`value.${word}`)}{a?.objection ? `“${a.objection}”` : ""}</span></li>;
          })}
        </ul>
      )}
      {open && (
        <form onSubmit={(e) => { e.preventDefault(); if (objection.trim()) send(false); }}>
          <button type="button" class="room-button primary wide" data-act="sign-integrity" onClick={() => send(true)}>{t("value.sign")}</button>
          <label class="room-field"><span>{t("value.objection")}</span><textarea rows={2} value={objection} onInput={(e) => setObjection(e.currentTarget.value)} /></label>
          <button type="submit" class="room-button" data-act="object-integrity" disabled={!objection.trim()}>{t("closed.send")}</button>
        </form>
      )}
    </section>
  );
}
