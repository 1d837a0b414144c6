package media

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"yunting/media/floor"
)

// SFU owns the media port and all rooms. Its methods are safe for
// concurrent use.
type SFU struct {
	cfg     Config
	log     *slog.Logger
	port    *port
	pub     *webrtc.API
	sub     func(*secrets) *webrtc.API
	metrics *metrics
	workers []*worker

	reporter reporter
	start    time.Time
	late     atomic.Int64   // nanoseconds after start until which a worker was late to send what it had stamped
	wg       sync.WaitGroup // everything but the workers
	done     chan struct{}

	mu     sync.Mutex // guards what follows
	rooms  map[string]*Room
	closed bool
	next   int // worker of the next track
}

func (l Limits) withDefaults() Limits {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&l.SDPBytes, 128<<10)
	set(&l.TracksPerPeer, 6)
	set(&l.VideoBps, 6_000_000)
	set(&l.AudioBps, 1_000_000)
	set(&l.NegotiationsPerMinute, 120)
	set(&l.Candidates, 64)
	return l
}

// New binds the media port and starts the forwarding workers.
func New(cfg Config) (*SFU, error) {
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.Voices <= 0 {
		cfg.Voices = defaultVoices
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &SFU{cfg: cfg, log: cfg.Logger, rooms: map[string]*Room{}, done: make(chan struct{}), start: time.Now(), reporter: reporter{ssrc: newSSRC()}}
	var err error
	if s.port, err = openPort(cfg.Port, cfg.Listen, pionLog{cfg.Logger}); err != nil {
		return nil, err
	}
	if cfg.TCPPort != 0 {
		if err := s.port.openTCP(cfg.TCPPort, cfg.Listen, pionLog{cfg.Logger}); err != nil {
			if !cfg.TCPOptional {
				return nil, errors.Join(err, s.port.close())
			}
			cfg.Logger.Warn("media: goes on without TCP", "error", err)
		}
	}
	if err = s.build(); err != nil {
		_ = s.port.close()
		return nil, err
	}
	for range runtime.GOMAXPROCS(0) {
		w := newWorker(s)
		s.workers = append(s.workers, w)
		go w.run()
	}
	s.wg.Go(s.housekeeping)
	s.wg.Go(s.allocating)
	s.wg.Go(func() { s.reporter.run(s.done, s.port.flush) })
	return s, nil
}

func (s *SFU) build() error {
	se := settings(s.cfg, s.port)
	if len(s.cfg.PublicIPs) > 0 {
		if err := se.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{
			External: s.cfg.PublicIPs, AsCandidateType: webrtc.ICECandidateTypeHost}); err != nil {
			return fmt.Errorf("media: public addresses: %w", err)
		}
	}
	var err error
	if s.pub, err = publishAPI(se, &s.reporter); err != nil {
		return err
	}
	if s.sub, err = subscribeAPI(se, s.port.known(len(s.cfg.PublicIPs) > 0)); err != nil {
		return err
	}
	s.metrics = newMetrics(s.cfg.Metrics, s.port.sockets)
	return nil
}

// Sockets gives the UDP sockets of media: each address that clients are told,
// with the one that it has on this machine. A relay may reach these.
func (s *SFU) Sockets() map[netip.AddrPort]netip.AddrPort {
	out := map[netip.AddrPort]netip.AddrPort{}
	number := uint16(s.port.number)
	for _, a := range s.port.GetListenAddresses() {
		u := a.(*net.UDPAddr).AddrPort()
		local := netip.AddrPortFrom(u.Addr().Unmap(), number)
		out[local] = local
		for _, text := range s.cfg.PublicIPs {
			public, err := netip.ParseAddr(text)
			told := netip.AddrPortFrom(public.Unmap(), number)
			if _, known := out[told]; err == nil && !known && public.Unmap().Is4() == local.Addr().Is4() {
				out[told] = local
			}
		}
	}
	return out
}

// Port is the UDP port that media uses.
func (s *SFU) Port() int { return s.port.number }

// Close closes every room and releases the port. It returns when all
// goroutines have ended.
func (s *SFU) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	rooms := make([]*Room, 0, len(s.rooms))
	for _, r := range s.rooms {
		rooms = append(rooms, r)
	}
	s.mu.Unlock()
	close(s.done)
	for _, r := range rooms {
		r.Close()
	}
	s.wg.Wait()
	for _, w := range s.workers {
		w.stop()
	}
	return s.port.close()
}

// Room returns the room with this id and makes it on first use. After Close
// it returns a room that refuses to be joined.
func (s *SFU) Room(id string) *Room {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[id]; r != nil {
		return r
	}
	r := &Room{sfu: s, id: id, floor: floor.New(s.cfg.Voices), peers: map[string]*Peer{}, tracks: map[string]*track{}, recordings: map[*recording]bool{}}
	if s.closed {
		r.closed = true
		return r
	}
	s.rooms[id] = r
	s.metrics.rooms.Inc()
	return r
}

func (s *SFU) forget(r *Room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms[r.id] == r {
		delete(s.rooms, r.id)
		s.metrics.rooms.Dec()
	}
}

// worker picks the worker of a new track.
func (s *SFU) worker() *worker {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	return s.workers[s.next%len(s.workers)]
}

func (s *SFU) allRooms() []*Room {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*Room, 0, len(s.rooms))
	for _, r := range s.rooms {
		out = append(out, r)
	}
	return out
}

const (
	speakerEvery = 250 * time.Millisecond
	reportEvery  = 4 // speaker rounds to one round of reports and quality
)

// housekeeping drives what happens by the clock: speakers, reports, quality.
func (s *SFU) housekeeping() {
	tick := time.NewTicker(speakerEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-s.done:
			return
		case <-tick.C:
			rooms := s.allRooms()
			for _, r := range rooms {
				r.speakers()
			}
			if n%reportEvery == 0 {
				for _, w := range s.workers {
					w.do(w.reports)
				}
				seen := census{metrics: s.metrics}
				for _, r := range rooms {
					r.quality(&seen)
				}
				seen.end()
			}
		}
	}
}
