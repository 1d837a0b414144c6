package signaling

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzDecode holds that no message of a client breaks the parser, and that what it accepts is of the
// type that the message names.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"type":"hello","version":1,"resume":"x"}`, `{"type":"line","ref":"r1","id":"0190c0de-0000-7000-8000-000000000001","speaker":"a","text":"b"}`,
		`{"type":"candidate","target":"pub","candidate":{"candidate":"candidate:1 1 udp 1 127.0.0.1 9 typ host","sdpMid":"0"}}`,
		`{"type":"hand","raised":true,"person":null}`, `{"type":"phase","to":"debate"}`, `{"type":"phase","to":7}`, `[]`, `{}`, `null`, `{"type":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ref, r, err := decode(data)
		if err != nil {
			if r != nil {
				t.Errorf("a request beside the error %v", err)
			}
			return
		}
		var env envelope
		if json.Unmarshal(data, &env) != nil || env.Type != r.kind() || env.Ref != ref || len(ref) > maxRef {
			t.Errorf("%q became %s with ref %q", data, r.kind(), ref)
		}
	})
}

func TestEncode(t *testing.T) {
	for want, r := range map[string]reply{
		`{"type":"done","ref":"r1"}`:                        &doneReply{Ref: "r1"},
		`{"type":"failed","ref":"","code":"stale"}`:         &failedReply{Code: "stale"},
		`{"type":"speaking","peers":["a","b"],"first":"b"}`: &speakingReply{Peers: []string{"a", "b"}, First: "b"},
		`{"type":"notice","code":"muted","by":"林静"}`:        &noticeReply{Code: "muted", By: "林静"},
	} {
		got, err := encode(r)
		if err != nil || string(got) != want {
			t.Errorf("%s, want %s (%v)", got, want, err)
		}
	}
}

func TestClip(t *testing.T) {
	for _, s := range []string{"", "short", strings.Repeat("庭", 80)} {
		got := clip(s, 100)
		if len(got) > 100 || !strings.HasPrefix(s, got) || (len(s) <= 100 && got != s) {
			t.Errorf("clip(%q) = %q", s, got)
		}
		if strings.ContainsRune(got, 0xfffd) {
			t.Errorf("clip cut a rune: %q", got)
		}
	}
}
