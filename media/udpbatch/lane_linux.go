package udpbatch

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const segmentSpace = 24 // CMSG_SPACE of a uint16 on 64-bit, rounded up

type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// lane holds the packets of some destinations. mu guards all but pending; it
// is held while sending, so a destination's packets never overtake each other.
type lane struct {
	mu      sync.Mutex
	conn    *Conn
	raw     syscall.RawConn
	six     bool
	n       int // messages queued
	sent    int // messages sent in the flush under way
	off     int // bytes used of arena
	open    bool
	last    netip.AddrPort
	segSize int
	hdr     []mmsghdr
	iov     []unix.Iovec
	sa      []unix.RawSockaddrInet6 // holds a RawSockaddrInet4 on an IPv4 socket
	ctl     [][segmentSpace]byte
	segs    []int // packets of each message
	arena   []byte
	send    func(fd uintptr) bool
	pending atomic.Bool
}

func (c *Conn) openLanes(six bool) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return fmt.Errorf("udpbatch: raw socket: %w", err)
	}
	c.six = six
	c.inbox.init(raw, six)
	for i := range c.lanes {
		c.lanes[i].init(c, raw, six)
	}
	return nil
}

func (l *lane) init(c *Conn, raw syscall.RawConn, six bool) {
	l.conn, l.raw, l.six = c, raw, six
	l.hdr, l.iov = make([]mmsghdr, laneBatch), make([]unix.Iovec, laneBatch)
	l.sa, l.ctl = make([]unix.RawSockaddrInet6, laneBatch), make([][segmentSpace]byte, laneBatch)
	l.segs = make([]int, laneBatch)
	l.arena = make([]byte, laneBatch*4*maxPacket)
	l.send = l.sendOnce
	for i := range l.hdr {
		h := &l.hdr[i].hdr
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&l.sa[i])), unix.SizeofSockaddrInet4
		if six {
			h.Namelen = unix.SizeofSockaddrInet6
		}
		h.Iov, h.Iovlen = &l.iov[i], 1
		cm := (*unix.Cmsghdr)(unsafe.Pointer(&l.ctl[i][0]))
		cm.Level, cm.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
		cm.SetLen(unix.CmsgLen(2))
		h.Control = &l.ctl[i][0]
	}
}

// WriteToAddrPort queues RTP and RTCP until Flush and sends anything else at once.
func (c *Conn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if to.Addr().Is4In6() {
		to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	}
	if !held(b) {
		return c.WriteToUDPAddrPort(b, to)
	}
	room, err := c.Reserve(to, len(b))
	if err != nil {
		return 0, err
	}
	copy(room, b)
	c.Release(to)
	return len(b), nil
}

// Reserve queues an RTP packet of n bytes and returns the room that the caller fills with it before Release. The way
// to the address is locked meanwhile. An IPv4 address must not be mapped into IPv6.
func (c *Conn) Reserve(to netip.AddrPort, n int) ([]byte, error) {
	if to.Addr().Is6() != c.six || !to.IsValid() {
		return nil, errFamily
	}
	if n < 1 || n > maxPacket {
		return nil, errSize
	}
	l := &c.lanes[to.Port()%laneCount]
	l.mu.Lock()
	c.count.packets.Add(1)
	return l.queue(n, to, c.gso.Load()), nil
}

// Release ends what Reserve began; not to be called when Reserve failed.
func (c *Conn) Release(to netip.AddrPort) { c.lanes[to.Port()%laneCount].mu.Unlock() }

// Flush sends all that is queued.
func (c *Conn) Flush() {
	for i := range c.lanes {
		l := &c.lanes[i]
		if l.pending.Load() {
			l.mu.Lock()
			l.flush()
			l.mu.Unlock()
		}
	}
}

// queue makes room for n bytes to an address; they are written before mu is unlocked.
func (l *lane) queue(n int, to netip.AddrPort, gso bool) []byte {
	if l.off+n > len(l.arena) {
		l.flush()
	}
	if gso && l.open && to == l.last && n <= l.segSize && l.segs[l.n-1] < maxSegment {
		i := l.n - 1 // one more segment; only the last may be shorter
		l.iov[i].SetLen(int(l.iov[i].Len) + n)
		*(*uint16)(unsafe.Pointer(&l.ctl[i][unix.CmsgLen(0)])) = uint16(l.segSize)
		l.hdr[i].hdr.SetControllen(unix.CmsgSpace(2))
		l.segs[i]++
		l.open = n == l.segSize
		return l.take(n)
	}
	if l.n == laneBatch {
		l.flush()
	}
	i := l.n
	l.iov[i].Base = &l.arena[l.off]
	l.iov[i].SetLen(n)
	l.address(i, to)
	l.hdr[i].hdr.SetControllen(0)
	l.segs[i] = 1
	l.n++
	l.open, l.last, l.segSize = true, to, n
	l.pending.Store(true)
	return l.take(n)
}

func (l *lane) take(n int) []byte {
	b := l.arena[l.off : l.off+n : l.off+n]
	l.off += n
	return b
}

func (l *lane) address(i int, to netip.AddrPort) {
	port := to.Port()<<8 | to.Port()>>8
	if l.six {
		sa := &l.sa[i]
		sa.Family, sa.Port, sa.Addr = unix.AF_INET6, port, to.Addr().As16()
		sa.Scope_id = 0
		return
	}
	sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(&l.sa[i]))
	sa.Family, sa.Port = unix.AF_INET, port
	sa.Addr = to.Addr().As4()
}

func (l *lane) flush() {
	if l.n == 0 {
		return
	}
	l.sent = 0
	if err := l.raw.Write(l.send); err != nil { // closed, or a deadline
		for _, s := range l.segs[l.sent:l.n] {
			l.conn.count.dropped.Add(uint64(s))
		}
	}
	l.n, l.off, l.open = 0, 0, false
	l.pending.Store(false)
}

// sendOnce is called by RawConn.Write until it returns true.
func (l *lane) sendOnce(fd uintptr) bool {
	c := l.conn
	for l.sent < l.n {
		// Raw: it never blocks, and the scheduler is not to give our processor away for the time of it.
		r, _, errno := syscall.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&l.hdr[l.sent])),
			uintptr(l.n-l.sent), unix.MSG_DONTWAIT, 0, 0)
		c.count.calls.Add(1)
		switch {
		case errno == unix.EAGAIN:
			return false
		case errno == unix.EINTR:
		case errno == unix.EINVAL || errno == unix.EIO:
			// The path cannot segment, or the address is unusable: send
			// this message packet by packet, and go without GSO if it was one.
			if l.segs[l.sent] > 1 {
				if l.unsegment(fd, l.sent) {
					c.gso.Store(false)
				}
			} else {
				c.count.dropped.Add(1)
			}
			l.sent++
		case errno != 0: // this destination fails (ECONNREFUSED, ENETUNREACH …)
			c.count.dropped.Add(uint64(l.segs[l.sent]))
			l.sent++
		default:
			c.count.messages.Add(uint64(r))
			l.sent += int(r)
		}
	}
	return true
}

// unsegment sends message i as single packets and tells whether any went.
func (l *lane) unsegment(fd uintptr, i int) (any bool) {
	size := int(*(*uint16)(unsafe.Pointer(&l.ctl[i][unix.CmsgLen(0)])))
	rest := unsafe.Slice(l.iov[i].Base, int(l.iov[i].Len))
	for len(rest) > 0 {
		n := min(size, len(rest))
		_, _, errno := syscall.Syscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&rest[0])), uintptr(n),
			unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&l.sa[i])), uintptr(l.hdr[i].hdr.Namelen))
		if errno != 0 {
			l.conn.count.dropped.Add(1)
		} else {
			any = true
		}
		rest = rest[n:]
	}
	return any
}
