package record

import (
	"encoding/binary"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"yunting/media"
	"yunting/media/packet"
)

// Kinds of records in a segment and of items in the queue.
const (
	kindTrack  = 'T' // a declaration follows as JSON
	kindPacket = 'P' // an RTP packet
	kindReport = 'R' // NTP time (8 bytes), RTP time (4)
	kindEnd    = 'E' // the track ended
	kindPause  = 'p'
	kindResume = 'r'
	kindFault  = 'F' // nothing was recorded up to here: since when (8 bytes), cause
	kindStop   = 's' // only in the queue: write out and end
	kindTaken  = 't' // only in the queue: another page of the participant took over
)

// declaration describes a track in its participant's segments.
type declaration struct {
	Number    uint16          `json:"number"`
	Peer      string          `json:"peer"`
	Track     media.TrackInfo `json:"track"`
	Mime      string          `json:"mime"`
	ClockRate uint32          `json:"clock_rate"`
	Channels  uint16          `json:"channels,omitempty"`
	Fmtp      string          `json:"fmtp,omitempty"`
	// PayloadType is what packets of Mime have; 0 when all have.
	PayloadType uint8 `json:"payload_type,omitempty"`
}

func (d *declaration) known() bool {
	return d.codecID() != "" && d.ClockRate > 0
}

// faultRecord says that a track lacks what came from since to at.
func faultRecord(track uint16, since, at time.Time, cause string) record {
	data := binary.BigEndian.AppendUint64(nil, uint64(since.UnixNano()))
	return record{kind: kindFault, track: track, at: at, data: append(data, cause...)}
}

// faultSpan reads a faultRecord.
func faultSpan(r record) span {
	s := span{from: r.at.UnixNano(), to: r.at.UnixNano(), cause: CauseFault}
	if len(r.data) > 8 {
		s.from, s.cause = int64(binary.BigEndian.Uint64(r.data)), string(r.data[8:])
	}
	return s
}

// codecID is Matroska's name of the codec.
func (d *declaration) codecID() string {
	switch strings.ToLower(d.Mime) {
	case strings.ToLower(webrtc.MimeTypeVP8):
		return "V_VP8"
	case strings.ToLower(webrtc.MimeTypeVP9):
		return "V_VP9"
	case strings.ToLower(webrtc.MimeTypeH264):
		return "V_MPEG4/ISO/AVC"
	case strings.ToLower(webrtc.MimeTypeAV1):
		return "V_AV1"
	case strings.ToLower(webrtc.MimeTypeOpus), mimeRED:
		return "A_OPUS"
	}
	return ""
}

// mimeRED is redundant audio (RFC 2198), which browsers send for Opus only.
const mimeRED = "audio/red"

// red tells whether a packet of an Opus track is RED. A publisher may send
// either in turn under two payload types: those of the track's own are what it
// was declared as, the others are the other.
func (d *declaration) red(payloadType uint8, payload []byte) bool {
	declared := strings.EqualFold(d.Mime, mimeRED)
	if d.PayloadType == 0 || payloadType == d.PayloadType {
		return declared
	}
	if declared {
		return false
	}
	red, err := packet.ParseRED(payload)
	return err == nil && red.Primary().PayloadType == d.PayloadType
}

const sourceScreen = media.SourceScreen

// item is one thing to write.
type item struct {
	kind  byte
	decl  *declaration
	at    time.Time
	since time.Time // of a fault
	data  *[]byte   // pooled; the encoded record of a packet or report
}

var pool = sync.Pool{New: func() any { b := make([]byte, 0, 1600); return &b }}

// sink queues one track for the writer.
type sink struct {
	recorder *Recorder
	decl     declaration
	since    time.Time // of the first of the packets that were dropped since the last that was queued
}

// RTP queues a packet (media.Sink).
func (s *sink) RTP(pkt []byte, arrived time.Time) {
	s.offer(record{kind: kindPacket, track: s.decl.Number, at: arrived, data: pkt})
}

// SenderReport queues the publisher's clock mapping (media.Sink).
func (s *sink) SenderReport(ntp uint64, rtp uint32, arrived time.Time) {
	var b [12]byte
	binary.BigEndian.PutUint64(b[:], ntp)
	binary.BigEndian.PutUint32(b[8:], rtp)
	s.offer(record{kind: kindReport, track: s.decl.Number, at: arrived, data: b[:]})
}

// offer never blocks: what the disk cannot take is missing from the record,
// and the record says so. The record is encoded here, where its bytes are in the
// processor's cache still.
func (s *sink) offer(rec record) {
	r := s.recorder
	if len(r.queue) >= cap(r.queue)-rareItems {
		if s.since.IsZero() {
			s.since = rec.at
			r.troubles.begin(s.decl.Peer, ErrSlow)
		}
		return
	}
	if !s.since.IsZero() {
		r.put(item{kind: kindFault, decl: &s.decl, at: rec.at, since: s.since})
		s.since = time.Time{}
	}
	b := pool.Get().(*[]byte)
	*b = rec.encode((*b)[:0])
	r.put(item{kind: rec.kind, decl: &s.decl, at: rec.at, data: b})
}

// Close queues the track's end (media.Sink).
func (s *sink) Close() {
	s.recorder.put(item{kind: kindEnd, decl: &s.decl, at: s.recorder.opts.Now()})
}
