package udpbatch

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	inboxBatch = 32   // datagrams of one system call
	inboxRoom  = 8192 // bytes of each; what is longer is cut
)

// inbox holds the datagrams that were received together. Whoever reads owns it.
type inbox struct {
	raw     syscall.RawConn
	six     bool
	n, next int // received; the one that is handed out next
	errno   syscall.Errno
	hdr     []mmsghdr
	iov     []unix.Iovec
	sa      []unix.RawSockaddrInet6 // holds a RawSockaddrInet4 on an IPv4 socket
	room    []byte
	receive func(fd uintptr) bool
	zones   map[uint32]string // names of the interfaces of link-local senders
}

func (i *inbox) init(raw syscall.RawConn, six bool) {
	i.raw, i.six, i.zones = raw, six, map[uint32]string{}
	i.hdr, i.iov, i.sa = make([]mmsghdr, inboxBatch), make([]unix.Iovec, inboxBatch), make([]unix.RawSockaddrInet6, inboxBatch)
	i.room = make([]byte, inboxBatch*inboxRoom)
	i.receive = i.receiveOnce
	for n := range i.hdr {
		i.iov[n].Base = &i.room[n*inboxRoom]
		i.iov[n].SetLen(inboxRoom)
		h := &i.hdr[n].hdr
		h.Name, h.Namelen, h.Iov, h.Iovlen = (*byte)(unsafe.Pointer(&i.sa[n])), unix.SizeofSockaddrInet6, &i.iov[n], 1
	}
}

// ReadFromAddrPort reads one datagram without allocating, of as many as one system call gave. It belongs to one
// goroutine.
func (c *Conn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	i := &c.inbox
	if i.next == i.n {
		i.next, i.n = 0, 0
		if err := i.raw.Read(i.receive); err != nil { // closed, or a deadline
			return 0, netip.AddrPort{}, err
		}
		if i.errno != 0 {
			return 0, netip.AddrPort{}, os.NewSyscallError("recvmmsg", i.errno)
		}
	}
	n := i.next
	i.next++
	i.hdr[n].hdr.Namelen = unix.SizeofSockaddrInet6 // the kernel had set it to what it wrote
	at := n * inboxRoom
	return copy(b, i.room[at:at+int(i.hdr[n].n)]), i.from(&i.sa[n]), nil
}

// receiveOnce is called by RawConn.Read until it returns true.
func (i *inbox) receiveOnce(fd uintptr) bool {
	for {
		// Raw: it never blocks, as in lane.sendOnce.
		n, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&i.hdr[0])), inboxBatch, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		case 0:
			i.n = int(n)
		}
		i.errno = errno
		return true
	}
}

// from is who sent a datagram.
func (i *inbox) from(sa *unix.RawSockaddrInet6) netip.AddrPort {
	port := sa.Port<<8 | sa.Port>>8
	if !i.six {
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(sa)).Addr), port)
	}
	a := netip.AddrFrom16(sa.Addr)
	if sa.Scope_id != 0 {
		a = a.WithZone(i.zone(sa.Scope_id))
	}
	return netip.AddrPortFrom(a, port)
}

// zone is the name of an interface; empty when it is gone.
func (i *inbox) zone(index uint32) string {
	name, known := i.zones[index]
	if !known {
		if f, err := net.InterfaceByIndex(int(index)); err == nil {
			name = f.Name
			i.zones[index] = name
		}
	}
	return name
}
