package relay

import (
	"testing"
	"time"
)

func TestExternalServersGetCredentialsOfTheirOwn(t *testing.T) {
	w := &Ways{External: []string{"stun:stun.example:3478", "turn:turn.example:3478"}, Secret: "shared", Now: func() time.Time { return time.Unix(1000, 0) }}
	servers := w.Servers("person")
	if len(servers) != 2 || servers[0].Username != "" || servers[0].Credential != "" {
		t.Fatalf("servers %+v: want STUN without credentials", servers)
	}
	if got := servers[1]; got.Username != "22600:person" || got.Credential != passwordOf([]byte("shared"), "22600:person") || got.Credential == passwordOf([]byte("other"), "22600:person") {
		t.Errorf("TURN's credential is %+v", got)
	}
	var none *Ways
	if got := none.Servers("person"); got == nil || len(got) != 0 {
		t.Errorf("no ways are told as %v, want an empty list", got)
	}
	none.Revoke("person")
}
