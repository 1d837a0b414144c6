//go:build linux

package main

import (
	"context"
	"time"
)

// beat calls every member once in each interval, spread evenly over it, from
// one goroutine: hundreds of timers would be what is measured.
type beat struct {
	interval time.Duration
	members  []func(passed time.Duration) error
}

// run beats until ctx ends. What is late is made up for at once, so the rate
// holds; a member's error is the connection's end and is left to the count of
// packets.
func (b *beat) run(ctx context.Context) {
	if len(b.members) == 0 {
		return
	}
	step := b.interval / time.Duration(len(b.members))
	start := time.Now()
	for n := 0; ; n++ {
		due := start.Add(time.Duration(n/len(b.members))*b.interval + time.Duration(n%len(b.members))*step)
		if d := time.Until(due); d > 0 {
			select {
			case <-time.After(d):
			case <-ctx.Done():
				return
			}
		} else if ctx.Err() != nil {
			return
		}
		_ = b.members[n%len(b.members)](b.interval)
	}
}
