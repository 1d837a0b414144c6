package media

import (
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"yunting/media/floor"
	"yunting/media/loss"
	"yunting/media/packet"
	"yunting/media/packetcache"
	"yunting/media/simulcast"
)

const (
	bufferSize   = 1500
	maxLayers    = simulcast.Max
	videoCache   = 1024            // packets: about 5 s of 2 Mbps
	audioCache   = 128             // packets: 2.5 s of 20 ms
	cacheTime    = 3 * time.Second // longer than anybody asks for a packet
	badInARow    = 1000            // malformed packets before a stream is given up
	keyThrottle  = 500 * time.Millisecond
	silentLayer  = 400 * time.Millisecond // a layer that sends nothing for this long is off
	recordedKeys = 10 * time.Second       // a recorded picture can be sought to this closely
)

// buffer is one received packet. The reader fills it, then the worker owns it.
type buffer struct {
	layer    *layer
	head     packet.Header
	vp8      packet.VP8                           // of VP8 packets
	key      bool                                 // begins a key frame
	spatial  uint8                                // layer, of a stream that carries several
	serves   uint8                                // the highest spatial layer that cannot be shown without it
	temporal temporal                             // layer of video
	chained  bool                                 // frame, starts and chain are known, by the dependency descriptor
	starts   bool                                 // the first packet of its frame: its layer's part of the picture
	fresh    bool                                 // starts a frame that needs no earlier picture: who has the layer below can go up
	frame    uint16                               // number of the frame
	chain    [packet.MaxSpatial]uint8             // how many frames before lies the last that each layer cannot do without, 0 for none
	barred   bool                                 // of a layer that is stopped because it was too much: it goes to no receiver
	ends     bool                                 // the last packet of its layer's part of the picture
	layers   int                                  // that the stream carries now; 0: it does not say
	sizes    [packet.MaxSpatial]packet.Resolution // of the layers, where the packet tells
	level    uint8                                // of audio with the level extension, else noLevel
	red      int                                  // where the primary block begins in the payload of a RED packet, else 0
	blocks   int                                  // of a RED packet
	ext      [extCount]span
	extended bool // it has some of ext
	arrived  time.Time
	n        int
	data     [bufferSize]byte
}

func (b *buffer) payload() []byte { return b.data[b.head.Payload:b.head.End] }

// empty tells whether the packet is of padding alone.
func (b *buffer) empty() bool { return b.head.End <= b.head.Payload }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// format is how a video's payload is read.
type format uint8

const (
	formatOther format = iota
	formatVP8
	formatVP9
	formatH264
	formatAV1
)

func formatOf(c *webrtc.RTPCodecParameters) format {
	switch {
	case isCodec(c, webrtc.MimeTypeVP8):
		return formatVP8
	case isCodec(c, webrtc.MimeTypeVP9):
		return formatVP9
	case isCodec(c, webrtc.MimeTypeH264):
		return formatH264
	case isCodec(c, webrtc.MimeTypeAV1):
		return formatAV1
	}
	return formatOther
}

// track is one published track: one layer, or several with simulcast.
type track struct {
	info     TrackInfo
	peer     *Peer
	pc       *webrtc.PeerConnection
	receiver *webrtc.RTPReceiver
	codec    webrtc.RTPCodecParameters
	kind     webrtc.RTPCodecType
	w        *worker
	format   format
	ext      extensionIDs
	redPT    uint8 // payload type of RED, 0 is none
	onEnd    func()
	ending   sync.Once

	announced  bool                // was permitted once; guarded by room.mu
	permitted  atomic.Bool         // the publisher may send it now
	layerCount int                 // guarded by publisher.mu
	ranks      [simulcast.Max]bool // taken by layers; guarded by publisher.mu
	reading    atomic.Int32

	mu   sync.Mutex // guards changes of subs
	subs atomic.Pointer[[]*subscription]

	voice  *floor.Voice // on the room's floor; nil of what is no measured microphone
	hidden atomic.Bool  // nobody receives it: it takes no place on the floor
	hushed atomic.Bool  // held back, for others are louder; the worker sets it, a change of rights clears it
	stats  trackStats
	thin   [thinner]atomic.Int64   // of the lowest layer with its first temporal layers alone
	rates  [maxLayers]atomic.Int64 // bits a second on the wire of each layer, 0: silent
	known  [maxLayers]atomic.Int64 // the same, as last seen: what a layer would cost that was switched off

	// Owned by the worker.
	layers   []*layer
	hushedAt uint16 // sequence number of the first packet that was held back
	feeds    []*feed
	ended    bool
	hasty    bool                     // in the worker's list
	brought  [maxLayers]atomic.Int64  // as rates, of the layer's own packets
	off      [simulcast.Max]bool      // layers that the publisher was told to stop
	unneeded [simulcast.Max]time.Time // since when nobody takes a layer
	missing  [simulcast.Max]time.Time // since when a layer that is taken does not come
	excess   excess
}

// layer is one RTP stream of a track.
type layer struct {
	track  *track
	index  uint8 // 0 is the smallest
	rid    string
	ssrc   uint32
	remote *webrtc.TrackRemote
	svc    bool // it carries layers from index on, not that one alone

	// Owned by the reader.
	inBand    bool // H264's parameter sets come with its key frames
	structure packet.Structure
	picture   struct { // the newest, with the number of its first frame
		timestamp uint32
		first     uint16
	}

	// Owned by the worker.
	cache    *packetcache.Cache[*buffer]
	loss     *loss.Tracker
	wantKey  bool
	keyAsked time.Time
	keySeen  time.Time
	mended   time.Time // when it was last seen whether a chain is broken
	lastSeen time.Time
	spatial  [packet.MaxSpatial]spatialLayer
	active   int // how many layers it carries by its own account, 0: it gives none
	sr       senderReport
	jitter   jitter
	lostTold uint64 // of loss.Lost, what the track's figures hold
	expected uint64 // of the stream, at the last receiver report
	received uint64
}

// senderReport is a publisher's mapping of RTP time to its wall clock.
type senderReport struct {
	ntp     uint64
	rtp     uint32
	arrived time.Time
}

func newTrack(p *Peer, pc *webrtc.PeerConnection, r *webrtc.RTPReceiver, info TrackInfo, codec webrtc.RTPCodecParameters) *track {
	t := &track{info: info, peer: p, pc: pc, receiver: r, codec: codec, w: p.sfu.worker(),
		format: formatOf(&codec)}
	t.kind = webrtc.NewRTPCodecType(info.Kind)
	t.takeRED(r.GetParameters().Codecs)
	t.ext = idsOf(r.GetParameters().HeaderExtensions)
	return t
}

// named tells whether id names the track or its publisher.
func (t *track) named(id string) bool { return t.info.ID == id || t.info.Peer == id }

// addLayer counts one more stream; one of a rank that is taken is refused. The
// caller holds publisher.mu.
func (t *track) addLayer(rid string) bool {
	i := layerRank(rid)
	if t.layerCount > 0 && rid == "" || t.ranks[i] {
		return false
	}
	t.ranks[i] = true
	t.layerCount++
	return true
}

// layerRank orders the customary names of simulcast streams.
func layerRank(rid string) uint8 {
	switch strings.ToLower(rid) {
	case "h", "m", "1", "mid", "medium":
		return 1
	case "f", "2", "hi", "high", "full":
		return 2
	}
	return 0
}

// cacheSize is how many packets of a stream are kept for repair.
func cacheSize(kind webrtc.RTPCodecType) int {
	if kind == webrtc.RTPCodecTypeAudio {
		return audioCache
	}
	return videoCache
}

// startLayer begins to read a stream.
func (t *track) startLayer(remote *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
	l := &layer{track: t, index: layerRank(remote.RID()), rid: remote.RID(), ssrc: uint32(remote.SSRC()), remote: remote,
		cache: packetcache.New[*buffer](cacheSize(t.kind)), loss: loss.New(loss.Options{})}
	l.jitter.rate = t.codec.ClockRate
	l.svc = l.rid == "" && t.format.scalable()
	t.reading.Add(1)
	t.w.do(func() { t.w.addLayer(t, l) })
	t.peer.sfu.wg.Go(func() {
		l.read()
		t.w.do(func() { t.w.removeLayer(t, l) })
		if t.reading.Add(-1) == 0 {
			t.end()
		}
	})
	t.peer.sfu.wg.Go(func() { l.readRTCP(r) })
}

// end ends the track for everyone. It may be called many times.
func (t *track) end() {
	t.ending.Do(func() {
		t.permitted.Store(false)
		if t.onEnd != nil {
			t.onEnd()
		}
		t.peer.room.removeTrack(t)
		t.peer.tellPublished(t.info, false)
		t.w.do(func() { t.w.endTrack(t) })
	})
}

func (t *track) subscriptions() []*subscription {
	if l := t.subs.Load(); l != nil {
		return *l
	}
	return nil
}

// subscribe adds s to the fan-out with the right that its receiver has now.
func (t *track) subscribe(s *subscription) {
	r := t.peer.room
	r.mu.Lock()
	s.allowed.Store(r.mayReceiveLocked(s.peer, t))
	t.mu.Lock()
	if l := t.subscriptions(); !slices.Contains(l, s) {
		l = append(slices.Clone(l), s)
		t.subs.Store(&l)
	}
	t.mu.Unlock()
	r.mu.Unlock()
}

// unsubscribe takes s, whose right is gone, out of the fan-out.
func (t *track) unsubscribe(s *subscription) {
	t.peer.room.forwards.left(s) // before it is out of reach
	t.mu.Lock()
	defer t.mu.Unlock()
	l := slices.DeleteFunc(slices.Clone(t.subscriptions()), func(x *subscription) bool { return x == s })
	t.subs.Store(&l)
}

// read takes the stream's packets until it ends. Malformed packets are
// counted and ignored; only an endless row of them ends the stream.
func (l *layer) read() {
	p := l.track.peer
	allowed := allowance{perSecond: packetsPerSecond}
	if l.track.kind == webrtc.RTPCodecTypeAudio {
		allowed.perSecond, allowed.bytes = soundPerSecond, soundBytes
	}
	bad := 0
	for bad < badInARow {
		b := buffers.Get().(*buffer)
		n, _, err := l.remote.Read(b.data[:])
		if err != nil {
			buffers.Put(b)
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || p.isClosed() {
				return
			}
			p.fault(faultRTP)
			bad++
			continue
		}
		if !l.parse(b, n) {
			buffers.Put(b)
			p.fault(faultRTP)
			bad++
			continue
		}
		bad = 0
		b.arrived = time.Now()
		if !allowed.take(n, b.arrived) {
			buffers.Put(b)
			p.fault(faultRate)
			continue
		}
		if !l.track.w.push(b) {
			buffers.Put(b)
			p.sfu.metrics.queueFull.Inc()
		}
	}
	p.sfu.log.Warn("media: stream of malformed packets ended", "track", l.track.info.ID)
}

// parse reads all that forwarding needs of a packet, once.
func (l *layer) parse(b *buffer, n int) bool {
	var err error
	if b.head, err = packet.Parse(b.data[:n]); err != nil || b.head.SSRC != l.ssrc {
		return false
	}
	b.layer, b.n, b.key, b.level, b.red = l, n, false, noLevel, 0
	b.chained, b.starts, b.fresh, b.frame, b.chain = false, false, false, 0, [packet.MaxSpatial]uint8{}
	b.vp8, b.spatial, b.serves, b.temporal, b.ends, b.layers, b.sizes = packet.VP8{}, 0, simulcast.Max-1, temporal{}, false, 0, [packet.MaxSpatial]packet.Resolution{}
	t := l.track
	b.findExtensions(&t.ext)
	payload := b.payload()
	switch {
	case t.kind == webrtc.RTPCodecTypeAudio:
		b.key = true
		if v, _, ok := packet.AudioLevel(b.extension(extLevel)); ok {
			b.level = v
		}
		if t.redPT != 0 && b.head.PayloadType == t.redPT && len(payload) > 0 {
			return t.parseRED(b)
		}
	case len(payload) == 0: // padding
	case t.format == formatVP8:
		if b.vp8, err = packet.ParseVP8(payload); err != nil {
			return false
		}
		b.key, b.sizes[0] = b.vp8.KeyFrame, packet.Resolution{Width: b.vp8.Width, Height: b.vp8.Height}
		b.temporal = synced(b.vp8.Temporal, b.vp8.Sync)
		l.describe(b)
	case t.format == formatVP9:
		return l.parseVP9(b)
	case t.format == formatAV1:
		l.parseAV1(b)
	case t.format == formatH264:
		h := packet.ParseH264(payload)
		l.inBand = l.inBand || h.SPS
		b.key = h.SPS || h.IDR && !l.inBand // without its parameter sets a slice shows nothing
		b.sizes[0] = packet.Resolution{Width: h.Width, Height: h.Height}
		l.describe(b)
	}
	return true
}

// readRTCP takes the publisher's sender reports.
func (l *layer) readRTCP(r *webrtc.RTPReceiver) {
	buf := make([]byte, bufferSize)
	allowed := allowance{perSecond: rtcpPerSecond}
	for {
		var n int
		var err error
		if rid := l.remote.RID(); rid != "" {
			n, _, err = r.ReadSimulcast(buf, rid)
		} else {
			n, _, err = r.Read(buf)
		}
		if err != nil {
			if errors.Is(err, io.ErrShortBuffer) {
				continue
			}
			return
		}
		now := time.Now()
		if !allowed.take(n, now) {
			l.track.peer.fault(faultRate)
			continue
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			l.track.peer.fault(faultRTCP)
			continue
		}
		for _, p := range packets {
			if sr, ok := p.(*rtcp.SenderReport); ok && sr.SSRC == l.ssrc {
				rep := senderReport{sr.NTPTime, sr.RTPTime, now}
				l.track.w.do(func() { l.takeReport(rep) })
			}
		}
	}
}
