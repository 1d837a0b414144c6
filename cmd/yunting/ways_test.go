package main

import (
	"log/slog"
	"net"
	"slices"
	"testing"

	"github.com/pion/stun/v4"
)

func TestWaysThatCannotWork(t *testing.T) {
	for _, args := range [][]string{
		{"--turn-port", "70000"}, {"--turn-tls-port", "5349"}, {"--turn-port", "3478", "--turn-tls-port", "5349"},
		{"--turn-port", "3478", "--turn-relay-ports", "9-1"}, {"--ice-server", "http://turn.example"},
		{"--ice-server", "turn:turn.example"}, {"--media-address", "court.example"}, {"--media-address", "stun:court.example"},
	} {
		if err := parsed(t, args...).complete(); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
	if err := parsed(t, "--turn-port", "3478", "--ice-server", "turn:turn.example", "--ice-secret", "s").complete(); err != nil {
		t.Error(err)
	}
}

// TestPublicAddressIsAsked: what a STUN server sees goes to media beside what was given.
func TestPublicAddressIsAsked(t *testing.T) {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		b := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			request := &stun.Message{Raw: b[:n]}
			if err := request.Decode(); err != nil {
				t.Error(err)
			}
			answer, err := stun.Build(request, stun.BindingSuccess, &stun.XORMappedAddress{IP: net.IPv4(203, 0, 113, 7), Port: 1})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := server.WriteTo(answer.Raw, from); err != nil {
				t.Error(err)
			}
		}
	}()
	o := parsed(t, "--media-address", "198.51.100.1", "--media-address", "stun:"+server.LocalAddr().String())
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	c := &court{options: *o, log: slog.New(slog.DiscardHandler)}
	if err := c.discoverAddresses(t.Context()); err != nil {
		t.Error(err)
	}
	if got := c.mediaConfig().PublicIPs; !slices.Equal(got, []string{"198.51.100.1", "203.0.113.7"}) {
		t.Errorf("media announces %v", got)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	<-served
}
