package web

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"yunting/docket"
	"yunting/signaling"
)

const (
	sightGap   = 5 * time.Second // a phase's change or a lost second does not break what the page shows
	sightsLong = 40              // spans of one row; the file has all
)

// sightsOf is who one person saw and heard, for the recordings' page.
type sightsOf struct {
	Name string
	Rows []sightRow
}

type sightRow struct {
	Name   string
	Source string
	Spans  []docket.Forwarding
	More   int // spans that are not listed
}

// sights reads who received whom, by the names that people had in the hearing.
func (s *server) sights(ctx context.Context, r *request) ([]sightsOf, error) {
	list, err := s.Docket.Forwardings(ctx, r.hearing.ID)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	presence, err := s.Docket.Presence(ctx, r.hearing.ID)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, p := range presence {
		names[p.Account.String()] = p.Name
	}
	name := func(peer string) string {
		account, player := signaling.WatcherAccount(peer)
		switch known := names[cmp.Or(account, peer)]; {
		case player && known != "":
			return r.t("forwarding.player_of", "name", known)
		case player:
			return r.t("forwarding.player")
		case known != "":
			return known
		}
		return strings.TrimPrefix(peer, streamPrefix)
	}
	var out []sightsOf
	for receiver, seen := range docket.Seen(list, sightGap) {
		of := sightsOf{Name: name(receiver)}
		for _, one := range seen {
			row := sightRow{Name: name(one.Sender), Source: one.Source, Spans: one.Spans}
			if len(row.Spans) > sightsLong {
				row.More = len(row.Spans) - sightsLong
				row.Spans = row.Spans[:sightsLong]
			}
			of.Rows = append(of.Rows, row)
		}
		slices.SortStableFunc(of.Rows, func(a, b sightRow) int { return cmp.Compare(a.Name, b.Name) })
		out = append(out, of)
	}
	slices.SortFunc(out, func(a, b sightsOf) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}
