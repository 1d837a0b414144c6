package docket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/internal/identity"
	"yunting/internal/ledger"
)

// entryActor is the actor as the payload names them.
type entryActor struct {
	ID       uuid.UUID `json:"id"`
	Name     string    `json:"name"`
	Standing string    `json:"standing"`
}

// entryPayload is what an entry's leaf is the hash of.
type entryPayload struct {
	Case   uuid.UUID       `json:"case"`
	Number string          `json:"number"`
	Seq    int             `json:"seq"`
	Kind   string          `json:"kind"`
	At     time.Time       `json:"at"`
	Actor  entryActor      `json:"actor"`
	Data   json.RawMessage `json:"data"`
	Files  []FileRef       `json:"files"`
}

// AppendEntry writes the case's next entry in the caller's transaction and
// queues its leaf for the ledger. The case's row stays locked until the
// transaction ends, so entries of one case are numbered 1, 2, 3 … in the order
// of their commits, without gaps. ErrNotFound when there is no such case.
//
// The payload is canonical JSON: keys sorted, no spaces, no escaped HTML, times
// in UTC. Full identity numbers in Data are masked (PIPL 6, 28).
func (d *Docket) AppendEntry(ctx context.Context, tx pgx.Tx, in EntryInput) (Entry, error) {
	if !slices.Contains(EntryKinds(), in.Kind) {
		return Entry{}, fmt.Errorf("docket: entry kind %q is not in EntryKinds", in.Kind)
	}
	p := entryPayload{Case: in.Case, Kind: in.Kind, At: d.now(), Files: in.Files}
	err := tx.QueryRow(ctx, `UPDATE cases SET entry_seq = entry_seq + 1 WHERE id = $1
		RETURNING entry_seq, coalesce(number, '')`, in.Case).Scan(&p.Seq, &p.Number)
	if errors.Is(err, pgx.ErrNoRows) {
		return Entry{}, fmt.Errorf("docket: entry of case %s: %w", in.Case, ErrNotFound)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("docket: number entry: %w", err)
	}
	standing, err := standingOf(ctx, tx, in.Case, in.Actor)
	if err != nil {
		return Entry{}, err
	}
	p.Actor = entryActor{ID: in.Actor.Account, Name: in.Actor.Name, Standing: standing}
	if p.Files == nil {
		p.Files = []FileRef{}
	}
	if p.Data, err = canonical(in.Data); err != nil {
		return Entry{}, fmt.Errorf("docket: entry data: %w", err)
	}
	payload, err := canonical(p)
	if err != nil {
		return Entry{}, fmt.Errorf("docket: entry: %w", err)
	}
	leaf, err := ledger.Queue(ctx, tx, payload)
	if err != nil {
		return Entry{}, fmt.Errorf("docket: entry's leaf: %w", err)
	}
	id := newID()
	_, err = tx.Exec(ctx, `INSERT INTO entries (id, case_id, seq, kind, at, payload, leaf_id, leaf_hash, leaf_salt)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		id, in.Case, p.Seq, p.Kind, p.At, payload, leaf.ID, leaf.Hash[:], leaf.Salt[:])
	if err != nil {
		return Entry{}, fmt.Errorf("docket: write entry: %w", err)
	}
	for _, f := range p.Files {
		if err := d.nameFile(ctx, tx, id, f); err != nil {
			return Entry{}, err
		}
	}
	return p.entry(id, payload, leaf), nil
}

func (p entryPayload) entry(id uuid.UUID, payload []byte, leaf ledger.Leaf) Entry {
	return Entry{
		ID: id, Case: p.Case, Seq: p.Seq, Kind: p.Kind, At: p.At, Actor: p.Actor.ID, ActorName: p.Actor.Name,
		Standing: p.Actor.Standing, Data: p.Data, Files: p.Files, Payload: payload, Leaf: leaf,
	}
}

// Entries reads the record of a case, oldest first.
func (d *Docket) Entries(ctx context.Context, caseID uuid.UUID) ([]Entry, error) {
	rows, err := d.pool.Query(ctx, `SELECT id, payload, leaf_id, leaf_hash, leaf_salt FROM entries
		WHERE case_id = $1 ORDER BY seq`, caseID)
	if err != nil {
		return nil, fmt.Errorf("docket: entries: %w", err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Entry, error) {
		var id uuid.UUID
		var payload, hash, salt []byte
		var leaf ledger.Leaf
		if err := row.Scan(&id, &payload, &leaf.ID, &hash, &salt); err != nil {
			return Entry{}, err
		}
		copy(leaf.Hash[:], hash)
		copy(leaf.Salt[:], salt)
		var p entryPayload
		if err := json.Unmarshal(payload, &p); err != nil {
			return Entry{}, fmt.Errorf("entry %s: %w", id, err)
		}
		return p.entry(id, payload, leaf), nil
	})
	if err != nil {
		return nil, fmt.Errorf("docket: entries: %w", err)
	}
	return entries, nil
}

// standingOf is what the actor is in the case, for the record: the first of
// judge, clerk and the side of the party that they act for.
func standingOf(ctx context.Context, tx pgx.Tx, caseID uuid.UUID, actor identity.Actor) (string, error) {
	if actor.Anonymous() || actor.IsSystem() {
		return "", nil
	}
	var standing string
	err := tx.QueryRow(ctx, `SELECT CASE WHEN c.judge = $2 THEN 'judge' WHEN c.clerk = $2 THEN 'clerk'
			ELSE coalesce((SELECT standing FROM parties WHERE case_id = c.id AND account = $2),
				CASE WHEN c.filer = $2 THEN 'plaintiff' ELSE '' END) END
		FROM cases c WHERE c.id = $1`, caseID, actor.Account).Scan(&standing)
	if err != nil {
		return "", fmt.Errorf("docket: standing of the actor: %w", err)
	}
	return standing, nil
}

// canonical is v as JSON in one spelling only: keys sorted, nothing escaped
// that need not be, identity numbers masked.
func canonical(v any) (json.RawMessage, error) {
	if v == nil {
		v = struct{}{}
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(maskTree(tree)); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// maskTree masks the identity numbers in every string of a decoded JSON value.
func maskTree(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			v[key] = maskTree(value)
		}
	case []any:
		for i, value := range v {
			v[i] = maskTree(value)
		}
	case string:
		return maskText(v)
	}
	return v
}

// residentID finds what may be a 居民身份证号 inside a text.
var residentID = regexp.MustCompile(`[0-9]+[Xx]?`)

// maskText masks each identity number with a true check digit in text. Runs
// inside longer words, such as hashes, are left.
func maskText(text string) string {
	if len(text) < 18 {
		return text
	}
	var out strings.Builder
	last := 0
	for _, at := range residentID.FindAllStringIndex(text, -1) {
		run := text[at[0]:at[1]]
		if len(run) != 18 || wordAt(text, at[0]-1) || wordAt(text, at[1]) || identity.ValidResidentID(run) != nil {
			continue
		}
		out.WriteString(text[last:at[0]])
		out.WriteString(identity.MaskID(run))
		last = at[1]
	}
	out.WriteString(text[last:])
	return out.String()
}

// wordAt reports whether byte i of text is an ASCII letter or digit.
func wordAt(text string, i int) bool {
	if i < 0 || i >= len(text) {
		return false
	}
	c := text[i]
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
