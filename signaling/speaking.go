package signaling

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/media"
)

const (
	speakingFlush = 15 * time.Second        // a crash loses at most this much of who spoke
	speakingPause = 1500 * time.Millisecond // a shorter silence does not end a stretch
)

// speaking notes who speaks while a hearing is recorded, by the levels that the clients send (RFC 6464), and
// gives the stretches to docket in batches.
type speaking struct {
	hub     *Hub
	hearing uuid.UUID
	log     *slog.Logger
	stop    func()        // of media's calls
	quit    chan struct{} // closed to end run
	done    chan struct{}

	mu     sync.Mutex // guards what follows
	since  map[string]time.Time
	silent map[string]time.Time // who has just stopped
	closed []docket.Spoken
	paused bool
}

func (r *room) noteSpeaking() *speaking {
	s := &speaking{hub: r.hub, hearing: r.id, log: r.log, quit: make(chan struct{}), done: make(chan struct{}),
		since: map[string]time.Time{}, silent: map[string]time.Time{}}
	s.stop = r.media.OnSpeaking(s.change)
	go s.run()
	return s
}

// change takes the list of who speaks now.
func (s *speaking) change(list []media.Speaker) {
	now := s.hub.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused {
		return
	}
	s.settleLocked(now)
	heard := make(map[string]bool, len(list))
	for _, p := range list {
		heard[p.Peer] = true
		delete(s.silent, p.Peer)
		if _, on := s.since[p.Peer]; !on {
			s.since[p.Peer] = now
		}
	}
	for peer := range s.since {
		if _, waiting := s.silent[peer]; !heard[peer] && !waiting {
			s.silent[peer] = now
		}
	}
}

// settleLocked ends the stretches whose silence has lasted.
func (s *speaking) settleLocked(now time.Time) {
	for peer, at := range s.silent {
		if now.Sub(at) >= speakingPause {
			s.closeLocked(peer, at)
		}
	}
}

func (s *speaking) closeLocked(peer string, at time.Time) {
	if from := s.since[peer]; at.After(from) {
		s.closed = append(s.closed, docket.Spoken{Participant: peer, From: from, To: at})
	}
	delete(s.since, peer)
	delete(s.silent, peer)
}

// pause ends every stretch: what is said in a recess is not noted (AV 3).
func (s *speaking) pause(on bool) {
	now := s.hub.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = on
	for peer := range s.since {
		at := now
		if silent, ok := s.silent[peer]; ok {
			at = silent
		}
		s.closeLocked(peer, at)
	}
}

func (s *speaking) run() {
	defer close(s.done)
	ticker := time.NewTicker(speakingFlush)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.flush()
		case <-s.quit:
			s.pause(true)
			s.flush()
			return
		}
	}
}

// flush gives docket what is complete; what it could not take stays for the next time.
func (s *speaking) flush() {
	s.mu.Lock()
	s.settleLocked(s.hub.now())
	list := s.closed
	s.closed = nil
	s.mu.Unlock()
	if len(list) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := s.hub.cfg.Docket.AddSpoken(ctx, s.hearing, list); err != nil {
		s.log.Error("signaling: who spoke waits", "stretches", len(list), "error", err)
		s.mu.Lock()
		s.closed = append(list, s.closed...)
		s.mu.Unlock()
	}
}

// end waits until everything is with docket.
func (s *speaking) end() {
	s.stop()
	close(s.quit)
	<-s.done
}
