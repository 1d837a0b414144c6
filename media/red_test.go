package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// plainAPI makes connections that know Opus and video, but not RED.
func plainAPI(t *testing.T) *webrtc.API {
	t.Helper()
	return apiOf(func(m *webrtc.MediaEngine) error { return m.RegisterCodec(opusCodec, webrtc.RTPCodecTypeAudio) })
}

// sounds collects what arrived of a client's only audio track, by sequence number from the first on; nil is a hole.
func (c *client) sounds() (out []*rtp.Packet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, ps := range c.received {
		if t := c.tracks[id]; t.Kind != KindAudio || len(ps) == 0 {
			continue
		}
		for i := range ps {
			at := int(ps[i].SequenceNumber - ps[0].SequenceNumber)
			for len(out) <= at {
				out = append(out, nil)
			}
			out[at] = &ps[i]
		}
	}
	return out
}

// TestRED loses every fifth packet of a publisher's RED for good. Who takes RED gets it, who does not gets the
// primary blocks, and both get the lost packets made of what the next ones repeat.
func TestRED(t *testing.T) {
	r := newSFU(t).Room("r")
	from, red, plain := join(t, r, "from", everything), join(t, r, "red", everything), joinBy(t, r, "plain", everything, plainAPI(t))
	from.encoder(webrtc.MimeTypeVP8)
	sound, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mimeRED, ClockRate: 48000, Channels: 2}, "red", "from")
	if err != nil {
		t.Fatal(err)
	}
	if err := from.pub.GetTransceivers()[0].Sender().ReplaceTrack(sound); err != nil {
		t.Fatal(err)
	}
	from.offerPub(false)
	connected(t, from.pub)

	frame := func(n int) []byte { return append([]byte{0xf8}, fmt.Sprintf("frame %06d", n)...) } // CELT, 20 ms
	number := func(p *rtp.Packet) int { return int(p.Timestamp / 960) }
	next := 1
	send := func() {
		if n := next; n%5 != 0 {
			before := frame(n - 1)
			payload := binary.BigEndian.AppendUint32(nil, (0x80|111)<<24|960<<10|uint32(len(before)))
			payload = append(append(append(payload, 111), before...), frame(n)...)
			if err := sound.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: uint32(n) * 960}, Payload: payload}); err != nil {
				t.Fatal(err)
			}
		}
		next++
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	eventually(t, "sixty sounds at both", func() bool {
		<-tick.C
		send()
		return len(red.sounds()) > 60 && len(plain.sounds()) > 60
	})
	for _, p := range plain.sounds()[:55] {
		if p == nil {
			t.Fatal("a hole")
		}
		if p.PayloadType != 111 || !bytes.Equal(p.Payload, frame(number(p))) {
			t.Errorf("without RED, sound %d: type %d, %q", number(p), p.PayloadType, p.Payload)
		}
	}
	redundant := 0
	for _, p := range red.sounds()[:55] {
		if p == nil {
			t.Fatal("a hole")
		}
		n := number(p)
		switch {
		case n%5 == 0:
			if p.PayloadType != 111 || !bytes.Equal(p.Payload, frame(n)) {
				t.Errorf("refilled sound %d: type %d, %q", n, p.PayloadType, p.Payload)
			}
		case p.PayloadType != 63 || !bytes.Equal(p.Payload[5:], append(frame(n-1), frame(n)...)):
			t.Errorf("with RED, sound %d: type %d, %q", n, p.PayloadType, p.Payload)
		default:
			redundant++
		}
	}
	if redundant < 40 {
		t.Errorf("only %d sounds by RED", redundant)
	}
}

// TestREDAllocatesNothing forwards RED to a receiver without it and with it.
func TestREDAllocatesNothing(t *testing.T) {
	for _, redPT := range []uint8{0, 63} {
		s, b, _ := bench(t)
		s.bound.Load().redPT = redPT
		b.vp8.PictureIDAt, b.vp8.TL0At = 0, 0
		b.red, b.blocks = 5, 2
		run := []*buffer{b}
		if n := testing.AllocsPerRun(1000, func() { b.head.Seq++; s.forward(run, b.arrived) }); n != 0 {
			t.Errorf("%v allocations a packet with RED as %d", n, redPT)
		}
	}
}
