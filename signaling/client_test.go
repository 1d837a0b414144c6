package signaling

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"yunting/docket"
)

// client is a person in the room: a real socket, and with join real WebRTC.
type client struct {
	t    testing.TB
	c    *court
	seat string
	ws   *websocket.Conn
	says atomic.Pointer[string] // stands in every packet of sound; nil: silence
	sent atomic.Int32           // packets of sound

	mu        sync.Mutex // guards the fields below
	refs      int
	welcome   welcomeReply
	room      roomReply
	people    map[uuid.UUID]Person
	lines     map[uuid.UUID]line
	answers   []answer
	integrity *integrityReply
	notices   []string
	drain     drainReply
	settled   map[string]string // ref to "" or the code of the refusal
	ended     error             // why the socket ended
	media     *mediaReply
	pub, sub  *webrtc.PeerConnection
	early     map[string][]webrtc.ICECandidateInit
	heard     map[string]int // RTP packets by the sender's peer id, of a screen by its stream's
	heardAt   time.Time      // of the last packet of any sender
	gap       time.Duration  // the longest between two, since calm
}

// connect opens a socket and says hello.
func (c *court) connect(t testing.TB, seat, resume string) *client {
	t.Helper()
	p := c.dial(t, seat)
	p.send("hello", map[string]any{"version": Version, "resume": resume})
	eventually(t, seat+" is welcome", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.welcome.Resume != "" || p.ended != nil
	})
	return p
}

// raw opens a socket that nobody reads.
func (c *court) raw(t testing.TB, seat string) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(c.web.URL, "http")+"/?seat="+seat, nil)
	check(t, err)
	t.Cleanup(func() { ws.Close() })
	return ws
}

func (c *court) dial(t testing.TB, seat string) *client {
	t.Helper()
	ws := c.raw(t, seat)
	p := &client{t: t, c: c, seat: seat, ws: ws, people: map[uuid.UUID]Person{}, lines: map[uuid.UUID]line{},
		settled: map[string]string{}, heard: map[string]int{}, early: map[string][]webrtc.ICECandidateInit{}}
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.read()
	}()
	t.Cleanup(func() {
		ws.Close()
		<-read
		p.closeMedia()
	})
	return p
}

func (p *client) id() uuid.UUID { return p.c.people[p.seat].Account }

func (p *client) send(kind string, fields map[string]any) {
	message := map[string]any{"type": kind}
	for k, v := range fields {
		message[k] = v
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	// A socket that ended shows in the next condition that is waited for.
	_ = p.ws.WriteJSON(message)
}

// ask sends a request and returns the code of its refusal, or "".
func (p *client) ask(kind string, fields map[string]any) string {
	p.t.Helper()
	p.mu.Lock()
	p.refs++
	ref := fmt.Sprintf("%s-%d", p.seat, p.refs)
	p.mu.Unlock()
	all := map[string]any{"ref": ref}
	for k, v := range fields {
		all[k] = v
	}
	p.send(kind, all)
	var code string
	eventually(p.t, p.seat+"'s "+kind+" is answered", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		var answered bool
		code, answered = p.settled[ref]
		return answered || p.ended != nil
	})
	return code
}

// must sends a request that may not be refused.
func (p *client) must(kind string, fields map[string]any) {
	p.t.Helper()
	if code := p.ask(kind, fields); code != "" {
		p.t.Fatalf("%s: %s is refused: %s", p.seat, kind, code)
	}
}

func (p *client) read() {
	for {
		_, data, err := p.ws.ReadMessage()
		if err != nil {
			p.mu.Lock()
			p.ended = err
			p.mu.Unlock()
			return
		}
		if err := p.take(data); err != nil {
			p.t.Errorf("%s: %v", p.seat, err)
		}
	}
}

func (p *client) take(data []byte) error {
	var env struct{ Type, Ref, Code string }
	if err := json.Unmarshal(data, &env); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch env.Type {
	case "welcome":
		p.welcome = welcomeReply{}
		if err := json.Unmarshal(data, &p.welcome); err != nil {
			return err
		}
		p.room, p.answers, p.integrity = p.welcome.Room, p.welcome.Answers, p.welcome.Integrity
		p.people, p.lines = map[uuid.UUID]Person{}, map[uuid.UUID]line{}
		for _, x := range p.welcome.People {
			p.people[x.ID] = x
		}
		for _, x := range p.welcome.Lines {
			p.lines[x.ID] = x
		}
	case "room":
		p.room = roomReply{}
		return json.Unmarshal(data, &p.room)
	case "person":
		var m personReply
		err := json.Unmarshal(data, &m)
		p.people[m.Person.ID] = m.Person
		return err
	case "line":
		var m lineReply
		err := json.Unmarshal(data, &m)
		p.lines[m.Line.ID] = m.Line
		return err
	case "answers":
		var m answersReply
		err := json.Unmarshal(data, &m)
		p.answers = m.Answers
		return err
	case "integrity":
		p.integrity = new(integrityReply)
		return json.Unmarshal(data, p.integrity)
	case "drain":
		return json.Unmarshal(data, &p.drain)
	case "notice":
		p.notices = append(p.notices, env.Code)
	case "done":
		p.settled[env.Ref] = ""
	case "failed":
		p.settled[env.Ref] = env.Code
	default:
		return p.takeMedia(env.Type, data)
	}
	return nil
}

// takeMedia handles the messages of the two peer connections; p.mu is held.
func (p *client) takeMedia(kind string, data []byte) error {
	switch kind {
	case "media":
		p.media = new(mediaReply)
		return json.Unmarshal(data, p.media)
	case "published":
		var m publishedReply
		if err := json.Unmarshal(data, &m); err != nil {
			return err
		}
		err := p.pub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: m.SDP})
		return errors.Join(err, p.flush("pub", p.pub))
	case "subscribe":
		var m subscribeReply
		if err := json.Unmarshal(data, &m); err != nil {
			return err
		}
		return p.subscribe(m.SDP)
	case "candidate":
		var m candidateReply
		if err := json.Unmarshal(data, &m); err != nil {
			return err
		}
		pc := p.pub
		if m.Target == "sub" {
			pc = p.sub
		}
		if pc == nil || pc.RemoteDescription() == nil {
			p.early[m.Target] = append(p.early[m.Target], m.Candidate)
			return nil
		}
		return pc.AddICECandidate(m.Candidate)
	}
	return nil
}

func (p *client) flush(target string, pc *webrtc.PeerConnection) error {
	var errs []error
	for _, c := range p.early[target] {
		errs = append(errs, pc.AddICECandidate(c))
	}
	p.early[target] = nil
	return errors.Join(errs...)
}

func (p *client) subscribe(sdp string) error {
	if p.sub == nil {
		return nil
	}
	if err := p.sub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sdp}); err != nil {
		return err
	}
	answer, err := p.sub.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := p.sub.SetLocalDescription(answer); err != nil {
		return err
	}
	if err := p.flush("sub", p.sub); err != nil {
		return err
	}
	return p.ws.WriteJSON(map[string]any{"type": "subscribed", "sdp": answer.SDP})
}

// join opens the media: a voice and a picture that flow until the test ends.
func (p *client) join() {
	p.t.Helper()
	config := webrtc.Configuration{}
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings))
	pub, err := api.NewPeerConnection(config)
	check(p.t, err)
	sub, err := api.NewPeerConnection(config)
	check(p.t, err)
	for target, pc := range map[string]*webrtc.PeerConnection{"pub": pub, "sub": sub} {
		pc.OnICECandidate(func(c *webrtc.ICECandidate) {
			if c != nil {
				p.send("candidate", map[string]any{"target": target, "candidate": c.ToJSON()})
			}
		})
	}
	sub.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return // closed with the connection
			}
			if track.Kind() == webrtc.RTPCodecTypeAudio || strings.HasSuffix(track.StreamID(), ".screen") {
				p.mu.Lock()
				p.heard[track.StreamID()]++
				now := time.Now()
				if !p.heardAt.IsZero() {
					p.gap = max(p.gap, now.Sub(p.heardAt))
				}
				p.heardAt = now
				p.mu.Unlock()
			}
		}
	})
	p.mu.Lock()
	p.pub, p.sub = pub, sub // before media is asked for: the server's offer may come at once
	p.mu.Unlock()
	p.must("media", map[string]any{"fresh": true})
	voice, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "mic", "self")
	check(p.t, err)
	_, err = pub.AddTransceiverFromTrack(voice, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	check(p.t, err)
	offer, err := pub.CreateOffer(nil)
	check(p.t, err)
	check(p.t, pub.SetLocalDescription(offer))
	p.must("publish", map[string]any{"sdp": offer.SDP})
	stop, spoken := make(chan struct{}), make(chan struct{})
	go p.speak(voice, stop, spoken)
	p.t.Cleanup(func() {
		close(stop)
		<-spoken
		p.closeMedia()
	})
}

// calm forgets the gaps in what was heard; longest is the longest since.
func (p *client) calm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gap = 0
}

func (p *client) longest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.gap, time.Since(p.heardAt))
}

// speak sends a packet of sound each 20 ms.
func (p *client) speak(voice *webrtc.TrackLocalStaticRTP, stop <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := uint16(0); ; n++ {
		select {
		case <-stop:
			return
		case <-tick.C:
			sound := make([]byte, 303)
			copy(sound, []byte{0xf8, 0xff, 0xfe})
			if words := p.says.Load(); words != nil {
				copy(sound[3:], *words)
			}
			packet := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111, SequenceNumber: n, Timestamp: uint32(n) * 960}, Payload: sound}
			if voice.WriteRTP(packet) != nil {
				return // the connection is closed
			}
			p.sent.Add(1)
		}
	}
}

func (p *client) closeMedia() {
	p.mu.Lock()
	pub, sub := p.pub, p.sub
	p.pub, p.sub = nil, nil
	p.mu.Unlock()
	for _, pc := range []*webrtc.PeerConnection{pub, sub} {
		if pc != nil {
			check(p.t, pc.Close())
		}
	}
}

// hears counts the packets from another's microphone so far.
func (p *client) hears(other *client) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.heard[other.id().String()]
}

func (p *client) sees(other *client) Person {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.people[other.id()]
}

func (p *client) phase() docket.Phase {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.room.Phase
}

// closeCode is the code that the server closed the socket with; 0 while it is open.
func (p *client) closeCode() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var frame *websocket.CloseError
	if errors.As(p.ended, &frame) {
		return frame.Code
	}
	return 0
}

func (p *client) token() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.welcome.Resume
}

func (p *client) standing() Standing { return p.sees(p).Standing }

func (p *client) declare() {
	p.t.Helper()
	p.must("declare", map[string]any{"discipline": true, "noRecording": true})
}

// enter declares, and has the clerk admit a party.
func (c *court) enter(t testing.TB, seat string, clerk *client) *client {
	t.Helper()
	p := c.connect(t, seat, "")
	p.declare()
	if p.standing() == StandLobby {
		clerk.must("admit", map[string]any{"person": p.id(), "identityChecked": true})
	}
	eventually(t, seat+" is in", func() bool { return p.standing() == StandPresent })
	return p
}
