//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

const reportEvery = time.Second // receiver reports

// receiver is one person that watches everything of a room.
type receiver struct {
	pc     *webrtc.PeerConnection
	socket *socket
	leave  func()
	media  atomic.Uint64 // packets that were decrypted
	late   *latencies
	record *atomic.Bool // within the measuring window
	done   sync.WaitGroup
}

// receiveAPI makes a connection that is as cheap as it can be; with loss it
// has to repair, so it takes every packet and asks for what is missing.
func receiveAPI(s *socket, repair bool) (*webrtc.API, error) {
	m, err := engine(false)
	if err != nil {
		return nil, err
	}
	reg := &interceptor.Registry{}
	if repair {
		asks, err := nack.NewGeneratorInterceptor()
		if err != nil {
			return nil, err
		}
		reports, err := report.NewReceiverInterceptor()
		if err != nil {
			return nil, err
		}
		reg.Add(asks)
		reg.Add(reports)
	}
	se := settings()
	se.SetICEUDPMux(webrtc.NewICEUDPMux(quiet.NewLogger("ice"), s))
	return webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(reg), webrtc.WithSettingEngine(se)), nil
}

// watch connects receiver n of audio and video sections of a room.
func (l *load) watch(ctx context.Context, room string, n, audio, video int) (*receiver, error) {
	r := &receiver{late: &l.late, record: &l.measuring}
	sample := l.scenario.Sample
	var lose func() bool
	if l.scenario.Loss > 0 {
		sample, lose = 1, l.lose
	}
	var err error
	if r.socket, err = listen(sample, lose); err != nil {
		return nil, err
	}
	api, err := receiveAPI(r.socket, lose != nil)
	if err != nil {
		return nil, errors.Join(err, r.socket.Close())
	}
	if r.pc, err = api.NewPeerConnection(webrtc.Configuration{Certificates: l.certificates}); err != nil {
		return nil, errors.Join(err, r.socket.Close())
	}
	up := states(r.pc)
	r.pc.OnTrack(func(t *webrtc.TrackRemote, rtpReceiver *webrtc.RTPReceiver) {
		r.done.Go(func() { r.read(t) })
		r.done.Go(func() { drain(rtpReceiver) })
	})
	if r.leave, err = l.entry.watch(ctx, r.pc, room, n, audio, video); err != nil {
		return r, fmt.Errorf("watch: %w", err)
	}
	return r, connected(ctx, up)
}

// read takes the packets that the socket lets through.
func (r *receiver) read(t *webrtc.TrackRemote) {
	buf := make([]byte, readSize)
	for {
		n, _, err := t.Read(buf)
		if err != nil {
			return
		}
		r.media.Add(1)
		if !r.record.Load() || n < 12+stampBytes {
			continue
		}
		at, ok := r.socket.arrived(binary.BigEndian.Uint32(buf[8:]), binary.BigEndian.Uint16(buf[2:]))
		if ok {
			r.late.add(at.Sub(time.Unix(0, int64(binary.BigEndian.Uint64(buf[n-stampBytes:])))))
		}
	}
}

// drain lets the receiver's RTCP go.
func drain(r *webrtc.RTPReceiver) {
	for {
		if _, _, err := r.ReadRTCP(); err != nil {
			return
		}
	}
}

// report sends a receiver report of all streams, as a browser would: the
// stack sees only a sample and would report losses that there are not.
func (r *receiver) report() {
	r.socket.mu.Lock()
	rr := &rtcp.ReceiverReport{}
	for ssrc, s := range r.socket.streams {
		if len(rr.Reports) < 31 {
			rr.Reports = append(rr.Reports, rtcp.ReceptionReport{SSRC: ssrc, LastSequenceNumber: uint32(s.last)})
		}
	}
	r.socket.mu.Unlock()
	_ = r.pc.WriteRTCP([]rtcp.Packet{rr}) // a closing connection may refuse it
}

func (r *receiver) close() {
	if r == nil || r.pc == nil {
		return
	}
	if r.leave != nil {
		r.leave()
	}
	_ = r.pc.Close()
	_ = r.socket.Close()
	r.done.Wait()
}
