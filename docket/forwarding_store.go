package docket

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// AddForwardings records who received what in a hearing. A stretch that is
// there already, by receiver, track and beginning, takes the later word; so the
// same list may come again.
func (d *Docket) AddForwardings(ctx context.Context, hearingID uuid.UUID, list []Forwarding) error {
	n := len(list)
	receivers, senders, tracks, sources := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	from, to, packets := make([]time.Time, n), make([]time.Time, n), make([]int64, n)
	for i, f := range list {
		receivers[i], senders[i], tracks[i], sources[i] = f.Receiver, f.Sender, f.Track, f.Source
		from[i], to[i], packets[i] = f.From.UTC(), f.To.UTC(), f.Packets
	}
	_, err := d.pool.Exec(ctx, `INSERT INTO hearing_forwardings (hearing_id, receiver, sender, track, source, from_at, to_at, packets)
		SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::bigint[])
		ON CONFLICT (hearing_id, receiver, track, from_at) DO UPDATE
		SET to_at = greatest(hearing_forwardings.to_at, excluded.to_at), packets = greatest(hearing_forwardings.packets, excluded.packets)`,
		hearingID, receivers, senders, tracks, sources, from, to, packets)
	if err != nil {
		return fmt.Errorf("docket: forwardings: %w", err)
	}
	return nil
}

// Forwardings lists who received what in a hearing, by receiver, track and time.
func (d *Docket) Forwardings(ctx context.Context, hearingID uuid.UUID) ([]Forwarding, error) {
	rows, err := d.pool.Query(ctx, `SELECT receiver, sender, track, source, from_at, to_at, packets FROM hearing_forwardings
		WHERE hearing_id = $1 ORDER BY receiver COLLATE "C", track COLLATE "C", from_at`, hearingID)
	if err != nil {
		return nil, fmt.Errorf("docket: forwardings: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Forwarding, error) {
		var f Forwarding
		err := row.Scan(&f.Receiver, &f.Sender, &f.Track, &f.Source, &f.From, &f.To, &f.Packets)
		f.From, f.To = f.From.UTC(), f.To.UTC()
		return f, err
	})
	if err != nil {
		return nil, fmt.Errorf("docket: forwardings: %w", err)
	}
	return list, nil
}

// keepForwardings makes a file of a hearing's list; no file where there is none.
func (d *Docket) keepForwardings(ctx context.Context, hearingID uuid.UUID) (FileRef, bool, error) {
	list, err := d.Forwardings(ctx, hearingID)
	if err != nil || len(list) == 0 {
		return FileRef{}, false, err
	}
	text, err := canonical(newForwardingList(hearingID, list))
	if err != nil {
		return FileRef{}, false, fmt.Errorf("docket: forwardings: %w", err)
	}
	ref, err := d.blobs.Put(ctx, bytes.NewReader(text))
	if err != nil {
		return FileRef{}, false, fmt.Errorf("docket: forwardings: %w", err)
	}
	return FileRef{Name: ForwardingFile, Hash: ref.Hash, Size: ref.Size}, true, nil
}
