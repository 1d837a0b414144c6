//go:build linux

package main

import (
	"slices"
	"sync"
	"time"
)

const (
	latencyMax = 1 << 20     // samples kept
	latencyEnd = time.Minute // beyond it a stamp is none: the packet is another publisher's
)

// latencies gathers one-way delays. It is safe for concurrent use.
type latencies struct {
	mu   sync.Mutex
	seen []time.Duration
}

func (l *latencies) add(d time.Duration) {
	if d < 0 || d > latencyEnd {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seen) < latencyMax {
		l.seen = append(l.seen, d)
	}
}

// percentile is the delay that the share p of the samples does not exceed.
func (l *latencies) percentile(p float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seen) == 0 {
		return 0
	}
	slices.Sort(l.seen)
	return l.seen[min(int(p*float64(len(l.seen))), len(l.seen)-1)]
}
