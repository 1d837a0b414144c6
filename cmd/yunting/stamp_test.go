package main

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"yunting/docket"
)

// TestVerifySaysSinceWhenARecordingStands exports the demonstration's heard case, whose integrity value the court's own
// time-stamp authority stamped, and checks it offline in both languages.
func TestVerifySaysSinceWhenARecordingStands(t *testing.T) {
	p := startDemo(t, "--no-participants", "--log-level", "warn")
	path, authority := heardExport(t, p)
	roots := filepath.Join(p.dir, "keys", "signing", "roots.pem")
	for _, c := range []struct {
		verify verifyCommand
		says   []string
	}{
		{verifyCommand{Lang: "zh-CN", Roots: roots}, []string{"完整：0 个录制分段、3 个录像文件", "起未被改动", "时间戳（RFC 3161）有效", "“" + authority + "”", "证书链可信", "没有超过 200 毫秒的中断"}},
		{verifyCommand{Lang: "en"}, []string{"whole: 0 segments and 3 files", "unaltered since", "time-stamp (RFC 3161) valid: it was there at 20", authority, "no --roots", "no gap of more than 200 ms"}},
	} {
		said, failed := verified(t, c.verify, path)
		for _, want := range c.says {
			if failed || !strings.Contains(said, want) {
				t.Errorf("%s: %q is not in\n%s", c.verify.Lang, want, said)
			}
		}
	}
	_, foreign := signedFile(t, t.TempDir())
	if said, failed := verified(t, verifyCommand{Roots: foreign}, path); !failed || !strings.Contains(said, "time-stamp of the integrity value of hearing") {
		t.Errorf("under another court's roots: %s", said)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, "/integrity.tst") {
			continue
		}
		at, err := f.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		whole[at+int64(f.CompressedSize64)/2] ^= 1
		said, failed := verified(t, verifyCommand{}, written(t, t.TempDir(), "changed.zip", whole))
		if !failed || !strings.Contains(said, f.Name) || !strings.Contains(said, "time-stamp of the integrity value of hearing") {
			t.Errorf("a changed time-stamp: %s", said)
		}
		return
	}
	t.Error("the export holds no time-stamp")
}

// heardExport exports the demonstration's heard case once its integrity value is stamped, and says by whom.
func heardExport(t *testing.T, p *process) (path, authority string) {
	t.Helper()
	var token struct{ Token string }
	p.call("", "POST", "/api/v1/sessions", map[string]string{"login": "zhangwei", "password": "yunting-demo-2026"}, &token, 201)
	var cases struct{ Cases []docket.Case }
	p.call(token.Token, "GET", "/api/v1/cases?stage=heard", nil, &cases, 200)
	if len(cases.Cases) == 0 {
		t.Fatal("no heard case")
	}
	kase := cases.Cases[0].ID.String()
	var hearings []docket.Hearing
	p.call(token.Token, "GET", "/api/v1/cases/"+kase+"/hearings", nil, &hearings, 200)
	p.until("the time-stamp", func() bool {
		var value docket.Integrity
		p.call(token.Token, "GET", "/api/v1/hearings/"+hearings[0].ID.String()+"/recording/integrity", nil, &value, 200)
		if value.Stamp != nil {
			authority = value.Stamp.Authority
		}
		return authority != ""
	})
	status, data, err := p.try(token.Token, "POST", "/api/v1/cases/"+kase+"/export", nil)
	if err != nil || status != 200 {
		t.Fatalf("export: status %d, %v: %.300s", status, err, data)
	}
	return written(t, t.TempDir(), "case.zip", data), authority
}
