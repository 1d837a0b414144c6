package record

import (
	"encoding/binary"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"yunting/media"
)

// Kinds of records in a segment and of items in the queue.
const (
	kindTrack  = 'T' // a declaration follows as JSON
	kindPacket = 'P' // an RTP packet
	kindReport = 'R' // NTP time (8 bytes), RTP time (4)
	kindEnd    = 'E' // the track ended
	kindPause  = 'p'
	kindResume = 'r'
	kindFault  = 'F' // packets were lost to the record here
	kindStop   = 's' // only in the queue: write out and end
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
}

func (d *declaration) known() bool {
	return d.codecID() != "" && d.ClockRate > 0
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
	case strings.ToLower(webrtc.MimeTypeOpus):
		return "A_OPUS"
	}
	return ""
}

// item is one thing to write.
type item struct {
	kind byte
	decl *declaration
	at   time.Time
	data *[]byte // pooled; of a packet or report
}

var pool = sync.Pool{New: func() any { b := make([]byte, 0, 1600); return &b }}

// sink queues one track for the writer.
type sink struct {
	recorder *Recorder
	decl     declaration
	faulty   bool // packets were dropped since the last that was queued
}

// RTP queues a packet (media.Sink).
func (s *sink) RTP(pkt []byte, arrived time.Time) {
	b := pool.Get().(*[]byte)
	*b = append((*b)[:0], pkt...)
	s.offer(kindPacket, b, arrived)
}

// SenderReport queues the publisher's clock mapping (media.Sink).
func (s *sink) SenderReport(ntp uint64, rtp uint32, arrived time.Time) {
	b := pool.Get().(*[]byte)
	*b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64((*b)[:0], ntp), rtp)
	s.offer(kindReport, b, arrived)
}

// offer never blocks: what the disk cannot take is missing from the record,
// and the record says so.
func (s *sink) offer(kind byte, b *[]byte, at time.Time) {
	if s.faulty {
		select {
		case s.recorder.queue <- item{kind: kindFault, decl: &s.decl, at: at}:
			s.faulty = false
		default:
			pool.Put(b)
			return
		}
	}
	select {
	case s.recorder.queue <- item{kind: kind, decl: &s.decl, at: at, data: b}:
	default:
		s.faulty = true
		pool.Put(b)
	}
}

// Close queues the track's end (media.Sink). The end is only a hint, so a full
// queue may lose it.
func (s *sink) Close() {
	select {
	case s.recorder.queue <- item{kind: kindEnd, decl: &s.decl, at: s.recorder.opts.Now()}:
	default:
	}
}
