package media

import (
	"slices"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

const (
	workerQueue = 8192                  // packets and calls waiting
	workerBatch = 64                    // packets of one fan-out
	lateFlush   = 25 * time.Millisecond // a fan-out that takes longer did not get its processor
	frameWait   = time.Millisecond      // how long a fan-out waits for a frame's last packet
	workerTick  = 10 * time.Millisecond // NACK and key frame requests
	surveyTicks = 10                    // a track that asked for nothing is looked at once in so many ticks
	nackEach    = 256                   // packets asked for in one tick of one stream
)

// job is a packet or a call.
type job struct {
	packet *buffer
	call   func()
}

// worker forwards the packets of its tracks, one goroutine a core. It owns
// the tracks' layers, caches and feeds and the subscriptions' rewriting.
type worker struct {
	sfu     *SFU
	jobs    chan job
	quit    chan struct{}
	stopped chan struct{}

	// Owned by the goroutine.
	tracks []*track
	survey int      // where in tracks the last survey ended
	hasty  []*track // tracks with something to ask of their publisher
	batch  []*buffer
	heard  []*buffer // of audible
	filled []*buffer // packets made of what RED repeats of them
	spent  []*buffer // out of the caches, but perhaps still to be forwarded in this fan-out
	timer  *time.Timer
	due    []uint16
	probes []*probe
	rated  time.Time // when the layers' rates were last taken

	told     []*subscriber  // of this round of reports
	letter   []byte         // the reports of one of them
	compound rtcp.RawPacket // of letter
}

func newWorker(s *SFU) *worker {
	return &worker{sfu: s, jobs: make(chan job, workerQueue), quit: make(chan struct{}), stopped: make(chan struct{}),
		batch: make([]*buffer, 0, workerBatch)}
}

// push queues a packet; a full queue refuses it.
func (w *worker) push(b *buffer) bool {
	select {
	case w.jobs <- job{packet: b}:
		return true
	default:
		return false
	}
}

// do queues a call and does not wait for it. After stop it does nothing.
func (w *worker) do(f func()) {
	select {
	case w.jobs <- job{call: f}:
	case <-w.quit:
	}
}

// offer queues a call unless the queue is full.
func (w *worker) offer(f func()) bool {
	select {
	case w.jobs <- job{call: f}:
		return true
	default:
		return false
	}
}

// call runs f on the worker and waits. It must not be called from the worker.
func (w *worker) call(f func()) {
	ran := make(chan struct{})
	w.do(func() { f(); close(ran) })
	select {
	case <-ran:
	case <-w.stopped:
	}
}

// stop ends the worker; what is queued is lost.
func (w *worker) stop() {
	close(w.quit)
	<-w.stopped
}

func (w *worker) run() {
	defer close(w.stopped)
	w.timer = time.NewTimer(time.Hour)
	defer w.timer.Stop()
	tick := time.NewTicker(workerTick)
	defer tick.Stop()
	for {
		select {
		case <-w.quit:
			return
		case now := <-tick.C:
			w.look(now)
			w.upstream(now)
			w.probe(now)
			w.sfu.port.flush()
			w.rate(now)
		case j := <-w.jobs:
			w.collect(j)
		}
	}
}

// collect gathers what is queued, waits shortly for the rest of a frame, so that
// a receiver's packets lie together, and fans out.
func (w *worker) collect(j job) {
	waiting := false
	for {
		if j.call != nil {
			w.fanOut()
			j.call()
		} else {
			w.batch = append(w.batch, j.packet)
		}
		if len(w.batch) == workerBatch {
			break
		}
		select {
		case j = <-w.jobs:
			continue
		default:
		}
		if !w.incomplete() {
			break
		}
		if !waiting { // one deadline from the first wait, not one a packet
			waiting = true
			w.timer.Reset(frameWait)
		}
		select {
		case j = <-w.jobs:
			continue
		case <-w.timer.C:
		case <-w.quit:
		}
		break
	}
	w.fanOut()
}

// incomplete tells whether the batch ends within a video frame.
func (w *worker) incomplete() bool {
	if len(w.batch) == 0 {
		return false
	}
	b := w.batch[len(w.batch)-1]
	return b.layer.track.kind == webrtc.RTPCodecTypeVideo && !b.head.Marker
}

// fanOut forwards the batch: by stream, then by receiver, so that one
// receiver's packets become one message of the kernel. It leaves the batch
// empty, and no pointer behind that would keep those alive who left.
func (w *worker) fanOut() {
	if len(w.batch) == 0 {
		return
	}
	var bytesIn, bytesOut, out int
	now := time.Now()
	for i := 0; i < len(w.batch); {
		l := w.batch[i].layer
		j := i
		for j < len(w.batch) && w.batch[j].layer == l {
			bytesIn += w.batch[j].n
			j++
		}
		n, size := l.spread(w.batch[i:j], now)
		i = j
		if len(w.filled) > 0 {
			more, sizeMore := l.spread(w.filled, now)
			n, size = n+more, size+sizeMore
			clear(w.filled)
			w.filled = w.filled[:0]
		}
		out += n
		bytesOut += size
	}
	w.sfu.port.flush()
	if sent := time.Now(); sent.Sub(now) > lateFlush {
		w.sfu.late.Store(int64(sent.Sub(w.sfu.start)))
	}
	for _, b := range w.spent {
		buffers.Put(b)
	}
	clear(w.spent)
	w.spent = w.spent[:0]
	m := w.sfu.metrics
	m.packetsIn.Add(len(w.batch))
	m.bytesIn.Add(bytesIn)
	m.packetsOut.Add(out)
	m.bytesOut.Add(bytesOut)
	clear(w.batch)
	clear(w.heard)
	w.batch, w.heard = w.batch[:0], w.heard[:0]
}

// release gives a buffer back after the fan-out: a stream whose numbers jump can push a packet out of the cache in the
// run in which it came.
func (w *worker) release(b *buffer) { w.spent = append(w.spent, b) }

// spread takes a run of packets of one stream and forwards it to every receiver.
func (l *layer) spread(run []*buffer, now time.Time) (packets, bytes int) {
	if run = l.audible(l.accept(run)); len(run) == 0 {
		return 0, 0
	}
	for _, s := range l.track.subscriptions() {
		n, size := s.forward(run, now)
		packets += n
		bytes += size
	}
	return packets, bytes
}

func (w *worker) addLayer(t *track, l *layer) {
	if t.ended {
		return
	}
	if len(t.layers) == 0 && !slices.Contains(w.tracks, t) {
		w.tracks = append(w.tracks, t)
	}
	t.layers = append(t.layers, l)
	l.askKey()
}

func (w *worker) removeLayer(t *track, l *layer) {
	for i, x := range t.layers {
		if x == l {
			t.layers = append(t.layers[:i], t.layers[i+1:]...)
		}
	}
	l.cache.Drain(func(b *buffer) { buffers.Put(b) })
}

func (w *worker) endTrack(t *track) {
	t.ended = true
	if t.voice != nil {
		t.voice.Leave()
	}
	if i := slices.Index(w.tracks, t); i >= 0 {
		w.tracks = slices.Delete(w.tracks, i, i+1)
	}
	for _, s := range t.subscriptions() {
		s.endStretch(s.sentAt)
	}
	for _, f := range t.feeds {
		f.close()
	}
	t.feeds = nil
}

// look takes its share of the tracks and sees which layer suits each receiver
// now. What cannot wait for the next look is in hasty.
func (w *worker) look(now time.Time) {
	for range min((len(w.tracks)+surveyTicks-1)/surveyTicks, len(w.tracks)) {
		w.survey = (w.survey + 1) % len(w.tracks)
		t := w.tracks[w.survey]
		if t.kind != webrtc.RTPCodecTypeVideo {
			continue
		}
		t.retarget(now)
		for _, l := range t.layers {
			if len(t.feeds) > 0 && now.Sub(l.keySeen) > recordedKeys && now.Sub(l.lastSeen) < silentLayer {
				l.askKey()
			}
		}
	}
}

// hurry has the next tick ask the track's publisher for what is missing.
func (t *track) hurry() {
	if !t.hasty {
		t.hasty = true
		t.w.hasty = append(t.w.hasty, t)
	}
}

// askKey has a key frame of the layer asked for, as often as it takes.
func (l *layer) askKey() {
	l.wantKey = true
	l.track.hurry()
}

// upstream asks publishers for missing packets and for key frames.
func (w *worker) upstream(now time.Time) {
	waiting := w.hasty[:0]
	for _, t := range w.hasty {
		t.hasty = false
		if !t.ended && w.ask(t, now) {
			t.hasty = true
			waiting = append(waiting, t)
		}
	}
	clear(w.hasty[len(waiting):])
	w.hasty = waiting
}

// ask asks a track's publisher and tells whether something is still awaited.
func (w *worker) ask(t *track, now time.Time) (more bool) {
	rtt := t.peer.pub.roundTrip()
	for _, l := range t.layers {
		if l.loss.Missing() > 0 {
			w.askMissing(l, now, rtt)
			w.mendChain(l, now, rtt)
			more = more || l.loss.Missing() > 0
		}
		if t.kind != webrtc.RTPCodecTypeVideo || !l.wantKey {
			continue
		}
		more = true
		if now.Sub(l.keyAsked) >= keyThrottle {
			l.keyAsked = now
			w.sfu.metrics.pli.Inc()
			t.send(&rtcp.PictureLossIndication{MediaSSRC: l.ssrc})
		}
	}
	return more
}

func (w *worker) askMissing(l *layer, now time.Time, rtt time.Duration) {
	var gaveUp int
	if l.track.kind == webrtc.RTPCodecTypeAudio {
		rtt /= 2 // sound cannot wait until it is certain that a request was lost
	}
	w.due, gaveUp = l.loss.Due(w.due[:0], now, rtt)
	if gaveUp > 0 {
		w.sfu.metrics.lost.Add(gaveUp)
		if l.track.kind == webrtc.RTPCodecTypeVideo && len(l.track.feeds) > 0 {
			l.wantKey = true // the record needs a whole picture again: ask does so next
		}
	}
	if len(w.due) == 0 || !l.track.permitted.Load() {
		return
	}
	if len(w.due) > nackEach {
		w.due = w.due[:nackEach]
	}
	w.sfu.metrics.nackOut.Add(len(w.due))
	l.track.send(&rtcp.TransportLayerNack{MediaSSRC: l.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(w.due)})
}

// send writes RTCP to the publisher. A connection that is going down may
// refuse it; the request is repeated while it is wanted.
func (t *track) send(p rtcp.Packet) {
	if err := t.pc.WriteRTCP([]rtcp.Packet{p}); err != nil {
		t.peer.sfu.log.Debug("media: rtcp", "err", err)
	}
}
