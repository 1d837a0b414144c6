package signaling

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"yunting/docket"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
	)
}

// TestHearing plays a whole hearing with four people on real sockets and real WebRTC.
func TestHearing(t *testing.T) {
	c := newCourt(t)
	judge := c.connect(t, "judge", "")
	if got := judge.standing(); got != StandDeclaring {
		t.Fatalf("judge stands %s before declaring", got)
	}
	if code := judge.ask("declare", map[string]any{"discipline": true}); code != "declaration-incomplete" {
		t.Fatalf("half a declaration: %q", code)
	}
	if code := judge.ask("media", map[string]any{}); code != "not-admitted" {
		t.Fatalf("media before declaring: %q", code)
	}
	judge.declare()
	clerk := c.enter(t, "clerk", nil)
	plaintiff := c.connect(t, "plaintiff", "")
	plaintiff.declare()
	eventually(t, "plaintiff waits", func() bool { return clerk.sees(plaintiff).Standing == StandLobby })
	if code := clerk.ask("admit", map[string]any{"person": plaintiff.id()}); code != "identity-unchecked" {
		t.Fatalf("admission without identity check: %q", code)
	}
	if code := judge.ask("admit", map[string]any{"person": plaintiff.id(), "identityChecked": true}); code != "forbidden" {
		t.Fatalf("admission by the judge: %q", code)
	}
	clerk.must("admit", map[string]any{"person": plaintiff.id(), "identityChecked": true})
	defendant := c.enter(t, "defendant", clerk)
	all := []*client{judge, clerk, plaintiff, defendant}
	for _, p := range all {
		p.join()
	}
	for _, a := range all {
		for _, b := range all {
			if a != b {
				eventually(t, a.seat+" hears "+b.seat, func() bool { return a.hears(b) > 10 })
			}
		}
	}
	c.open(judge, all)
	c.transcribe(clerk, all)
	c.mute(judge, plaintiff, defendant)
	c.recess(judge, all)
	c.remove(judge, defendant, clerk)
	c.close(judge, clerk, plaintiff)
}

func (c *court) open(judge *client, all []*client) {
	c.t.Helper()
	if code := all[1].ask("phase", map[string]any{"to": "opening"}); code != "forbidden" {
		c.t.Fatalf("the clerk opens: %q", code)
	}
	if code := judge.ask("phase", map[string]any{"to": "debate"}); code != "conflict" {
		c.t.Fatalf("debate before opening: %q", code)
	}
	judge.must("phase", map[string]any{"to": "opening"})
	judge.must("phase", map[string]any{"to": "investigation"})
	for _, p := range all {
		eventually(c.t, p.seat+" is told", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.room.Phase == docket.PhaseInvestigation && p.room.Recording && p.room.OpenedAt != nil
		})
	}
}

func (c *court) transcribe(clerk *client, all []*client) {
	c.t.Helper()
	id := uuid.New()
	said := map[string]any{"id": id, "speaker": "原告 张伟", "text": "请求判令被告支付货款。"}
	if code := all[2].ask("line", said); code != "forbidden" {
		c.t.Fatalf("a party writes: %q", code)
	}
	clerk.must("line", said)
	clerk.must("line", said) // again after a lost answer: no second line
	clerk.must("revise", map[string]any{"id": id, "revision": 1, "speaker": "原告 张伟", "text": "请求判令被告支付货款十万元。"})
	if code := clerk.ask("revise", map[string]any{"id": id, "revision": 1, "speaker": "原告 张伟", "text": "别的"}); code != "stale" {
		c.t.Fatalf("revision of an old wording: %q", code)
	}
	for _, p := range all {
		eventually(c.t, p.seat+" reads the line", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return len(p.lines) == 1 && p.lines[id].Text == "请求判令被告支付货款十万元。" && p.lines[id].Revision == 2
		})
	}
}

func (c *court) mute(judge, plaintiff, other *client) {
	c.t.Helper()
	if code := other.ask("mute", map[string]any{"person": plaintiff.id(), "muted": true}); code != "forbidden" {
		c.t.Fatalf("a party mutes: %q", code)
	}
	judge.must("mute", map[string]any{"person": plaintiff.id(), "muted": true})
	eventually(c.t, "plaintiff is told", func() bool {
		plaintiff.mu.Lock()
		defer plaintiff.mu.Unlock()
		return slices.Contains(plaintiff.notices, "muted")
	})
	c.silent(plaintiff, other)
	judge.must("mute", map[string]any{"person": plaintiff.id(), "muted": false})
	before := other.hears(plaintiff)
	eventually(c.t, "unmuted is heard again", func() bool { return other.hears(plaintiff) > before+5 })
}

// silent waits until nothing of speaker's voice reaches listener for a quarter of a second, in which
// a dozen packets are sent.
func (c *court) silent(speaker, listener *client) {
	c.t.Helper()
	last, since := listener.hears(speaker), time.Now()
	eventually(c.t, speaker.seat+" is not heard", func() bool {
		if now := listener.hears(speaker); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 250*time.Millisecond
	})
}

func (c *court) recess(judge *client, all []*client) {
	c.t.Helper()
	judge.must("phase", map[string]any{"to": "recess"})
	eventually(c.t, "recess is told", func() bool { return all[3].phase() == docket.PhaseRecess })
	c.silent(judge, all[3])
	judge.must("phase", map[string]any{"to": "investigation"})
	before := all[3].hears(judge)
	eventually(c.t, "heard after recess", func() bool { return all[3].hears(judge) > before+5 })
}

func (c *court) remove(judge, defendant, clerk *client) {
	c.t.Helper()
	judge.must("remove", map[string]any{"person": defendant.id(), "reason": "扰乱法庭秩序"})
	eventually(c.t, "defendant is out", func() bool { return defendant.closeCode() == CloseRemoved })
	eventually(c.t, "the others see it", func() bool { return clerk.sees(defendant).Standing == StandRemoved })
	again := c.connect(c.t, "defendant", "")
	eventually(c.t, "no way back", func() bool { return again.closeCode() == CloseRemoved })
	want := "discipline_acknowledged declared arrived identity_checked admitted joined removed"
	if got := strings.Join(c.events(defendant.id()), " "); got != want {
		c.t.Errorf("events of the defendant\n got %s\nwant %s", got, want)
	}
}

func (c *court) close(judge, clerk, plaintiff *client) {
	c.t.Helper()
	for _, phase := range []string{"debate", "final_statements", "closed"} {
		judge.must("phase", map[string]any{"to": phase})
	}
	eventually(c.t, "closing is told", func() bool { return plaintiff.phase() == docket.PhaseClosed })
	if code := clerk.ask("answer-transcript", map[string]any{"confirm": true}); code != "forbidden" {
		c.t.Fatalf("the clerk confirms: %q", code)
	}
	plaintiff.must("answer-transcript", map[string]any{"confirm": true})
	eventually(c.t, "the clerk sees the confirmation", func() bool {
		clerk.mu.Lock()
		defer clerk.mu.Unlock()
		return len(clerk.answers) == 1 && clerk.answers[0].Confirmed && clerk.answers[0].Account == plaintiff.id()
	})
	if s, _ := c.hub.Load().Room(c.hearing.ID); s.Recording {
		c.t.Error("recording goes on after closing")
	}
}

// TestResume drops a socket: the person comes back to the same media peer, and the record says network.
func TestResume(t *testing.T) {
	c := newCourt(t)
	clerk := c.enter(t, "clerk", nil)
	clerk.join()
	plaintiff := c.enter(t, "plaintiff", clerk)
	plaintiff.join()
	eventually(t, "clerk hears", func() bool { return clerk.hears(plaintiff) > 5 })
	token := plaintiff.token()
	check(t, plaintiff.ws.UnderlyingConn().Close())
	eventually(t, "the clerk sees the loss", func() bool { return clerk.sees(plaintiff).Connection == ConnLost })
	before := clerk.hears(plaintiff)
	clerk.calm()
	eventually(t, "the voice goes on without the socket", func() bool { return clerk.hears(plaintiff) > before+5 })
	start := time.Now()
	back := c.connect(t, "plaintiff", token)
	took := time.Since(start)
	if took > 3*time.Second {
		t.Errorf("resumed after %s", took)
	}
	eventually(t, "the voice goes on over the resumed session", func() bool { return clerk.hears(plaintiff) > before+100 })
	t.Logf("back after %s; the longest silence meanwhile was %s", took.Round(time.Millisecond), clerk.longest().Round(time.Millisecond))
	if silence := clerk.longest(); silence > time.Second {
		t.Errorf("media stopped for %s while the socket was away", silence)
	}
	back.mu.Lock()
	if !back.welcome.Resumed || !back.welcome.Media {
		t.Errorf("welcome: resumed %t, media %t", back.welcome.Resumed, back.welcome.Media)
	}
	back.mu.Unlock()
	if back.standing() != StandPresent {
		t.Errorf("stands %s", back.standing())
	}
	again := c.connect(t, "plaintiff", token) // as if the welcome had been lost on the way
	again.mu.Lock()
	if !again.welcome.Resumed || !again.welcome.Media {
		t.Errorf("the token shown last: resumed %t, media %t", again.welcome.Resumed, again.welcome.Media)
	}
	again.mu.Unlock()
	back = again
	want := "discipline_acknowledged declared arrived identity_checked admitted joined network_lost network_restored"
	if got := strings.Join(c.events(plaintiff.id()), " "); got != want {
		t.Errorf("events\n got %s\nwant %s", got, want)
	}
	stranger := c.otherPages(token)
	stranger.send("leave", nil)
	eventually(t, "left", func() bool { return clerk.sees(plaintiff).Standing == StandLeft })
	if kinds := c.events(plaintiff.id()); kinds[len(kinds)-1] != docket.EventLeft {
		t.Errorf("events end with %s", kinds[len(kinds)-1])
	}
}

// otherPages has a page of the plaintiff, which holds a token, come in by two sockets out of order, an earlier page wake up, and a new one take over.
func (c *court) otherPages(token string) *client {
	c.t.Helper()
	dialled := func(attempt int) *client {
		p := c.dial(c.t, "plaintiff")
		p.send("hello", map[string]any{"version": Version, "resume": token, "page": "one page", "attempt": attempt})
		return p
	}
	back := dialled(8)
	eventually(c.t, "the page's eighth socket is welcome", func() bool { return back.token() != "" })
	givenUp := dialled(7)
	eventually(c.t, "a socket that was given up and comes late is closed", func() bool { return givenUp.closeCode() == CloseReplaced })
	if back.closeCode() != 0 {
		c.t.Error("a socket that the page gave up ended the one that it opened instead")
	}
	sleeper := c.connect(c.t, "plaintiff", "not the token") // an earlier page wakes up: the later one stays
	eventually(c.t, "the earlier page is told", func() bool { return sleeper.closeCode() == CloseReplaced })
	if back.closeCode() != 0 {
		c.t.Error("an earlier page took the place of the later one by itself")
	}
	stranger := c.connect(c.t, "plaintiff", "")
	stranger.mu.Lock()
	resumed, media := stranger.welcome.Resumed, stranger.welcome.Media
	stranger.mu.Unlock()
	if resumed || media {
		c.t.Errorf("a new page resumed: %t, media %t", resumed, media)
	}
	eventually(c.t, "the earlier socket is closed", func() bool { return back.closeCode() == CloseReplaced })
	return stranger
}

// TestRestart stops the server in the middle of a hearing and starts another over the same database.
func TestRestart(t *testing.T) {
	c := newCourt(t)
	judge := c.enter(t, "judge", nil)
	clerk := c.enter(t, "clerk", nil)
	plaintiff := c.enter(t, "plaintiff", clerk)
	plaintiff.join()
	judge.must("phase", map[string]any{"to": "opening"})
	judge.must("mute", map[string]any{"person": plaintiff.id(), "muted": true})
	line := uuid.New()
	clerk.must("line", map[string]any{"id": line, "speaker": "书记员", "text": "现在开庭。"})
	token := plaintiff.token()
	c.stop()
	for _, p := range []*client{judge, clerk, plaintiff} {
		eventually(t, p.seat+" is told of the restart", func() bool { return p.closeCode() == CloseRestart })
	}
	c.start()
	back := c.connect(t, "plaintiff", token)
	if back.standing() != StandPresent || !back.sees(back).Muted || !back.sees(back).IdentityChecked {
		t.Errorf("after the restart: %+v", back.sees(back))
	}
	back.mu.Lock()
	if back.room.Phase != docket.PhaseOpening || !back.room.Recording || back.lines[line].Text != "现在开庭。" || back.welcome.Resumed {
		t.Errorf("after the restart: room %+v, lines %+v, resumed %t", back.room, back.lines, back.welcome.Resumed)
	}
	back.mu.Unlock()
	clerk = c.connect(t, "clerk", "")
	if clerk.standing() != StandPresent {
		t.Errorf("clerk stands %s", clerk.standing())
	}
	clerk.must("line", map[string]any{"id": uuid.New(), "speaker": "书记员", "text": "继续。"})
	back.join()
}

// TestRecording finds every participant's file in the blob store and in docket after the close.
func TestRecording(t *testing.T) {
	c := newCourt(t)
	judge := c.enter(t, "judge", nil)
	clerk := c.enter(t, "clerk", nil)
	clerk.join()
	judge.join()
	eventually(t, "sound flows", func() bool { return clerk.hears(judge) > 5 && judge.hears(clerk) > 5 })
	judge.must("phase", map[string]any{"to": "opening"})
	before := clerk.hears(judge)
	eventually(t, "two seconds of hearing", func() bool { return clerk.hears(judge) > before+100 })
	judge.must("phase", map[string]any{"to": "recess"})
	judge.must("phase", map[string]any{"to": "closed"})
	recordings := c.recorded(t, 2)
	for _, r := range recordings {
		stored, err := c.blobs.Stat(t.Context(), r.Blob.Hash)
		check(t, err)
		if stored.Size == 0 || (r.Name != "林静" && r.Name != "王磊") || r.Account == uuid.Nil || !r.Ended.After(r.Started) {
			t.Errorf("recording %+v", r)
		}
		original, err := c.blobs.Stat(t.Context(), r.Original.Hash)
		check(t, err)
		if original.Size != r.Original.Size || original.Size == 0 {
			t.Errorf("original %+v, stored %+v", r.Original, original)
		}
	}
	segments, err := c.docket.Segments(t.Context(), c.hearing.ID)
	check(t, err)
	if len(segments) < 2 {
		t.Fatalf("%d segments", len(segments))
	}
	for _, s := range segments {
		if s.Leaf.ID == 0 || s.Session != recordings[0].Session || s.Size == 0 {
			t.Errorf("segment %+v", s)
		}
	}
	eventually(t, "the hearing has its integrity value", func() bool {
		v, err := c.docket.IntegrityOf(t.Context(), c.hearing.ID)
		return err == nil && !v.Root.IsZero() && v.Items == 3+2*len(recordings)+len(segments)
	})
	// The recorder reports them again after a crash: no second leaf. Another content is a conflict.
	check(t, c.docket.AddSegments(t.Context(), c.hearing.ID, segments))
	again, err := c.docket.Segments(t.Context(), c.hearing.ID)
	check(t, err)
	if len(again) != len(segments) || again[0].Leaf.ID != segments[0].Leaf.ID {
		t.Error("a segment has two leaves")
	}
	segments[0].Hash[0]++
	if err := c.docket.AddSegments(t.Context(), c.hearing.ID, segments[:1]); !errors.Is(err, docket.ErrConflict) {
		t.Errorf("a swapped segment: %v", err)
	}
}

// TestObserver watches a public hearing, sends nothing and writes nothing.
func TestObserver(t *testing.T) {
	c := newCourt(t)
	judge := c.enter(t, "judge", nil)
	judge.join()
	observer := c.enter(t, "observer", nil)
	observer.join()
	eventually(t, "the observer hears the judge", func() bool { return observer.hears(judge) > 5 })
	observer.mu.Lock()
	media := *observer.media
	observer.mu.Unlock()
	if media.PublishAudio || media.PublishVideo {
		t.Errorf("an observer may publish: %+v", media)
	}
	for kind, fields := range map[string]map[string]any{
		"hand":              {"raised": true},
		"share":             {"shared": true},
		"phase":             {"to": "opening"},
		"pause":             {"reason": "mediation"},
		"resume":            {},
		"recording-choice":  {"choice": "retry"},
		"line":              {"id": uuid.New(), "speaker": "x", "text": "y"},
		"mute":              {"person": judge.id(), "muted": true},
		"remove":            {"person": judge.id(), "reason": "x"},
		"admit":             {"person": judge.id(), "identityChecked": true},
		"answer-transcript": {"confirm": true},
	} {
		if code := observer.ask(kind, fields); code != "forbidden" {
			t.Errorf("%s by an observer: %q", kind, code)
		}
	}
	if judge.hears(observer) != 0 {
		t.Error("the observer is heard")
	}
}

// TestRefusals sends what the protocol does not allow and looks at the close codes.
func TestRefusals(t *testing.T) {
	c := newCourt(t)
	for name, x := range map[string]struct {
		message string
		code    int
	}{
		"no JSON":         {`hello`, CloseProtocol},
		"no type":         {`{}`, CloseProtocol},
		"unknown type":    {`{"type":"gavel"}`, CloseProtocol},
		"before hello":    {`{"type":"phase","to":"opening"}`, CloseProtocol},
		"wrong version":   {`{"type":"hello","version":99}`, CloseVersion},
		"wrong field":     {`{"type":"hello","version":"one"}`, CloseProtocol},
		"probe of no SDP": {`{"type":"probe","sdp":"x"}`, CloseProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.dial(t, "clerk")
			check(t, p.ws.WriteMessage(websocket.TextMessage, []byte(x.message)))
			eventually(t, "closed", func() bool { return p.closeCode() == x.code })
		})
	}
	t.Run("too large", func(t *testing.T) {
		p := c.dial(t, "clerk")
		check(t, p.ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello","resume":"`+strings.Repeat("x", maxMessage)+`"}`)))
		eventually(t, "closed", func() bool { return p.closeCode() == websocket.CloseMessageTooBig })
	})
	t.Run("flood", func(t *testing.T) {
		p := c.connect(t, "clerk", "")
		for range maxBurst * 2 {
			p.send("clock", map[string]any{"sent": 1})
		}
		eventually(t, "closed", func() bool { return p.closeCode() == CloseFlood })
	})
	t.Run("origin", func(t *testing.T) {
		header := http.Header{"Origin": {"https://elsewhere.example"}}
		_, answer, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(c.web.URL, "http")+"/?seat=clerk", header)
		if err == nil || answer == nil || answer.StatusCode != http.StatusForbidden {
			t.Errorf("a page of elsewhere opened a socket: %v", err)
		}
	})
}
