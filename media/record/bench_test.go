package record

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"yunting/media"
)

// BenchmarkFortyTracks records 40 cameras of 1.5 Mbit/s for six seconds in real
// time on one core, onto the disk, with all that the recorder does while it
// runs: checksums, hashes, syncs. It tells the processor time that a packet
// costs, the share of the core, the memory a track holds, and what is missing.
func BenchmarkFortyTracks(b *testing.B) {
	const tracks, size, rate, length = 40, 1200, 1_500_000, 6 * time.Second
	const every = size * 8 * time.Second / rate
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for b.Loop() {
		b.StopTimer()
		before := living()
		dir := b.TempDir()
		rec, err := New(Options{Dir: dir, OnError: func(peer string, err error) { b.Logf("%s: %v", peer, err) }})
		must(b, err)
		var sinks []media.Sink
		for n := range tracks {
			peer := fmt.Sprint("p", n)
			sinks = append(sinks, rec.NewSink(peer, media.TrackInfo{ID: peer, Peer: peer, Kind: media.KindVideo, Source: media.SourceCamera}, vp8))
		}
		payload := make([]byte, size-12)
		payload[0] = 0x10
		b.StartTimer()
		used, began, sent := processorTime(b), time.Now(), 0
		for at := time.Duration(0); at < length; at += every {
			<-time.After(time.Until(began.Add(at)))
			pkt := raw(96, uint16(sent/tracks), uint32(at.Milliseconds()*90), payload)
			for _, s := range sinks {
				s.RTP(pkt, began.Add(at))
				sent++
			}
		}
		cpu, took := processorTime(b)-used, time.Since(began)
		b.StopTimer()
		held := living() - before
		rec.Close()
		b.ReportMetric(float64(cpu.Nanoseconds())/float64(sent), "cpu-ns/packet")
		b.ReportMetric(100*cpu.Seconds()/took.Seconds(), "%core")
		b.ReportMetric(float64(held)/tracks/1024, "KiB/track")
		b.ReportMetric(float64(sent-recordedPackets(b, dir)), "lost")
		b.StartTimer()
	}
}

// BenchmarkRecordedPacket is what one packet more costs: from the worker's call to
// the segment on the disk, both goroutines and the syncs that its bytes need.
func BenchmarkRecordedPacket(b *testing.B) {
	rec, err := New(Options{Dir: b.TempDir(), OnError: func(peer string, err error) { b.Logf("%s: %v", peer, err) }})
	must(b, err)
	s := rec.NewSink("p", media.TrackInfo{ID: "p", Peer: "p", Kind: media.KindVideo, Source: media.SourceCamera}, vp8)
	pkt, now := raw(96, 1, 1, make([]byte, 1188)), time.Now()
	used, sent := processorTime(b), 0
	b.ReportAllocs()
	for b.Loop() {
		for len(rec.queue) > queueLength/2 {
			<-time.After(time.Millisecond)
		}
		s.RTP(pkt, now)
		sent++
	}
	rec.Close()
	b.ReportMetric(float64((processorTime(b)-used).Nanoseconds())/float64(sent), "cpu-ns/packet")
}

// living is how many bytes live.
func living() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// processorTime is what the process has used.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	must(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// recordedPackets counts what the segments hold.
func recordedPackets(tb testing.TB, dir string) (n int) {
	tb.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "*", "*.seg"))
	must(tb, err)
	for _, path := range segments {
		f, err := os.Open(path)
		must(tb, err)
		must(tb, readSegment(f, func(r record) error {
			if r.kind == kindPacket {
				n++
			}
			return nil
		}))
		must(tb, f.Close())
	}
	return n
}
