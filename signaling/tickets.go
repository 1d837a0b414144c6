package signaling

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/google/uuid"

	"yunting/internal/identity"
	"yunting/media"
	"yunting/media/relay"
)

const (
	ticketEvery   = 400 * time.Millisecond // a ticket that ended stops media within a second
	ticketTimeout = 5 * time.Second        // of one check
)

// Ticket is what lets somebody be in a hearing: their session or API token, and the seat that their standing in
// the case gave them.
type Ticket struct {
	Actor   identity.Actor
	Case    uuid.UUID
	Hearing uuid.UUID
	Seat    Seat
}

// CheckTickets lets valid tell, several times a second, which of the tickets in use still hold, and ends the
// sockets and the media of the others. When valid fails nothing ends, for a hearing must outlast its database's
// restart. It runs until Shutdown; call it once, before the first Serve.
func (h *Hub) CheckTickets(valid func(ctx context.Context, tickets []Ticket) ([]bool, error)) {
	h.checks.Go(func() {
		tick := time.NewTicker(ticketEvery)
		defer tick.Stop()
		for {
			select {
			case <-h.ctx.Done():
				return
			case <-tick.C:
				h.checkTickets(valid)
			}
		}
	})
}

// HoldMedia binds a media peer that no socket holds, such as an encoder's or a player's, to a ticket.
func (h *Hub) HoldMedia(p *media.Peer, t Ticket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held[p] = t
}

func (h *Hub) releaseMedia(p *media.Peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.held, p)
}

func (h *Hub) checkTickets(valid func(context.Context, []Ticket) ([]bool, error)) {
	tickets, ends := h.tickets()
	if len(tickets) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), ticketTimeout)
	defer cancel()
	hold, err := valid(ctx, tickets)
	if err != nil {
		h.log.Error("signaling: tickets cannot be checked", "error", err)
		return
	}
	for i, ok := range hold {
		if !ok {
			h.log.Info("signaling: a ticket ended", "hearing", tickets[i].Hearing, "seat", tickets[i].Seat)
			ends[i]()
		}
	}
}

// tickets are those in use, with what ends their use.
func (h *Hub) tickets() (tickets []Ticket, ends []func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		tickets = append(tickets, c.ticket())
		ends = append(ends, c.revoke)
	}
	for p, t := range h.held {
		if ended(p) {
			delete(h.held, p)
			continue
		}
		tickets = append(tickets, t)
		ends = append(ends, p.Close)
	}
	return tickets, ends
}

func (c *conn) ticket() Ticket {
	return Ticket{Actor: c.actor, Case: c.kase, Hearing: c.hearing, Seat: c.seat}
}

// revoke ends the media at once, and then the socket.
func (c *conn) revoke() {
	if p := c.peer.Load(); p != nil {
		p.Close()
	}
	c.close(errRevoked)
}

func ended(p *media.Peer) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// StreamServers are the STUN and TURN servers for an account's encoder or player in a hearing; end takes their
// credentials back.
func (h *Hub) StreamServers(hearing, account uuid.UUID) (servers []relay.ICEServer, end func()) {
	ticket := hearing.String() + ":" + account.String() + ":" + rand.Text()
	return h.cfg.Ways.Servers(ticket), func() { h.cfg.Ways.Revoke(ticket) }
}

// WatcherID is a media peer of a player that account watches by: one of many.
func WatcherID(account uuid.UUID) string { return watcherPrefix(account) + rand.Text()[:12] }

// WatcherAccount is the account whose player a media peer is, and whether it is a player at all.
func WatcherAccount(peer string) (account string, player bool) {
	rest, player := strings.CutPrefix(peer, "watch-")
	if !player || len(rest) < 36 {
		return "", false
	}
	return rest[:36], true
}

func watcherPrefix(account uuid.UUID) string { return "watch-" + account.String() + "-" }
