package media

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"

	"yunting/media/feedback"
	"yunting/media/packet"
)

const (
	feedbackTick  = 20 * time.Millisecond
	feedbackFast  = 100 * time.Millisecond
	feedbackSlow  = 250 * time.Millisecond
	feedbackBits  = 68 * 8 // of a usual feedback
	feedbackShare = 20     // feedback may take one in so many of the publisher's bits
)

// reporter sends publishers their transport-wide feedback, all of them from
// one goroutine. It makes pion an interceptor for each connection.
type reporter struct {
	ssrc uint32 // what our RTCP names as its sender; immutable once run

	mu      sync.Mutex // guards what follows
	waiting []*arrivals
}

// NewInterceptor is called for each new connection (interceptor.Factory).
func (r *reporter) NewInterceptor(string) (interceptor.Interceptor, error) {
	return &arrivals{reporter: r, start: time.Now(), interval: feedbackFast}, nil
}

func newSSRC() uint32 { return rand.Uint32() | 1 }

// run writes what is due until done closes; flush sends it.
func (r *reporter) run(done <-chan struct{}, flush func()) {
	tick := time.NewTicker(feedbackTick)
	defer tick.Stop()
	var due []*arrivals
	for {
		select {
		case <-done:
			return
		case now := <-tick.C:
			due = r.take(due[:0], now)
			for _, a := range due {
				a.send(now)
			}
			flush()
			clear(due)
		}
	}
}

// take moves what is due at now from the list to due.
func (r *reporter) take(due []*arrivals, now time.Time) []*arrivals {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = slices.DeleteFunc(r.waiting, func(a *arrivals) bool {
		if now.Before(a.due) {
			return false
		}
		due = append(due, a)
		return true
	})
	return due
}

// arrivals tells one publisher when its packets arrived
// (draft-holmer-rmcat-transport-wide-cc-extensions-01): those of every stream,
// repairs and padding too. It allocates nothing for a packet.
type arrivals struct {
	interceptor.NoOp
	reporter *reporter
	start    time.Time
	due      time.Time      // guarded by reporter.mu; set while waiting
	raw      rtcp.RawPacket // the feedback under way; owned by the reporter
	packets  [1]rtcp.Packet // it

	mu       sync.Mutex // guards what follows
	writer   interceptor.RTCPWriter
	recorder feedback.Recorder
	media    uint32 // SSRC of the last packet
	interval time.Duration
	last     time.Time // when feedback was last sent
	bytes    int       // received since then
	waiting  bool
}

// BindRTCPWriter keeps the connection's way back (interceptor.Interceptor).
func (a *arrivals) BindRTCPWriter(w interceptor.RTCPWriter) interceptor.RTCPWriter {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writer = w
	return w
}

// BindRemoteStream notes the packets of a stream (interceptor.Interceptor).
func (a *arrivals) BindRemoteStream(info *interceptor.StreamInfo, r interceptor.RTPReader) interceptor.RTPReader {
	var id uint8
	for _, e := range info.RTPHeaderExtensions {
		if e.URI == sdp.TransportCCURI {
			id = uint8(e.ID)
		}
	}
	if id == 0 {
		return r
	}
	return interceptor.RTPReaderFunc(func(b []byte, at interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, at, err := r.Read(b, at)
		if err == nil {
			a.packet(b[:n], id, time.Now())
		}
		return n, at, err
	})
}

func (a *arrivals) packet(b []byte, id uint8, now time.Time) {
	h, err := packet.Parse(b)
	if err != nil {
		return // the track's reader counts it
	}
	e := h.Extension(b, id)
	if len(e) != 2 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.recorder.Record(uint16(e[0])<<8|uint16(e[1]), now.Sub(a.start))
	a.media = h.SSRC
	a.bytes += len(b)
	if a.waiting {
		return
	}
	a.waiting = true
	at := a.last.Add(a.interval)
	if soon := now.Add(feedbackTick); at.Before(soon) {
		at = soon // with the rest of the burst
	}
	r := a.reporter
	r.mu.Lock()
	a.due = at
	r.waiting = append(r.waiting, a)
	r.mu.Unlock()
}

// send sends what arrived since the last feedback and chooses the pace of the
// next: the slower the publisher, the rarer. Only the reporter calls it.
func (a *arrivals) send(now time.Time) {
	a.mu.Lock()
	a.waiting = false
	if passed := now.Sub(a.last).Seconds(); passed > 0 {
		bps := float64(a.bytes*8) / passed
		a.interval = min(max(time.Duration(feedbackBits*feedbackShare/max(bps, 1)*float64(time.Second)), feedbackFast), feedbackSlow)
	}
	a.last, a.bytes = now, 0
	a.mu.Unlock()
	for w := a.next(); w != nil; w = a.next() {
		// A connection that is going down may refuse it: nobody waits for it then.
		_, _ = w.Write(a.packets[:], nil)
	}
}

// next makes the next feedback and gives its way; nil when there is nothing to tell.
func (a *arrivals) next() interceptor.RTCPWriter {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.raw = a.recorder.Append(a.raw[:0], a.reporter.ssrc, a.media)
	a.packets[0] = &a.raw
	if len(a.raw) == 0 {
		return nil
	}
	return a.writer
}

var _ interceptor.Factory = (*reporter)(nil)
