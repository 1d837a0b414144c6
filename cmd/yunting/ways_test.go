package main

import "testing"

func TestWaysThatCannotWork(t *testing.T) {
	for _, args := range [][]string{
		{"--turn-port", "70000"}, {"--turn-tls-port", "5349"}, {"--turn-port", "3478", "--turn-tls-port", "5349"},
		{"--turn-port", "3478", "--turn-relay-ports", "9-1"}, {"--ice-server", "http://turn.example"},
		{"--ice-server", "turn:turn.example"}, {"--media-address", "court.example"},
	} {
		if err := parsed(t, args...).complete(); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
	if err := parsed(t, "--turn-port", "3478", "--ice-server", "turn:turn.example", "--ice-secret", "s").complete(); err != nil {
		t.Error(err)
	}
}
