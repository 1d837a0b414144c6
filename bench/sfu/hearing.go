//go:build linux

package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/pion/webrtc/v4"

	"yunting/docket"
	"yunting/signaling"
)

// hearing is the way in by the room's socket, with the messages that the room's
// page sends (docs/signaling-protocol.md): the first publisher is the judge,
// the others are parties, whom a clerk admits that sends no media, and
// receivers are observers.
type hearing struct {
	url     string
	meeting bool // publishers watch too, by the same socket
	clerk   *seat

	mu    sync.Mutex // guards what follows
	seats []*seat    // of publishers, by number
}

// openHearing goes in as the clerk.
func openHearing(ctx context.Context, base string, sc scenario) (*hearing, error) {
	h := &hearing{url: "ws" + strings.TrimPrefix(base, "http") + "/socket", meeting: sc.Meeting, seats: make([]*seat, sc.Publishers)}
	var err error
	h.clerk, err = h.enter(ctx, clerkName, signaling.SeatClerk)
	return h, err
}

func (h *hearing) publish(ctx context.Context, pc *webrtc.PeerConnection, _ string, n int) (leave func(), err error) {
	name, as := fmt.Sprintf("publisher %d", n), signaling.SeatPlaintiff
	switch {
	case n == 0:
		name, as = judgeName, signaling.SeatJudge
	case n%2 == 0:
		as = signaling.SeatDefendant
	}
	s, err := h.enter(ctx, name, as)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	h.seats[n] = s
	h.mu.Unlock()
	return s.leave, s.publish(ctx, pc)
}

// watch seats an observer, or has publisher n of a meeting watch. The room
// sends whatever there is.
func (h *hearing) watch(ctx context.Context, pc *webrtc.PeerConnection, _ string, n, _, _ int) (leave func(), err error) {
	if h.meeting {
		h.mu.Lock()
		s := h.seats[n]
		h.mu.Unlock()
		return func() {}, s.watch(ctx, pc)
	}
	s, err := h.enter(ctx, fmt.Sprintf("observer %d", n), signaling.SeatObserver)
	if err != nil {
		return nil, err
	}
	return s.leave, s.watch(ctx, pc)
}

// open has the judge open the hearing, whereupon it is recorded.
func (h *hearing) open(ctx context.Context) error {
	return h.seats[0].ask(ctx, "phase", map[string]any{"to": docket.PhaseOpening})
}

// enter sits down, and has the media peer made.
func (h *hearing) enter(ctx context.Context, name string, as signaling.Seat) (*seat, error) {
	s, err := sit(ctx, h.url, name, as)
	if err != nil {
		return nil, err
	}
	enter := []func() error{
		func() error { return s.send("hello", map[string]any{"version": signaling.Version}) },
		func() error { return s.ask(ctx, "declare", map[string]any{"discipline": true, "noRecording": true}) },
		func() error {
			if as != signaling.SeatPlaintiff && as != signaling.SeatDefendant {
				return nil
			}
			return h.clerk.ask(ctx, "admit", map[string]any{"person": account(name), "identityChecked": true})
		},
		func() error {
			_, err := from(ctx, s, s.present)
			return err
		},
		func() error {
			if as == signaling.SeatClerk {
				return nil
			}
			return s.ask(ctx, "media", map[string]any{"fresh": true})
		},
	}
	for _, step := range enter {
		if err := step(); err != nil {
			s.leave()
			return nil, fmt.Errorf("enter the hearing: %w", err)
		}
	}
	return s, nil
}
