package media

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"yunting/media/rewrite"
	"yunting/media/simulcast"
)

const resendsPerSecond = 2000 // of one subscription: what a NACK storm may cost

// forwarder is the worker's part of a subscription.
type forwarder struct {
	mapper   *rewrite.Mapper
	header   rtp.Header
	extended bool     // extensions of the last packet are in header
	numbers  []uint16 // transport-wide sequence numbers by sequence number sent
	number   [2]byte  // the extension's bytes in header
	holes    holes    // in the numbers sent
	rtx      uint16   // next sequence number of RTX
	media    outgoing // by our own egress
	repairs  outgoing // by our own egress, on RTX
	wrapped  []byte   // payload of the last packet on RTX
	paused   bool     // something was held back since the last packet
	target   uint8
	aim      uint8     // the layer to take if it comes: above target when it does not arrive now
	alone    bool      // a layer below that of an SVC stream was left out since the last key picture
	without  uint8     // temporal layers that the receiver does not get, from above
	omitted  uint32    // timestamp of the last picture that was left out for that
	sentAt   time.Time // of the last packet
	packets  uint32
	octets   uint32
	resends  int // in the present second
	second   int64
	stretch  stretch // of Room.Forwardings
}

// accept takes a run of packets of one stream into loss tracking and cache
// and gives them to the feeds. It returns those to forward, in place.
func (l *layer) accept(run []*buffer) []*buffer {
	t := l.track
	permitted := t.permitted.Load() && !t.ended && !t.excess.choked
	if !permitted {
		l.holdBack()
	}
	out := run[:0]
	for _, b := range run {
		l.lastSeen, l.spatial[b.spatial].lastSeen = b.arrived, b.arrived
		b.barred = t.excess.stopped(int(l.index)+int(b.spatial), b.arrived)
		if !l.loss.Packet(b.head.Seq, b.arrived) || !permitted {
			if t.excess.choked {
				l.note(b) // whether it is still too much
			}
			buffers.Put(b)
			continue
		}
		if old, ok := l.cache.Put(b.head.Seq, b); ok {
			t.w.release(old)
			if old == b {
				continue
			}
		}
		l.outdate(b.arrived)
		if b.key {
			l.wantKey, l.keySeen = false, b.arrived
		}
		if l.loss.Missing() > 0 {
			t.hurry()
			if b.red > 0 {
				l.refill(b)
			}
		}
		t.account(l, b)
		for _, f := range t.feeds {
			f.packet(b)
		}
		out = append(out, b)
	}
	return out
}

// outdate gives back the buffers of packets that nobody will ask for any more.
func (l *layer) outdate(now time.Time) {
	for {
		old, ok := l.cache.Oldest()
		if !ok || now.Sub(old.arrived) < cacheTime {
			return
		}
		l.cache.DropOldest()
		l.track.w.release(old)
	}
}

// holdBack makes what comes after a stretch that nobody got go on without a
// break in the numbers.
func (l *layer) holdBack() {
	for _, s := range l.track.subscriptions() {
		s.paused = true
		s.endStretch(s.sentAt)
	}
	for _, f := range l.track.feeds {
		f.paused = true
	}
}

func (b *buffer) in() rewrite.In {
	return rewrite.In{Seq: b.head.Seq, Timestamp: b.head.Timestamp, Picture: b.vp8.PictureID, TL0: b.vp8.TL0PicIdx, Bare: b.empty()}
}

// forward sends a run of packets of one stream to the receiver.
func (s *subscription) forward(run []*buffer, now time.Time) (packets, bytes int) {
	out := s.bound.Load()
	if out == nil || !s.allowed.Load() || !s.ready.Load() || s.limit.Load() < 0 || s.target == simulcast.None {
		s.paused = true
		if !s.allowed.Load() {
			s.endStretch(s.sentAt)
		}
		return 0, 0
	}
	last, resumed := s.sentAt, s.paused
	thin := s.thinned()
	for _, b := range run {
		if !s.admit(b) || thin && !s.admitTemporal(b) {
			continue
		}
		to, ok := s.mapper.Map(b.in())
		if !ok {
			continue
		}
		s.holes.sent(to.Seq)
		s.count(out, b, to.Seq, now)
		s.write(out, b, to)
		s.sentAt = b.arrived
		packets++
		bytes += b.head.End - b.head.Payload
	}
	if packets > 0 {
		s.note(run[0].arrived, last)
		if !resumed && s.track.kind == webrtc.RTPCodecTypeVideo {
			s.flow.pace.gap(run[0].arrived.Sub(last))
		}
	}
	s.packets += uint32(packets)
	s.octets += uint32(bytes)
	return packets, bytes
}

// admit tells whether b belongs to what the receiver gets, and begins a new
// stretch of it at a key frame.
func (s *subscription) admit(b *buffer) bool {
	l := b.layer
	if l.svc {
		return s.admitSpatial(b)
	}
	started := s.mapper.Started()
	if b.barred {
		s.paused = s.paused || started && l.index == s.mapper.Layer()
		return false
	}
	if started && !s.paused && l.index == s.mapper.Layer() {
		return true
	}
	if !b.key {
		if !started || l.index == s.target || l.index == s.mapper.Layer() && s.paused {
			l.askKey()
		}
		return false
	}
	if int32(l.index) > s.limit.Load() {
		return false
	}
	switch {
	case !started:
		s.mapper.Switch(l.index, b.in(), b.head.Timestamp)
	case l.index == s.mapper.Layer():
		s.mapper.Resume(b.in())
	case l.index == s.target:
		s.mapper.Switch(l.index, b.in(), s.continued(b))
	default:
		return false
	}
	s.paused = false
	return true
}

// continued finds the timestamp at which a packet of another layer goes on:
// by both layers' sender reports, or else by the time that passed.
func (s *subscription) continued(b *buffer) uint32 {
	if ts, ok := s.track.aligned(s.mapper, b); ok {
		return ts
	}
	passed := max(b.arrived.Sub(s.sentAt), time.Millisecond)
	return s.mapper.Last().Timestamp + uint32(min(passed, time.Hour).Microseconds()*int64(s.track.codec.ClockRate)/1e6)
}

// aligned finds the timestamp of a packet of another layer than the mapper's in
// its stream, by the sender reports of both. ok is false without them, and when
// they do not lead on from what was last sent.
func (t *track) aligned(m *rewrite.Mapper, b *buffer) (ts uint32, ok bool) {
	from, to := t.layerAt(m.Layer()), b.layer
	if from == nil || from.sr.ntp == 0 || to.sr.ntp == 0 {
		return 0, false
	}
	rate := int64(t.codec.ClockRate)
	shift := ntpDuration(to.sr.ntp, from.sr.ntp).Microseconds() * rate / 1e6
	ts = from.sr.rtp + uint32(shift) + (b.head.Timestamp - to.sr.rtp) + m.TimestampOffset()
	d := int32(ts - m.Last().Timestamp)
	return ts, d > 0 && d < int32(rate)*5
}

// write sends one packet with the receiver's numbers. The shared payload's
// picture numbers are changed for the call and put back.
func (s *subscription) write(out *binding, b *buffer, to rewrite.Out) {
	s.writeAs(out, b, to, s.numbers[int(to.Seq)%len(s.numbers)], false)
}

// writeAs is write with a transport-wide number, on RTX or not.
func (s *subscription) writeAs(out *binding, b *buffer, to rewrite.Out, number uint16, rtx bool) {
	h := &s.header
	h.Version = 2
	h.PayloadType, h.SSRC = out.pt, out.ssrc
	h.SequenceNumber, h.Timestamp = to.Seq, to.Timestamp
	s.extend(out, b, number)
	var payload []byte
	payload, h.Marker = b.shape(to)
	if b.red > 0 {
		payload = out.sound(h, b)
	}
	changed := (to.Picture != b.vp8.PictureID || to.TL0 != b.vp8.TL0PicIdx) && len(payload) > 0
	if changed {
		b.vp8.SetPicture(payload, to.Picture, to.TL0)
	}
	sent, by := payload, &s.media
	if rtx {
		sent, by = s.wrap(out, payload), &s.repairs
	}
	if e := s.peer.sub.egress.Load(); e != nil {
		by.write(e, h, sent)
	} else { // an error means that the connection is closing; its state event tells
		_, _ = out.out.WriteRTP(h, sent)
	}
	if changed {
		b.vp8.SetPicture(payload, b.vp8.PictureID, b.vp8.TL0PicIdx)
	}
}

// wrap makes the packet in header one of RTX, with numbers of its own; the
// packet's own goes before its payload (RFC 4588 section 4).
func (s *subscription) wrap(out *binding, payload []byte) []byte {
	h := &s.header
	s.wrapped = append(binary.BigEndian.AppendUint16(s.wrapped[:0], h.SequenceNumber), payload...)
	h.PayloadType, h.SSRC, h.SequenceNumber = out.rtxPT, out.rtxSSRC, s.rtx
	s.rtx++
	return s.wrapped
}

// resend answers a NACK from the layer's cache: on RTX where the receiver takes
// it, else byte for byte as first sent, for the same packet index must never
// carry other bytes (RFC 7714 section 8.2).
func (s *subscription) resend(pairs []rtcp.NackPair) {
	out := s.bound.Load()
	if out == nil || !s.allowed.Load() || !s.ready.Load() || !s.track.permitted.Load() || !s.mapper.Started() {
		return
	}
	if s.peer.down.full.Load() {
		return // it would come too late, and delay the sound that is still in time
	}
	m := s.peer.sfu.metrics
	if now := time.Now().Unix(); now != s.second {
		s.second, s.resends = now, 0
	}
	defer s.peer.sfu.port.flush()
	for i := range pairs {
		seq, mask := pairs[i].PacketID, pairs[i].LostPackets
		for {
			if s.resends++; s.resends > resendsPerSecond {
				return
			}
			m.nackIn.Inc()
			if s.resendOne(out, seq) {
				m.resent.Inc()
			}
			if mask == 0 {
				break
			}
			skip := uint16(1)
			for ; mask&1 == 0; mask >>= 1 {
				skip++
			}
			mask >>= 1
			seq += skip
		}
	}
}

func (s *subscription) resendOne(out *binding, seq uint16) bool {
	rtx := out.rtxPT != 0 && (out.sequence == 0 || s.heard.Load())
	if !rtx && s.mapper.Last().Seq-seq >= uint16(len(s.numbers)) {
		return false // its transport-wide number is forgotten: the bytes would differ
	}
	index, source, run, ok := s.mapper.Source(seq)
	if !ok {
		return false
	}
	l := s.track.layerAt(index)
	if l == nil {
		return false
	}
	b, ok := l.cache.Get(source)
	if !ok {
		return false
	}
	to := s.mapper.Again(run, b.in())
	if !rtx {
		s.write(out, b, to)
		return true
	}
	var number uint16
	if out.sequence != 0 {
		number = s.peer.down.estimator.Sent(wireBytes(b), time.Now())
	}
	s.writeAs(out, b, to, number, true)
	return true
}

func (s *subscription) askKeyFrame() {
	if l := s.track.layerAt(s.mapper.Layer()); l != nil && s.track.kind == webrtc.RTPCodecTypeVideo {
		l.askKey()
	}
}

func (t *track) layerAt(index uint8) *layer {
	for _, l := range t.layers {
		if l.index == index || l.svc {
			return l
		}
	}
	return nil
}
