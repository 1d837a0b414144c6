package media

import (
	"time"

	"github.com/pion/webrtc/v4"

	"yunting/media/bandwidth"
)

const (
	paddingBytes  = 255 // RFC 3550 section 5.1: the most that one packet holds
	paddingAtOnce = 200 // packets of one tick
)

// padding is a payload of nothing else: its last byte tells its length.
var padding = [paddingBytes]byte{paddingBytes - 1: paddingBytes}

// probe is padding on its way to one receiver, by RTX (RFC 4588), whose
// numbers are its own.
type probe struct {
	s     *subscription
	bps   float64 // on top of the media
	last  time.Time
	until time.Time
}

// probeLocked tries whether the way takes more, when it is time; the caller
// holds the subscriber's and the downlink's mutex.
func (u *subscriber) probeLocked(needBps int, now time.Time) {
	d := &u.peer.down
	if !d.transport.Load() {
		return // reports let the estimate grow untried
	}
	s := u.carrierLocked()
	if s == nil {
		d.estimator.Try(needBps, now)
		return
	}
	order, ok := d.estimator.Probe(needBps, now)
	if !ok {
		return
	}
	u.peer.sfu.metrics.probes.Inc()
	p := &probe{s: s, bps: float64(max(order.RateBps-d.given, order.RateBps/4)), last: now, until: now.Add(order.Duration)}
	// Neither queue may wait for the other: the worker could be asking for us.
	if !s.track.w.offer(func() { s.track.w.probes = append(s.track.w.probes, p) }) {
		d.estimator.ProbeSent()
	}
}

// carrierLocked finds a video whose RTX can carry padding.
func (u *subscriber) carrierLocked() *subscription {
	for _, s := range u.forwards {
		b := s.bound.Load()
		if b == nil || b.rtxPT == 0 || b.sequence == 0 || !s.allowed.Load() {
			continue
		}
		if u.hearLocked(s, b) {
			return s
		}
	}
	return nil
}

// hear reads the feedback to a subscription's RTX from now on, by which it is
// then repaired. While the subscriber is busy it is left to the next call.
func (u *subscriber) hear(s *subscription) {
	b := s.bound.Load()
	if s.heard.Load() || b == nil || b.rtxPT == 0 || !u.mu.TryLock() {
		return
	}
	defer u.mu.Unlock()
	if !u.closed && u.forwards[s.track] == s {
		u.hearLocked(s, b)
	}
}

func (u *subscriber) hearLocked(s *subscription, b *binding) bool {
	if !s.heard.Load() {
		if err := u.listenLocked(s, b); err != nil {
			u.peer.sfu.log.Debug("media: feedback to rtx", "err", err)
			return false
		}
		s.heard.Store(true)
	}
	return true
}

// listenLocked reads the RTCP that names RTX as its medium: feedback names
// the stream of the last packet, and pion gives RTCP to readers by stream.
func (u *subscriber) listenLocked(s *subscription, b *binding) error {
	r, err := u.api.NewRTPReceiver(webrtc.RTPCodecTypeVideo, u.transportLocked())
	if err != nil {
		return err
	}
	if err := r.Receive(webrtc.RTPReceiveParameters{Encodings: []webrtc.RTPDecodingParameters{
		{RTPCodingParameters: webrtc.RTPCodingParameters{SSRC: webrtc.SSRC(b.rtxSSRC)}}}}); err != nil {
		return err
	}
	u.peer.sfu.wg.Go(func() {
		buf := make([]byte, bufferSize)
		for {
			n, _, err := r.Read(buf)
			if err != nil {
				return
			}
			if bandwidth.IsFeedback(buf[:n]) {
				u.peer.down.feedback(buf[:n], time.Now())
			}
		}
	})
	s.rtxFeedback = r
	return nil
}

// stopListening ends what listenLocked began; the caller holds the subscriber's mutex.
func (s *subscription) stopListening() {
	if s.rtxFeedback == nil {
		return
	}
	if err := s.rtxFeedback.Stop(); err != nil {
		s.peer.sfu.log.Debug("media: feedback to rtx", "err", err)
	}
	s.rtxFeedback = nil
}

// probe sends the padding that is due.
func (w *worker) probe(now time.Time) {
	if len(w.probes) == 0 {
		return
	}
	running := w.probes[:0]
	for _, p := range w.probes {
		bytes := p.bps / 8 * now.Sub(p.last).Seconds()
		p.last = now
		p.s.pad(int(bytes), now)
		if now.Before(p.until) {
			running = append(running, p)
		} else {
			p.s.peer.down.estimator.ProbeSent()
		}
	}
	clear(w.probes[len(running):])
	w.probes = running
}

// pad sends that many bytes of padding.
func (s *subscription) pad(bytes int, now time.Time) {
	out := s.bound.Load()
	if out == nil || out.rtxPT == 0 || out.sequence == 0 || !s.allowed.Load() || !s.ready.Load() {
		return
	}
	h := &s.header
	s.clearExtensions()
	e := s.peer.sub.egress.Load()
	for range min((bytes+paddingBytes+packetOnWire-1)/(paddingBytes+packetOnWire), paddingAtOnce) {
		h.Version, h.Marker, h.Padding, h.PaddingSize = 2, false, true, paddingBytes
		h.PayloadType, h.SSRC = out.rtxPT, out.rtxSSRC
		h.SequenceNumber, h.Timestamp = s.rtx, s.mapper.Last().Timestamp
		s.rtx++
		s.setNumber(out, s.peer.down.estimator.Sent(paddingBytes+packetOnWire, now))
		if e != nil {
			s.repairs.write(e, h, padding[:])
			continue
		}
		// An error means that the connection is closing; its state event tells.
		_, _ = out.out.WriteRTP(h, nil)
	}
	h.Padding, h.PaddingSize = false, 0
}

// count tells the estimator of a packet and keeps its transport-wide number.
func (s *subscription) count(out *binding, b *buffer, seq uint16, now time.Time) {
	if out.sequence == 0 {
		s.wire.Add(int64(wireBytes(b)))
		return
	}
	s.numbers[int(seq)%len(s.numbers)] = s.peer.down.estimator.Sent(wireBytes(b), now)
}

// setNumber puts a transport-wide sequence number into the header. A packet
// sent again carries its first number: the bytes under one packet index must
// never differ, header included (RFC 7714 section 8.2).
func (s *subscription) setNumber(out *binding, n uint16) {
	if out.sequence == 0 {
		return
	}
	s.number[0], s.number[1] = byte(n>>8), byte(n)
	if len(s.header.Extensions) == 0 {
		// Bind takes only ids that one byte can hold: it cannot fail.
		_ = s.header.SetExtension(out.sequence, s.number[:])
	}
}
