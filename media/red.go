package media

import (
	"encoding/binary"
	"strings"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"yunting/media/packet"
)

// mimeRED is redundant audio (RFC 2198): each packet repeats the one before.
const mimeRED = "audio/red"

// isCodec tells whether c has the MIME type.
func isCodec(c *webrtc.RTPCodecParameters, mime string) bool {
	return strings.EqualFold(c.MimeType, mime)
}

// takeRED finds the payload type of RED among the negotiated codecs. What RED
// carries is Opus, and so is the track that begins with it.
func (t *track) takeRED(codecs []webrtc.RTPCodecParameters) {
	begun := isCodec(&t.codec, mimeRED)
	for i := range codecs {
		switch c := &codecs[i]; {
		case isCodec(c, mimeRED):
			t.redPT = uint8(c.PayloadType)
		case isCodec(c, webrtc.MimeTypeOpus) && begun:
			t.codec = *c
		}
	}
}

// parseRED notes where the primary block of a RED packet is.
func (t *track) parseRED(b *buffer) bool {
	red, err := packet.ParseRED(b.payload())
	if err != nil || red.Primary().PayloadType != uint8(t.codec.PayloadType) {
		return false
	}
	b.red, b.blocks = red.Primary().Start, red.N
	return true
}

// refill makes packets that never came of what a RED packet repeats of them.
// The worker forwards them behind the present run.
func (l *layer) refill(b *buffer) {
	p := b.payload()
	red, err := packet.ParseRED(p)
	if err != nil {
		return // cannot be: the reader has parsed it
	}
	for _, old := range red.Blocks[:red.N-1] {
		data := p[old.Start:old.End]
		ticks := packet.OpusTicks(data)
		if ticks == 0 || old.Back%ticks != 0 || old.PayloadType != uint8(l.track.codec.PayloadType) {
			continue
		}
		seq := b.head.Seq - uint16(old.Back/ticks)
		if !l.loss.Awaits(seq) {
			continue
		}
		f := buffers.Get().(*buffer)
		f.data[0], f.data[1] = 0x80, old.PayloadType
		binary.BigEndian.PutUint16(f.data[2:], seq)
		binary.BigEndian.PutUint32(f.data[4:], b.head.Timestamp-old.Back)
		binary.BigEndian.PutUint32(f.data[8:], l.ssrc)
		if !l.parse(f, 12+copy(f.data[12:], data)) {
			buffers.Put(f)
			continue
		}
		f.arrived, f.level = b.arrived, b.level
		l.track.w.filled = append(l.track.w.filled, f)
		l.track.peer.sfu.metrics.refilled.Inc()
	}
}

// sound gives what the receiver gets of a RED packet: the same when it takes
// RED, else the primary block.
func (out *binding) sound(h *rtp.Header, b *buffer) []byte {
	p := b.payload()
	if out.redPT == 0 {
		return p[b.red:]
	}
	h.PayloadType = out.redPT
	packet.SetREDPayloadType(p, b.blocks, out.pt)
	return p
}
