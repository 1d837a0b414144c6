package record

import "yunting/media/packet"

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
		red, err := packet.ParseRED(payload)
		if err != nil {
			s.lost = true
			return
		}
		for _, b := range red.Blocks[:red.N-1] {
			if ts := h.ts - int64(b.Back); s.lost && s.any && ts >= s.end {
				s.out(ts, payload[b.Start:b.End])
			}
		}
		payload = payload[red.Primary().Start:]
	}
	if len(payload) > 0 { // not padding
		s.out(h.ts, payload)
	}
}

func (s *sounds) out(ts int64, data []byte) {
	f := frame{ts: ts, ticks: int64(packet.OpusTicks(data)), key: true, data: append([]byte(nil), data...)}
	f.lost = s.lost && (!s.any || ts != s.end) // else the hole is filled
	s.lost, s.any, s.end = false, true, ts+f.ticks
	s.emit(f)
}
