package docket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"yunting/docket/deadline"
	"yunting/internal/identity"
)

// WriteLine adds a line to the transcript of a hearing that is not closed.
// Writing the same id again returns the line that is there: lines survive lost
// connections without doubles. ErrConflict when the hearing is closed or the id
// belongs to another hearing.
func (d *Docket) WriteLine(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, in LineInput) (Line, error) {
	in.Speaker, in.Text = strings.TrimSpace(in.Speaker), strings.TrimSpace(in.Text)
	if err := checkLine(in.ID, in.Speaker, in.Text); err != nil {
		return Line{}, err
	}
	var written Line
	err := d.inTx(ctx, "write line", func(tx pgx.Tx) error {
		h, err := d.lockHearing(ctx, tx, hearingID)
		if err != nil {
			return err
		}
		written, err = readLine(ctx, tx, in.ID)
		if err == nil {
			if written.Hearing != hearingID {
				return ErrConflict
			}
			return nil
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		if h.Phase == PhaseClosed {
			return ErrConflict
		}
		written = Line{ID: in.ID, Hearing: hearingID, Speaker: in.Speaker, Text: in.Text, Author: actor.Account, At: d.now(), Revision: 1}
		err = tx.QueryRow(ctx, `UPDATE hearings SET line_seq = line_seq + 1 WHERE id = $1 RETURNING line_seq`, hearingID).Scan(&written.Seq)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO transcript_lines (id, hearing_id, seq, speaker, text, author, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, written.ID, hearingID, written.Seq, written.Speaker, written.Text, written.Author, written.At)
		if err != nil {
			return err
		}
		return d.recordLine(ctx, tx, actor, h, written, EntryTranscriptLine)
	})
	if err != nil {
		return Line{}, err
	}
	return written, nil
}

func checkLine(id uuid.UUID, speaker, text string) error {
	const article = "《民事诉讼法》第一百五十条"
	switch {
	case id == uuid.Nil:
		return invalid("id", "line_id_missing", article)
	case text == "":
		return invalid("text", "line_text_missing", article)
	case !storable(text, maxLineRunes):
		return invalid("text", "text_too_long", article)
	case !storable(speaker, maxNameRunes):
		return invalid("speaker", "text_too_long", article)
	}
	return nil
}

// recordLine keeps the line's present wording and writes its entry.
func (d *Docket) recordLine(ctx context.Context, tx pgx.Tx, actor identity.Actor, h Hearing, line Line, kind string) error {
	_, err := tx.Exec(ctx, `INSERT INTO transcript_revisions (line_id, revision, speaker, text, author, at)
		VALUES ($1, $2, $3, $4, $5, $6)`, line.ID, line.Revision, line.Speaker, line.Text, actor.Account, d.now())
	if err != nil {
		return err
	}
	_, err = d.AppendEntry(ctx, tx, EntryInput{Case: h.Case, Actor: actor, Kind: kind, Data: map[string]any{
		"hearing": h.ID, "line": line.ID, "line_seq": line.Seq, "revision": line.Revision, "speaker": line.Speaker, "text": line.Text}})
	return err
}

// ReviseLine gives a line a new wording, during the hearing or after it (补正,
// CPL 150); the earlier ones are kept. revision is the one that the caller saw:
// ErrStale with the present line when it has changed since. Answers given to the
// earlier wording stay in the record and are no longer current.
func (d *Docket) ReviseLine(ctx context.Context, actor identity.Actor, hearingID, lineID uuid.UUID, revision int, speaker, text string) (Line, error) {
	speaker, text = strings.TrimSpace(speaker), strings.TrimSpace(text)
	if err := checkLine(lineID, speaker, text); err != nil {
		return Line{}, err
	}
	var line Line
	err := d.inTx(ctx, "revise line", func(tx pgx.Tx) error {
		h, err := d.lockHearing(ctx, tx, hearingID)
		if err != nil {
			return err
		}
		line, err = readLine(ctx, tx, lineID)
		if err != nil {
			return err
		}
		if line.Hearing != hearingID {
			return ErrNotFound
		}
		if line.Revision != revision {
			return ErrStale
		}
		if line.Speaker == speaker && line.Text == text {
			return nil
		}
		line.Revision, line.Speaker, line.Text = revision+1, speaker, text
		_, err = tx.Exec(ctx, `UPDATE transcript_lines SET revision = $2, speaker = $3, text = $4 WHERE id = $1`,
			lineID, line.Revision, speaker, text)
		if err != nil {
			return err
		}
		return d.recordLine(ctx, tx, actor, h, line, EntryTranscriptRevised)
	})
	if err != nil && !errors.Is(err, ErrStale) {
		return Line{}, err
	}
	return line, err
}

const lineColumns = `id, hearing_id, seq, speaker, text, author, at, revision`

func scanLine(row pgx.CollectableRow) (Line, error) {
	var l Line
	err := row.Scan(&l.ID, &l.Hearing, &l.Seq, &l.Speaker, &l.Text, &l.Author, &l.At, &l.Revision)
	l.At = l.At.UTC()
	return l, err
}

func readLine(ctx context.Context, q querier, id uuid.UUID) (Line, error) {
	rows, err := q.Query(ctx, `SELECT `+lineColumns+` FROM transcript_lines WHERE id = $1`, id)
	if err != nil {
		return Line{}, fmt.Errorf("docket: line: %w", err)
	}
	line, err := pgx.CollectExactlyOneRow(rows, scanLine)
	if err != nil {
		return Line{}, fmt.Errorf("docket: line %s: %w", id, notFound(err))
	}
	return line, nil
}

// LineRevisions lists every wording of every line of the hearing, in the order
// of the lines and then of the wordings.
func (d *Docket) LineRevisions(ctx context.Context, hearingID uuid.UUID) ([]LineRevision, error) {
	rows, err := d.pool.Query(ctx, `SELECT r.line_id, r.revision, r.speaker, r.text, r.author, r.at
		FROM transcript_revisions r JOIN transcript_lines l ON l.id = r.line_id
		WHERE l.hearing_id = $1 ORDER BY l.seq, r.revision`, hearingID)
	if err != nil {
		return nil, fmt.Errorf("docket: revisions: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (LineRevision, error) {
		var r LineRevision
		err := row.Scan(&r.Line, &r.Revision, &r.Speaker, &r.Text, &r.Author, &r.At)
		r.At = r.At.UTC()
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("docket: revisions: %w", err)
	}
	return list, nil
}

// Transcript reads the hearing's transcript with the parties' answers.
func (d *Docket) Transcript(ctx context.Context, hearingID uuid.UUID) (Transcript, error) {
	h, err := d.Hearing(ctx, hearingID)
	if err != nil {
		return Transcript{}, err
	}
	return d.readTranscript(ctx, d.pool, h)
}

func (d *Docket) readTranscript(ctx context.Context, q querier, h Hearing) (Transcript, error) {
	t := Transcript{Hearing: h.ID, ClosedAt: h.ClosedAt}
	if h.ClosedAt != nil {
		due := d.court.Calendar.Statutory(d.court.Today(*h.ClosedAt), deadline.RuleTranscript)
		t.Due = &due
	}
	rows, err := q.Query(ctx, `SELECT `+lineColumns+` FROM transcript_lines WHERE hearing_id = $1 ORDER BY seq`, h.ID)
	if err != nil {
		return Transcript{}, fmt.Errorf("docket: transcript: %w", err)
	}
	if t.Lines, err = pgx.CollectRows(rows, scanLine); err != nil {
		return Transcript{}, fmt.Errorf("docket: transcript: %w", err)
	}
	if t.Digest, err = digestLines(t.Lines); err != nil {
		return Transcript{}, fmt.Errorf("docket: transcript: %w", err)
	}
	rows, err = q.Query(ctx, `SELECT a.party_id, a.account, p.name, a.confirmed, a.objection, a.at, a.digest
		FROM transcript_answers a JOIN parties p ON p.id = a.party_id WHERE a.hearing_id = $1 ORDER BY p.ord`, h.ID)
	if err != nil {
		return Transcript{}, fmt.Errorf("docket: answers: %w", err)
	}
	t.Answers, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (TranscriptAnswer, error) {
		var a TranscriptAnswer
		err := row.Scan(&a.Party, &a.Account, &a.Name, &a.Confirmed, &a.Objection, &a.At, &a.Digest)
		a.At, a.Current = a.At.UTC(), a.Digest == t.Digest
		return a, err
	})
	if err != nil {
		return Transcript{}, fmt.Errorf("docket: answers: %w", err)
	}
	return t, nil
}

// digestLines is the SHA-256 of what the lines say, in canonical JSON.
func digestLines(lines []Line) (string, error) {
	said := make([][3]any, 0, len(lines))
	for _, l := range lines {
		said = append(said, [3]any{l.Seq, l.Speaker, l.Text})
	}
	text, err := canonical(said)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// AnswerTranscript records that the party for which the actor acts confirms the
// transcript as it reads now, or what it objects to (CPL 150, LR 34). It is open
// from the final statements on, and a later answer replaces an earlier one; the
// record keeps both. ErrNotSigned before, or while there is no line;
// ErrForbidden when the actor acts for no party.
func (d *Docket) AnswerTranscript(ctx context.Context, actor identity.Actor, hearingID uuid.UUID, confirm bool, objection string) error {
	objection = strings.TrimSpace(objection)
	switch {
	case confirm:
		objection = ""
	case objection == "":
		return invalid("objection", "objection_missing", "《民事诉讼法》第一百五十条")
	case !storable(objection, maxTextRunes):
		return invalid("objection", "text_too_long", "《民事诉讼法》第一百五十条")
	}
	return d.inTx(ctx, "answer transcript", func(tx pgx.Tx) error {
		h, err := d.lockHearing(ctx, tx, hearingID)
		if err != nil {
			return err
		}
		c, party, err := d.lockParty(ctx, tx, actor, h.Case)
		if err != nil {
			return err
		}
		t, err := d.readTranscript(ctx, tx, h)
		if err != nil {
			return err
		}
		if h.Phase != PhaseClosed && h.Phase != PhaseFinal && h.Resume != PhaseFinal || len(t.Lines) == 0 {
			return ErrNotSigned
		}
		now := d.now()
		_, err = tx.Exec(ctx, `INSERT INTO transcript_answers (hearing_id, case_id, party_id, account, confirmed, objection, at, digest)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (hearing_id, party_id) DO UPDATE SET account = excluded.account, confirmed = excluded.confirmed,
				objection = excluded.objection, at = excluded.at, digest = excluded.digest`,
			hearingID, c.ID, party.ID, actor.Account, confirm, objection, now, t.Digest)
		if err != nil {
			return err
		}
		late := t.Due != nil && d.court.Today(now).After(t.Due.Due)
		_, err = d.AppendEntry(ctx, tx, EntryInput{Case: h.Case, Actor: actor, Kind: EntryTranscriptAnswer, Data: map[string]any{
			"hearing": h.ID, "party": party.ID, "name": party.Name, "confirmed": confirm, "objection": objection,
			"lines": len(t.Lines), "digest": t.Digest, "late": late}})
		return err
	})
}
