package main

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pion/webrtc/v4"
)

// received is a stretch of who received whom, as the database has it.
type received struct {
	Receiver, Track string
	From, To        time.Time
	Packets         int64
}

// watch plays all of the hearing by WHEP as a program would, and returns the session's address.
func (p *process) watch(token, hearing string) string {
	p.t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = pc.Close() }) // its server may be gone
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			p.t.Fatal(err)
		}
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		p.t.Fatal(err)
	}
	<-gathered
	var location, answer string
	p.until("something to watch", func() bool {
		var status int
		status, location, answer = p.stream(token, http.MethodPost, "/whep/"+hearing, pc.LocalDescription().SDP)
		return status == http.StatusCreated
	})
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		p.t.Fatal(err)
	}
	return location
}

// stream asks at an address of WHIP or WHEP.
func (p *process) stream(token, method, path, sdp string) (status int, location, answer string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(sdp))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/sdp")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("Location"), string(body)
}

// forwardings are the stretches that the database has of the hearing.
func (p *process) forwardings(hearing string) []received {
	p.t.Helper()
	rows, end, err := p.query(p.t.Context(), `SELECT receiver, track, from_at, to_at, packets FROM hearing_forwardings WHERE hearing_id = $1`, hearing)
	if err != nil {
		p.t.Fatal(err)
	}
	defer end()
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[received])
	if err != nil {
		p.t.Fatal(err)
	}
	return list
}

// killWhileForwarding kills the server while the list of who received whom is written each second: one player has left,
// another watches. It returns what has to be in the list ever after, and when the server ended.
func (p *process) killWhileForwarding(token, hearing string) (kept []received, ended time.Time) {
	p.t.Helper()
	left := p.watch(token, hearing)
	p.until("a stretch that is stored", func() bool { return len(p.forwardings(hearing)) >= 2 })
	if status, _, body := p.stream(token, http.MethodDelete, left, ""); status != http.StatusOK {
		p.t.Fatalf("%d %s", status, body)
	}
	gone := time.Now()
	p.watch(token, hearing)
	p.until("stretches that begin after the first player left, and grow", func() bool {
		kept = p.forwardings(hearing)
		later := 0
		for _, f := range kept {
			if f.From.After(gone) && f.To.Sub(f.From) > 3*time.Second {
				later++
			}
		}
		return later >= 2
	})
	p.kill()
	return kept, time.Now()
}

// checkForwardings demands that every stretch that was stored before the kill is there, none shorter, that those that
// went on lack little of their end, and that the players are still told apart.
func (p *process) checkForwardings(hearing string, kept []received, ended time.Time) {
	p.t.Helper()
	now := map[[2]string]map[time.Time]received{}
	for _, f := range p.forwardings(hearing) {
		key := [2]string{f.Receiver, f.Track}
		if now[key] == nil {
			now[key] = map[time.Time]received{}
		}
		now[key][f.From] = f
	}
	var newest time.Time
	for _, f := range kept {
		is, ok := now[[2]string{f.Receiver, f.Track}][f.From]
		if !ok || is.To.Before(f.To) || is.Packets < f.Packets {
			p.t.Errorf("%+v is %+v after the kill", f, is)
		}
		if is.To.After(newest) {
			newest = is.To
		}
	}
	missing := ended.Sub(newest)
	p.t.Logf("%d stretches, of which the kill took the last %v", len(kept), missing)
	if missing > 10*time.Second { // written each second; the machine may be busy with other tests
		p.t.Errorf("the last %v are missing", missing)
	}
}
