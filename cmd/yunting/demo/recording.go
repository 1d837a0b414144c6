package demo

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"yunting/docket"
)

// The recorded hearing: it took place a little before the court was seeded, a
// line every spokenFor, and one party came late.
const (
	recordedAgo = 3 * time.Minute
	spokenFor   = 8 * time.Second
	lateBy      = 6 * time.Second
)

// rehearse puts the stage on a clock of its own, which stands recordedAgo
// before now and is moved on by what is said.
func (s *stage) rehearse() {
	now := s.Now
	s.Now = func() time.Time { return now().Add(s.passed - recordedAgo) }
	s.Docket = s.Docket.WithClock(s.Now)
}

// speak lets the time of one line pass and notes who spoke.
func (s *stage) speak(speaker string) {
	if !s.plot.recorded {
		return
	}
	for _, p := range s.filmed() {
		if strings.HasSuffix(speaker, p.Name) {
			from := s.Now()
			s.spoken = append(s.spoken, docket.Spoken{Participant: p.account.ID.String(), From: from, To: from.Add(spokenFor - time.Second)})
		}
	}
	s.passed += spokenFor
}

func (s *stage) filmed() []Person { return []Person{s.judge, s.plaintiff, s.defendant} }

// record gives the hearing that is over its recording: the clip, for each who sat in it.
func (s *stage) record(ctx context.Context) error {
	ref, err := s.Blobs.Put(ctx, bytes.NewReader(clipFile))
	if err != nil {
		return err
	}
	h, err := s.Docket.Hearing(ctx, s.hearing.ID)
	if err != nil {
		return err
	}
	for i, p := range s.filmed() {
		started := *h.OpenedAt
		if i == 2 {
			started = started.Add(lateBy)
		}
		if err := s.Docket.RecordingPart(ctx, h.ID, docket.Recording{Participant: p.account.ID.String(), Account: p.account.ID, Name: p.Name,
			Blob: ref, Started: started, Ended: started.Add(clipLength)}); err != nil {
			return fmt.Errorf("recording of %s: %w", p.Login, err)
		}
	}
	if err := s.Docket.AddSpoken(ctx, h.ID, s.spoken); err != nil {
		return err
	}
	_, err = s.Docket.SealRecord(ctx, h.ID)
	return err
}
