package media

import (
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// told collects what a publisher is told.
type told struct {
	mu      sync.Mutex // guards what follows
	packets []*rtcp.TransportLayerCC
}

func (w *told) Write(ps []rtcp.Packet, _ interceptor.Attributes) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range ps {
		raw, err := p.Marshal()
		if err != nil {
			return 0, err
		}
		cc := new(rtcp.TransportLayerCC)
		if err := cc.Unmarshal(raw); err != nil {
			return 0, err
		}
		w.packets = append(w.packets, cc)
	}
	return 0, nil
}

// statuses counts the packets told of, and those told as received.
func (w *told) statuses() (all, received int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, cc := range w.packets {
		all += int(cc.PacketStatusCount)
		received += len(cc.RecvDeltas)
	}
	return all, received
}

func numbered(t testing.TB, n uint16) []byte {
	t.Helper()
	p := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: n, SSRC: 5}, Payload: []byte{1, 2, 3}}
	if err := p.SetExtension(3, []byte{byte(n >> 8), byte(n)}); err != nil {
		t.Fatal(err)
	}
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestArrivalsAreTold reads two streams of one connection, over the wrap of
// the numbers and with a gap: the feedback tells of each packet once.
func TestArrivalsAreTold(t *testing.T) {
	r := &reporter{ssrc: newSSRC()}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { r.run(done, func() {}) })
	defer func() { close(done); wg.Wait() }()
	i, err := r.NewInterceptor("")
	if err != nil {
		t.Fatal(err)
	}
	w := &told{}
	i.BindRTCPWriter(w)
	var next []byte
	source := interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		return copy(b, next), a, nil
	})
	info := &interceptor.StreamInfo{RTPHeaderExtensions: []interceptor.RTPHeaderExtension{{URI: sdp.TransportCCURI, ID: 3}}}
	streams := []interceptor.RTPReader{i.BindRemoteStream(info, source), i.BindRemoteStream(info, source)}
	buf := make([]byte, bufferSize)
	for n := range 100 {
		if n%10 == 5 {
			continue // lost
		}
		next = numbered(t, uint16(65500+n))
		if _, _, err := streams[n%2].Read(buf, nil); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "feedback", func() bool { all, received := w.statuses(); return all == 100 && received == 90 })
	next = numbered(t, 100)
	if n := testing.AllocsPerRun(1000, func() { _, _, _ = streams[0].Read(buf, nil) }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

// TestPublisherGetsReports waits for receiver reports that know the stream.
func TestPublisherGetsReports(t *testing.T) {
	s := newSFU(t)
	a := join(t, s.Room("r"), "a", everything)
	a.publish(webrtc.MimeTypeVP8)
	seq := uint16(65500)
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		select {
		case p := <-a.rtcp:
			if rr, ok := p.(*rtcp.ReceiverReport); ok && len(rr.Reports) == 1 && rr.Reports[0].LastSequenceNumber > 1<<16 {
				if r := rr.Reports[0]; r.TotalLost < 5 || uint16(r.LastSequenceNumber)-65500 > seq-65500 {
					t.Errorf("report %+v after packet %d", r, seq)
				}
				return
			}
		case <-time.After(10 * time.Millisecond):
			if seq%7 != 0 { // the others are lost
				if err := a.video.WriteRTP(vp8Packet(seq, uint32(seq)*900, seq&0x7fff, true, true, true)); err != nil {
					t.Fatal(err)
				}
			}
			seq++
		}
	}
	t.Fatal("no receiver report in time")
}
