package feedback

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// arrival is what a feedback tells of a packet that came.
type arrival struct {
	seq uint16
	at  uint32 // ticks
}

// read takes all that there is to tell, as pion/rtcp reads it: how many packets it
// is about, and those that came.
func read(t testing.TB, r *Recorder) (all int, came []arrival) {
	t.Helper()
	for range 100 {
		b := r.Append(nil, 7, 9)
		if len(b) == 0 {
			return all, came
		}
		if len(b) > 1000 {
			t.Fatalf("a feedback of %d bytes", len(b))
		}
		var p rtcp.TransportLayerCC
		if err := p.Unmarshal(b); err != nil {
			t.Fatalf("%x: %v", b, err)
		}
		if p.SenderSSRC != 7 || p.MediaSSRC != 9 || int(p.Header.Length+1)*4 != len(b) {
			t.Fatalf("head of %x: %+v", b, p)
		}
		statuses := statusesOf(t, &p)
		at, deltas := p.ReferenceTime<<8, p.RecvDeltas
		for i, s := range statuses {
			if s == rtcp.TypeTCCPacketNotReceived {
				continue
			}
			if len(deltas) == 0 || deltas[0].Type != s {
				t.Fatalf("%x: packet %d has no delta", b, i)
			}
			at += uint32(deltas[0].Delta / 250)
			deltas = deltas[1:]
			came = append(came, arrival{p.BaseSequenceNumber + uint16(i), at})
		}
		if len(deltas) != 0 {
			t.Fatalf("%x: %d deltas too many", b, len(deltas))
		}
		all += len(statuses)
	}
	t.Fatal("there is no end of feedback")
	return 0, nil
}

func statusesOf(t testing.TB, p *rtcp.TransportLayerCC) (out []uint16) {
	t.Helper()
	for _, c := range p.PacketChunks {
		switch c := c.(type) {
		case *rtcp.RunLengthChunk:
			for range c.RunLength {
				out = append(out, c.PacketStatusSymbol)
			}
		case *rtcp.StatusVectorChunk:
			out = append(out, c.SymbolList...)
		}
	}
	if len(out) < int(p.PacketStatusCount) {
		t.Fatalf("%d statuses of %d", len(out), p.PacketStatusCount)
	}
	return out[:p.PacketStatusCount]
}

// TestEachPacketOnce records bursts over the wraps of the numbers and of the
// reference time, with losses and pauses of every length: each packet is told once, at its time.
func TestEachPacketOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var r Recorder
	seq, ticks := uint16(65000), int64(1<<32-50000)
	for range 3000 {
		var want []arrival
		first, started := seq, r.started
		for range 1 + random.IntN(600) {
			switch random.IntN(40) {
			case 0:
				ticks += random.Int64N(40000)
			default:
				ticks += random.Int64N(300)
			}
			if random.IntN(10) > 0 {
				r.Record(seq, time.Duration(ticks)*tick)
				want = append(want, arrival{seq, uint32(ticks)})
			}
			seq++
		}
		all, got := read(t, &r)
		if len(want) == 0 {
			continue
		}
		if last := want[len(want)-1].seq; started && all < int(last-first)+1 {
			t.Fatalf("told of %d packets, want %d at least", all, last-first+1)
		}
		if len(got) != len(want) {
			t.Fatalf("told of %d packets that came, want %d", len(got), len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("packet %d: %v, want %v", i, got[i], want[i])
			}
		}
	}
}

func TestLateAndRepeated(t *testing.T) {
	var r Recorder
	for _, n := range []uint16{10, 11, 13, 13} {
		r.Record(n, time.Duration(n)*time.Millisecond)
	}
	if all, came := read(t, &r); all != 4 || len(came) != 3 {
		t.Errorf("told of %d packets, %d of them here, want 4 and 3", all, len(came))
	}
	r.Record(11, time.Second)
	if all, _ := read(t, &r); all != 0 {
		t.Errorf("told of %d packets for one that came twice", all)
	}
	r.Record(12, 40*time.Millisecond)
	if all, came := read(t, &r); all != 2 || len(came) != 2 || came[0] != (arrival{12, 160}) || came[1] != (arrival{13, 52}) {
		t.Errorf("a late packet: %d told, %v", all, came)
	}
	r.Record(13+2*window, 50*time.Millisecond)
	r.Record(14, 60*time.Millisecond) // older than the window
	if _, came := read(t, &r); len(came) != 1 {
		t.Errorf("after a jump: %v", came)
	}
}

func TestNoAllocation(t *testing.T) {
	var r Recorder
	b := make([]byte, 0, 1000)
	seq := uint16(0)
	if n := testing.AllocsPerRun(1000, func() {
		for range 50 {
			r.Record(seq, time.Duration(seq)*time.Millisecond)
			seq++
		}
		b = r.Append(b[:0], 1, 2)
	}); n != 0 {
		t.Errorf("%v allocations for 50 packets and their feedback", n)
	}
}

// FuzzRecorder records arbitrary numbers and times: what is told can be read, has an end and holds no packet that did not come.
func FuzzRecorder(f *testing.F) {
	f.Add([]byte{0, 1, 0, 5, 0, 2, 0, 9, 0xff, 0xff, 1, 1})
	f.Add([]byte{0xff, 0xfe, 0, 0, 0, 1, 0xff, 0xff, 0x80, 0, 9, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Recorder
		var at time.Duration
		came := map[uint16]bool{}
		for ; len(b) >= 4 && len(came) < 2000; b = b[4:] {
			seq := uint16(b[0])<<8 | uint16(b[1])
			at += time.Duration(b[2])<<uint(b[3]%40) + time.Duration(b[3])
			r.Record(seq, at)
			came[seq] = true
			if b[3]%8 == 0 {
				check(t, &r, came)
			}
		}
		check(t, &r, came)
	})
}

func check(t *testing.T, r *Recorder, came map[uint16]bool) {
	_, got := read(t, r)
	for _, a := range got {
		if !came[a.seq] {
			t.Fatalf("packet %d never came", a.seq)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	var r Recorder
	out := make([]byte, 0, 1000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Record(uint16(i), time.Duration(i)*time.Millisecond)
		if i%64 == 63 {
			out = r.Append(out[:0], 1, 2)
		}
	}
}
