// Package relay is the court's TURN server (RFC 8656) and what clients are
// told of the ways to the media port. The relay exists for one purpose: to
// carry a person's media to the SFU where their network lets nothing else
// out. It therefore reaches the SFU's own sockets and nothing else, unless
// it is opened to public addresses; Denied addresses are never reached.
package relay
