package media

import (
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// valve is a client's UDP socket that a firewall can shut: both ways everything is dropped in silence.
type valve struct {
	net.PacketConn
	shut atomic.Bool
}

func (v *valve) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := v.PacketConn.ReadFrom(p)
		if err != nil || !v.shut.Load() {
			return n, from, err
		}
	}
}

func (v *valve) WriteTo(p []byte, to net.Addr) (int, error) {
	if v.shut.Load() {
		return len(p), nil
	}
	return v.PacketConn.WriteTo(p, to)
}

// freeTCP is a port of loopback that nobody listens on.
func freeTCP(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// both joins a client that may use UDP, which its valve can shut, and TCP.
func both(t *testing.T, room *Room, id string) (*client, *valve) {
	t.Helper()
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &valve{PacketConn: socket}
	mux := webrtc.NewICEUDPMux(nil, v)
	t.Cleanup(func() { _ = mux.Close(); _ = socket.Close() }) // after the client's
	return joinBy(t, room, id, everything, apiSet(func(se *webrtc.SettingEngine) error {
		se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4})
		se.SetICEUDPMux(mux)
		return nil
	})), v
}

// by is the transport of a connection's nominated pair.
func by(pc *webrtc.PeerConnection) webrtc.ICEProtocol {
	ice := pc.SCTP().Transport().ICETransport()
	if ice.State() == webrtc.ICETransportStateNew {
		return webrtc.ICEProtocolUnknown // before it starts pion's answer races with the start
	}
	pair, err := ice.GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return webrtc.ICEProtocolUnknown
	}
	return pair.Local.Protocol
}

// TestPairChangesWhileMediaFlows: publisher and receiver go from UDP to TCP when a firewall shuts, and back when it opens, by
// ICE restarts; sound and picture go on, what is sent goes the nominated way, and no packet arrives twice.
func TestPairChangesWhileMediaFlows(t *testing.T) {
	t.Parallel()
	s := sfuWith(t, Config{Listen: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, TCPPort: freeTCP(t)})
	room := s.Room("r")
	sender, sends := both(t, room, "sender")
	receiver, receives := both(t, room, "receiver")
	sender.publish(webrtc.MimeTypeVP8)
	t.Cleanup((&source{c: sender}).run(t))
	flows := func(what string) {
		t.Helper()
		video, audio := receiver.packets(KindVideo), receiver.packets(KindAudio)
		within(t, 40*time.Second, what, func() bool {
			return receiver.packets(KindVideo) > video+50 && receiver.packets(KindAudio) > audio+25
		})
	}
	goes := func(protocol webrtc.ICEProtocol) {
		t.Helper()
		within(t, 40*time.Second, "both go by "+protocol.String(), func() bool {
			way := receiver.peer.sub.egress.Load()
			return by(sender.pub) == protocol && by(receiver.sub) == protocol && way != nil && way.way.Load() != nil &&
				(way.way.Load().socket != nil) == (protocol == webrtc.ICEProtocolUDP)
		})
		flows("media by " + protocol.String())
	}
	flows("media") // while it starts, pion's transport may not be asked for its pair
	goes(webrtc.ICEProtocolUDP)
	for _, protocol := range []webrtc.ICEProtocol{webrtc.ICEProtocolTCP, webrtc.ICEProtocolUDP, webrtc.ICEProtocolTCP} {
		sends.shut.Store(protocol == webrtc.ICEProtocolTCP)
		receives.shut.Store(protocol == webrtc.ICEProtocolTCP)
		sender.offerPub(true)
		if err := receiver.peer.Restart(); err != nil {
			t.Fatal(err)
		}
		goes(protocol)
	}
	seen := map[uint16]bool{}
	for _, p := range receiver.videoOf() {
		if seen[p.SequenceNumber] {
			t.Fatalf("packet %d arrived twice", p.SequenceNumber)
		}
		seen[p.SequenceNumber] = true
	}
}
