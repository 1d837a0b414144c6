//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	readBatch  = 16      // datagrams of one recvmmsg
	readSize   = 1600    // bytes of one datagram at most
	readBuffer = 4 << 20 // asked of the kernel
	arrivals   = 1024    // sampled packets whose arrival is remembered
)

type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// socket is a receiver's UDP socket. It reads many datagrams at once, counts
// the SRTP packets by the headers that SRTP leaves in clear, drops what the
// scenario loses, and gives only a sample of them to the WebRTC stack: what
// the receivers do must not be what is measured.
type socket struct {
	*net.UDPConn
	raw    syscall.RawConn
	sample uint32 // one packet in this many reaches the stack
	lose   func() bool

	// Owned by the reader.
	buf  [readBatch][readSize]byte
	hdr  [readBatch]mmsghdr
	iov  [readBatch]unix.Iovec
	from [readBatch]unix.RawSockaddrInet4
	n, i int
	now  time.Time
	recv func(fd uintptr) bool
	fail error

	mu      sync.Mutex // guards what follows
	streams map[uint32]*stream
	seen    [arrivals]arrival
	lost    uint64 // dropped on purpose
}

// stream is what was counted of one SSRC.
type stream struct {
	packets uint64
	first   uint64 // extended sequence numbers
	last    uint64
	phase   uint32
}

type arrival struct {
	ssrc uint32
	seq  uint16
	at   time.Time
}

func listen(sample int, lose func() bool) (*socket, error) {
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("receiver's socket: %w", err)
	}
	_ = u.SetReadBuffer(readBuffer) // the kernel caps it
	raw, err := u.SyscallConn()
	if err != nil {
		_ = u.Close()
		return nil, fmt.Errorf("receiver's socket: %w", err)
	}
	s := &socket{UDPConn: u, raw: raw, sample: uint32(max(sample, 1)), lose: lose, streams: map[uint32]*stream{}}
	for i := range s.hdr {
		s.iov[i].Base = &s.buf[i][0]
		s.iov[i].SetLen(readSize)
		h := &s.hdr[i].hdr
		h.Name, h.Iov, h.Iovlen = (*byte)(unsafe.Pointer(&s.from[i])), &s.iov[i], 1
	}
	s.recv = s.receive
	return s, nil
}

// ReadFrom gives the next datagram that the WebRTC stack is to see.
func (s *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := s.ReadFromAddrPort(b)
	return n, net.UDPAddrFromAddrPort(from), err
}

// ReadFromAddrPort is ReadFrom without an allocation (ice.AddrPortReaderWriter).
func (s *socket) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		for s.i < s.n {
			i := s.i
			s.i++
			d := s.buf[i][:s.hdr[i].n]
			if isRTP(d) && !s.count(d) {
				continue
			}
			port := s.from[i].Port
			return copy(b, d), netip.AddrPortFrom(netip.AddrFrom4(s.from[i].Addr), port<<8|port>>8), nil
		}
		s.n, s.i = 0, 0
		if err := s.raw.Read(s.recv); err != nil {
			return 0, netip.AddrPort{}, err
		}
		if s.fail != nil {
			return 0, netip.AddrPort{}, s.fail
		}
		s.now = time.Now()
	}
}

// WriteToAddrPort completes ice.AddrPortReaderWriter.
func (s *socket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return s.WriteToUDPAddrPort(b, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
}

// receive is called by RawConn.Read until it returns true.
func (s *socket) receive(fd uintptr) bool {
	for {
		for i := range s.hdr {
			s.hdr[i].hdr.Namelen = unix.SizeofSockaddrInet4
		}
		n, _, errno := syscall.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&s.hdr[0])), readBatch, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			s.n = int(n)
			return true
		case unix.EAGAIN:
			return false
		case unix.EINTR, unix.ECONNREFUSED:
		default:
			s.fail = errno
			return true
		}
	}
}

// count notes an SRTP packet and tells whether the stack is to see it.
func (s *socket) count(d []byte) bool {
	ssrc, seq := binary.BigEndian.Uint32(d[8:]), binary.BigEndian.Uint16(d[2:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lose != nil && s.lose() {
		s.lost++
		return false
	}
	c := s.streams[ssrc]
	if c == nil {
		first := uint64(1<<16) + uint64(seq)
		c = &stream{first: first, last: first - 1}
		s.streams[ssrc] = c
	}
	c.packets++
	if d := int16(seq - uint16(c.last)); d > 0 {
		c.last += uint64(d)
	}
	if c.phase++; c.phase%s.sample != 0 && c.packets > 32 { // the first packets make the stack find the track
		return false
	}
	s.seen[arrivalSlot(ssrc, seq)] = arrival{ssrc, seq, s.now}
	return true
}

func arrivalSlot(ssrc uint32, seq uint16) int { return int((ssrc*31 + uint32(seq)) % arrivals) }

// arrived tells when a packet reached the socket.
func (s *socket) arrived(ssrc uint32, seq uint16) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.seen[arrivalSlot(ssrc, seq)]
	return a.at, a.ssrc == ssrc && a.seq == seq
}

// tally is what a socket counted until now.
type tally struct {
	packets  uint64 // that arrived
	expected uint64 // by the sequence numbers
	dropped  uint64 // on purpose
	streams  int
}

func (s *socket) tally() tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := tally{dropped: s.lost, streams: len(s.streams)}
	for _, c := range s.streams {
		t.packets += c.packets
		t.expected += c.last - c.first + 1
	}
	return t
}

// isRTP tells RTP from STUN, DTLS (RFC 7983) and RTCP (RFC 5761).
func isRTP(b []byte) bool {
	return len(b) >= 12 && b[0]&0xc0 == 0x80 && (b[1] < 192 || b[1] > 223)
}
