package record

import "errors"

// sounds makes the frames of an Opus track. What RED (RFC 2198) carries a
// second time fills the holes.
type sounds struct {
	emit func(frame)
	lost bool
	any  bool
	end  int64 // timestamp behind the last frame
}

// cut implements assembler.
func (s *sounds) cut() { s.any, s.lost = false, false }

// packet implements assembler.
func (s *sounds) packet(h held, missing bool) {
	s.lost = s.lost || missing
	payload := h.payload
	if h.red {
		blocks, err := redBlocks(payload)
		if err != nil {
			s.lost = true
			return
		}
		for _, b := range blocks[:len(blocks)-1] {
			if ts := h.ts - int64(b.back); s.lost && s.any && ts >= s.end {
				s.out(ts, b.data)
			}
		}
		payload = blocks[len(blocks)-1].data
	}
	if len(payload) > 0 { // not padding
		s.out(h.ts, payload)
	}
}

func (s *sounds) out(ts int64, data []byte) {
	f := frame{ts: ts, ticks: opusTicks(data), key: true, data: append([]byte(nil), data...)}
	f.lost = s.lost && (!s.any || ts != s.end) // else the hole is filled
	s.lost, s.any, s.end = false, true, ts+f.ticks
	s.emit(f)
}

// opusTicks is how long an Opus packet sounds, in samples of 48 kHz (RFC 6716
// section 3.1).
func opusTicks(p []byte) int64 {
	if len(p) == 0 {
		return 0
	}
	config := p[0] >> 3
	var one int64
	switch {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		one = [...]int64{480, 960, 1920, 2880}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		one = [...]int64{480, 960}[config&1]
	default: // CELT: 2.5, 5, 10, 20 ms
		one = int64(120) << (config & 3)
	}
	switch p[0] & 3 {
	case 0:
		return one
	case 1, 2:
		return 2 * one
	}
	if len(p) < 2 {
		return one
	}
	return min(int64(p[1]&0x3f)*one, 5760) // 120 ms at most
}

// redBlock is one block of a RED packet.
type redBlock struct {
	back uint32 // how much earlier its timestamp is than the packet's
	pt   uint8
	data []byte
}

const maxRedBlocks = 16

var errRED = errors.New("record: malformed RED")

// redBlocks takes a RED payload apart (RFC 2198 section 3): at least one block,
// the primary last.
func redBlocks(p []byte) ([]redBlock, error) {
	var heads [maxRedBlocks]redBlock
	var sizes [maxRedBlocks]int
	n := 0
	for {
		if len(p) < 1 || n == maxRedBlocks {
			return nil, errRED
		}
		heads[n].pt = p[0] & 0x7f
		if p[0]&0x80 == 0 {
			p = p[1:]
			n++
			break
		}
		if len(p) < 4 {
			return nil, errRED
		}
		heads[n].back = uint32(p[1])<<6 | uint32(p[2])>>2
		sizes[n] = int(p[2]&3)<<8 | int(p[3])
		p = p[4:]
		n++
	}
	for i := range n - 1 {
		if sizes[i] > len(p) {
			return nil, errRED
		}
		heads[i].data, p = p[:sizes[i]], p[sizes[i]:]
	}
	heads[n-1].data = p
	return heads[:n], nil
}
