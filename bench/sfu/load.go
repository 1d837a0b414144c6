//go:build linux

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
)

const (
	joining     = 4                // connections made at a time
	joinTimeout = 60 * time.Second // of one connection
	retryEvery  = 200 * time.Millisecond
)

// load is the publishers and receivers of one scenario.
type load struct {
	scenario     scenario
	target       *target
	entry        entry
	certificates []webrtc.Certificate // one for all: making hundreds costs seconds
	late         latencies
	measuring    atomic.Bool

	mu         sync.Mutex // guards what follows
	publishers []*publisher
	receivers  []*receiver
	random     *mathrand.Rand
}

func newLoad(s scenario, t *target, e entry) (*load, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, err
	}
	return &load{scenario: s, target: t, entry: e, certificates: []webrtc.Certificate{*c}, random: mathrand.New(mathrand.NewPCG(1, 2))}, nil
}

// lose decides about one packet; the sequence is the same in every run.
func (l *load) lose() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.random.Float64() < l.scenario.Loss
}

// start connects everyone and begins to send.
func (l *load) start(ctx context.Context, room string) error {
	s := l.scenario
	rooms := make([]string, s.Rooms)
	for i := range rooms {
		rooms[i] = room
		if s.Rooms > 1 {
			rooms[i] = fmt.Sprintf("%s-%d", room, i)
		}
	}
	err := inParallel(s.Rooms*s.Publishers, func(i int) error {
		return l.join(ctx, func(ctx context.Context) error {
			p, err := l.publish(ctx, rooms[i%s.Rooms], i/s.Rooms)
			if err != nil {
				p.close()
				return err
			}
			l.mu.Lock()
			l.publishers = append(l.publishers, p)
			l.mu.Unlock()
			return nil
		})
	})
	if err != nil {
		return err
	}
	l.beat(ctx)
	audio, video := s.streams()
	return inParallel(s.Rooms*s.watchers(), func(i int) error {
		return l.join(ctx, func(ctx context.Context) error {
			r, err := l.watch(ctx, rooms[i%s.Rooms], i/s.Rooms, audio, video)
			if err != nil {
				r.close()
				return err
			}
			l.mu.Lock()
			l.receivers = append(l.receivers, r)
			l.mu.Unlock()
			return nil
		})
	})
}

// join repeats a connection while the room is not complete.
func (l *load) join(ctx context.Context, connect func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	for {
		err := connect(ctx)
		if !errors.Is(err, errNotReady) {
			return err
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return err
		}
	}
}

// inParallel calls f for 0 to n-1, some at a time.
func inParallel(n int, f func(int) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, joining)
	for w := range errs {
		wg.Go(func() {
			for errs[w] == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				errs[w] = f(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// beat begins to send and to report.
func (l *load) beat(ctx context.Context) {
	var video, audio, reports beat
	audio.interval, reports.interval = audioInterval, reportEvery
	for _, p := range l.publishers {
		if p.mic != nil {
			audio.members = append(audio.members, p.mic.frame)
		}
		if len(p.cameras) > 0 {
			video.interval = l.scenario.frameInterval()
			video.members = append(video.members, func(passed time.Duration) error {
				var errs []error
				for _, c := range p.cameras {
					errs = append(errs, c.frame(passed))
				}
				return errors.Join(errs...)
			})
		}
	}
	reports.members = []func(time.Duration) error{func(time.Duration) error {
		if l.scenario.Loss > 0 {
			return nil // the stack's own are true
		}
		l.mu.Lock()
		receivers := l.receivers
		l.mu.Unlock()
		for _, r := range receivers {
			r.report()
		}
		return nil
	}}
	for _, b := range []*beat{&video, &audio, &reports} {
		go b.run(ctx)
	}
}

// close ends all connections.
func (l *load) close() {
	l.mu.Lock()
	publishers, receivers := l.publishers, l.receivers
	l.mu.Unlock()
	for _, r := range receivers {
		r.close()
	}
	for _, p := range publishers {
		p.close()
	}
}

// counted is what everyone counted until now.
type counted struct {
	sent     uint64
	received uint64 // that reached the receivers' sockets
	expected uint64
	dropped  uint64 // on purpose
	media    uint64 // decrypted
	streams  int
}

func (l *load) count() counted {
	l.mu.Lock()
	defer l.mu.Unlock()
	var c counted
	for _, p := range l.publishers {
		for _, cam := range p.cameras {
			c.sent += cam.sent.Load()
		}
		if p.mic != nil {
			c.sent += p.mic.sent.Load()
		}
	}
	for _, r := range l.receivers {
		t := r.socket.tally()
		c.received += t.packets
		c.expected += t.expected
		c.dropped += t.dropped
		c.streams += t.streams
		c.media += r.media.Load()
	}
	return c
}
