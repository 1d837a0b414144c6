package docket

import "time"

// WithClock is the same register by another clock: for seeding a court with
// what happened earlier.
func (d *Docket) WithClock(now func() time.Time) *Docket {
	other := *d
	other.clock = now
	return &other
}
