package signaling

import (
	"errors"
	"sync"

	"github.com/google/uuid"
	"github.com/pion/webrtc/v4"

	"yunting/media"
	"yunting/media/relay"
)

// maxBeforeHello bounds what a device check may ask on one socket.
const maxBeforeHello = 120

// probe is the device check's try of the way to the media port: a peer alone in a media room of its
// own, which ends with the socket. Its events come on the peer's goroutine.
type probe struct {
	conn *conn
	once sync.Once
	room *media.Room
	peer *media.Peer

	ticket string // of the relay, once ways were asked for
}

// ways are the STUN and TURN servers for the check alone; what it relays ends with the socket.
func (p *probe) ways() []relay.ICEServer {
	if p.ticket == "" {
		p.ticket = "check:" + uuid.NewString()
	}
	return p.conn.hub.cfg.Ways.Servers(p.ticket)
}

// start answers the client's offer. One probe a socket.
func (p *probe) start(offer string) (string, error) {
	if p.peer != nil {
		return "", errors.New("one probe a socket")
	}
	id := uuid.NewString()
	p.room = p.conn.hub.cfg.SFU.Room("probe:" + id)
	peer, err := p.room.Join(id, media.JoinOptions{
		Permissions: media.Permissions{PublishAudio: true, HiddenFromAll: true},
		Events: media.Events{Candidate: func(target string, c webrtc.ICECandidateInit) {
			p.conn.send(&candidateReply{Target: target, Candidate: c})
		}},
	})
	if err != nil {
		return "", err
	}
	p.peer = peer
	return peer.Publish(offer)
}

func (p *probe) candidate(c webrtc.ICECandidateInit) error {
	if p.peer == nil {
		return errors.New("candidate before probe")
	}
	return p.peer.Candidate(media.TargetPublish, c)
}

func (p *probe) close() {
	p.once.Do(func() {
		if p.ticket != "" {
			p.conn.hub.cfg.Ways.Revoke(p.ticket)
		}
		if p.room != nil {
			p.room.Close()
		}
	})
}
