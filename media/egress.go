package media

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/prf"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"

	"yunting/media/seal"
	"yunting/media/udpbatch"
)

// egress is how the RTP of one receiver's connection leaves: protected by us,
// straight into the socket's batch. A connection that has one sends no RTP by
// pion, for each packet index has one owner. Its methods are safe for
// concurrent use, as far as a stream belongs to one goroutine.
type egress struct {
	sealer *seal.Sealer
	way    atomic.Pointer[way] // nil: there is none now
}

// way is where the selected candidate pair leads: by a UDP socket to an
// address, or by one of the session's connections of the TCP mux.
type way struct {
	socket *udpbatch.Conn // nil with TCP
	to     netip.AddrPort

	streams []net.PacketConn
	remote  net.Addr
}

// outgoing is the sending state of one SSRC; its subscription's worker owns it.
type outgoing struct {
	ssrc  uint32
	index seal.Stream
	room  []byte // of packets by TCP
}

// write protects a packet and queues it; what cannot leave is lost, as on any way.
func (o *outgoing) write(e *egress, h *rtp.Header, payload []byte) {
	w := e.way.Load()
	if w == nil {
		return
	}
	if o.ssrc != h.SSRC {
		*o = outgoing{ssrc: h.SSRC, room: o.room}
	}
	head := h.MarshalSize()
	whole := head + len(payload) + seal.Overhead
	if w.socket == nil {
		if whole > len(o.room) {
			o.room = make([]byte, max(whole, bufferSize))
		}
		if o.seal(e, o.room[:whole], h, head, payload) == nil {
			w.stream(o.room[:whole])
		}
		return
	}
	room, err := w.socket.Reserve(w.to, whole)
	if err != nil {
		return
	}
	defer w.socket.Release(w.to)
	if o.seal(e, room, h, head, payload) != nil {
		clear(room) // what leaves then is no packet
	}
}

func (o *outgoing) seal(e *egress, room []byte, h *rtp.Header, head int, payload []byte) error {
	if _, err := h.MarshalTo(room); err != nil {
		return err
	}
	return e.sealer.Seal(room, head, payload, &o.index)
}

// stream writes to the connection that has this remote end; the others refuse.
func (w *way) stream(b []byte) {
	for _, c := range w.streams {
		if _, err := c.WriteTo(b, w.remote); err == nil {
			return
		}
	}
}

// way finds where a pair leads, or nil where pion alone knows.
func (p *port) way(t *webrtc.ICETransport, pair *webrtc.ICECandidatePair) *way {
	if pair == nil || pair.Local == nil || pair.Remote == nil {
		return nil
	}
	local, err := netip.ParseAddr(pair.Local.Address)
	if err != nil {
		return nil
	}
	remote, err := netip.ParseAddr(pair.Remote.Address)
	if err != nil {
		return nil
	}
	to := netip.AddrPortFrom(remote.Unmap(), pair.Remote.Port)
	if pair.Local.Protocol == webrtc.ICEProtocolUDP {
		if c := p.socket(local.Unmap()); c != nil {
			return &way{socket: c, to: to}
		}
		return nil
	}
	params, err := t.GetLocalParameters()
	if err != nil {
		return nil
	}
	return &way{streams: p.streams.of(params.UsernameFragment), remote: net.TCPAddrFromAddrPort(to)}
}

// known tells whether the socket of every local candidate can be found by its
// address; public addresses in place of ours hide it where there are several.
func (p *port) known(public bool) bool {
	four := 0
	for _, a := range p.local {
		if a.Is4() {
			four++
		}
	}
	return !public || four <= 1 && len(p.local)-four <= 1
}

// socket is the UDP socket of a local candidate: the one bound to its address
// or, where a public address stands for ours, the only one of its family.
func (p *port) socket(local netip.Addr) *udpbatch.Conn {
	var family []*udpbatch.Conn
	for i, a := range p.local {
		if a == local {
			return p.sockets[i]
		}
		if a.Is4() == local.Is4() {
			family = append(family, p.sockets[i])
		}
	}
	if len(family) != 1 {
		return nil
	}
	return family[0]
}

var errOtherKeys = errors.New("media: keys of another kind than those that we seal with")

// secrets learns the keys of one DTLS 1.2 session in which we are the server,
// by pion's hooks: the client's random and the master secret from the key log,
// ours from the ServerHello. Nothing is logged anywhere.
type secrets struct {
	mu                     sync.Mutex // guards what follows
	client, server, master []byte
	usable                 bool // the suite and the SRTP profile are ours
}

// Write takes a line of the key log (io.Writer): CLIENT_RANDOM, the random and the secret in hexadecimal.
func (k *secrets) Write(line []byte) (int, error) {
	f := strings.Fields(string(line))
	if len(f) != 3 || f[0] != "CLIENT_RANDOM" {
		return len(line), nil
	}
	client, err := hex.DecodeString(f[1])
	if err != nil {
		return 0, err
	}
	master, err := hex.DecodeString(f[2])
	if err != nil {
		return 0, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.client, k.master = client, master
	return len(line), nil
}

// hello sees the ServerHello that is sent.
func (k *secrets) hello(m handshake.MessageServerHello) handshake.Message {
	random := m.Random.MarshalFixed()
	usable := m.CipherSuiteID != nil && *m.CipherSuiteID == uint16(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
	gcm := false
	for _, e := range m.Extensions {
		if s, ok := e.(*extension.UseSRTP); ok {
			gcm = len(s.ProtectionProfiles) == 1 && s.ProtectionProfiles[0] == dtls.SRTP_AEAD_AES_128_GCM
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.server, k.usable = random[:], usable && gcm
	return &m
}

// ExportKeyingMaterial is RFC 5705 without a context for the suite that hello admits.
func (k *secrets) ExportKeyingMaterial(label string, _ []byte, length int) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.usable || len(k.client) == 0 || len(k.master) == 0 {
		return nil, errOtherKeys
	}
	seed := append(append([]byte(label), k.client...), k.server...)
	return prf.PHash(k.master, seed, length, sha256.New)
}

// sealer makes the sealer of the session.
func (k *secrets) sealer() (*seal.Sealer, error) {
	cfg := srtp.Config{Profile: srtp.ProtectionProfileAeadAes128Gcm}
	if err := cfg.ExtractSessionKeysFromDTLS(k, false); err != nil {
		return nil, err
	}
	return seal.New(cfg.Keys.LocalMasterKey, cfg.Keys.LocalMasterSalt)
}
