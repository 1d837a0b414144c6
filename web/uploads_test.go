package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"yunting/docket"
)

// beginUpload creates a tus upload and returns its path.
func (c *apiCourt) beginUpload(login string, caseID uuid.UUID, size int) apiReply {
	c.t.Helper()
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	return c.send(login, http.MethodPost, "/uploads/", nil, "Tus-Resumable", "1.0.0", "Upload-Length", fmt.Sprint(size),
		"Upload-Metadata", "case "+b64(caseID.String())+",filename "+b64("视频.webm")+",name "+b64("交货视频"))
}

func (c *apiCourt) patch(login, path string, offset int, data []byte) apiReply {
	c.t.Helper()
	return c.send(login, http.MethodPatch, path, data, "Tus-Resumable", "1.0.0", "Upload-Offset", fmt.Sprint(offset), "Content-Type", "application/offset+octet-stream")
}

// TestUploadGoesOnAfterTheServerDied sends half a file, serves the same
// directory with a new server as after a kill, and sends the rest there.
func TestUploadGoesOnAfterTheServerDied(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	made, _ := c.draftCase()
	file := bytes.Repeat([]byte("evidence "), 100_000)
	reply := c.beginUpload("plaintiff", made.ID, len(file))
	if reply.status != http.StatusCreated {
		t.Fatalf("create: status %d: %s", reply.status, reply.body)
	}
	place, err := url.Parse(reply.header.Get("Location"))
	apiCheck(t, err)
	id := strings.TrimPrefix(place.Path, "/uploads/")
	half := len(file) / 2
	if reply := c.patch("plaintiff", place.Path, 0, file[:half]); reply.status != http.StatusNoContent {
		t.Fatalf("patch: status %d: %s", reply.status, reply.body)
	}

	next := httptest.NewUnstartedServer(nil)
	config := c.server.Config
	config.PublicURL = "http://" + next.Listener.Addr().String()
	s, err := newServer(config)
	apiCheck(t, err)
	next.Config.Handler = s.handler()
	next.Start()
	t.Cleanup(next.Close)
	c.url = next.URL

	if page := c.page("plaintiff", "/cases/"+made.ID.String()+"/edit", http.StatusOK); !strings.Contains(page, "有没传完的文件") || !strings.Contains(page, "视频.webm") {
		t.Error("the unfinished upload is not offered")
	}
	if reply := c.send("plaintiff", http.MethodHead, place.Path, nil, "Tus-Resumable", "1.0.0"); reply.header.Get("Upload-Offset") != fmt.Sprint(half) {
		t.Fatalf("offset %q, want %d", reply.header.Get("Upload-Offset"), half)
	}
	finish := func() apiReply {
		return c.submit("plaintiff", "/cases/"+made.ID.String()+"/uploads", url.Values{"upload": {id}, "evidence.name": {"交货视频"}}, "Accept", "application/json")
	}
	if reply := finish(); reply.status != http.StatusConflict {
		t.Errorf("finished too early: status %d", reply.status)
	}
	if reply := c.patch("plaintiff", place.Path, half, file[half:]); reply.status != http.StatusNoContent {
		t.Fatalf("rest: status %d: %s", reply.status, reply.body)
	}
	sum := sha256.Sum256(file)
	var first docket.Evidence
	for i := range 2 {
		reply := finish()
		if reply.status != http.StatusOK {
			t.Fatalf("finish: status %d: %s", reply.status, reply.body)
		}
		var item docket.Evidence
		apiCheck(t, json.Unmarshal(reply.body, &item))
		if item.Blob.Hash.String() != hex.EncodeToString(sum[:]) || item.FileName != "视频.webm" {
			t.Errorf("item %+v", item)
		}
		if i == 1 && item.ID != first.ID {
			t.Error("finished twice, two items")
		}
		first = item
	}
	ranged := c.send("plaintiff", http.MethodGet, "/evidence/"+first.ID.String()+"/file", nil, "Range", "bytes=9-16")
	if ranged.status != http.StatusPartialContent || string(ranged.body) != "evidence" {
		t.Errorf("range: status %d: %.40q", ranged.status, ranged.body)
	}
	if !strings.Contains(ranged.header.Get("Content-Security-Policy"), "sandbox") || ranged.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error("a file of a party is not sandboxed")
	}
}

func TestUploadsAreTheirOwners(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	made, _ := c.draftCase()
	if reply := c.beginUpload("stranger", made.ID, 10); reply.status != http.StatusForbidden {
		t.Errorf("a stranger began an upload: status %d", reply.status)
	}
	if reply := c.beginUpload("plaintiff", uuid.New(), 10); reply.status != http.StatusNotFound {
		t.Errorf("an upload to no case: status %d", reply.status)
	}
	if reply := c.beginUpload("plaintiff", made.ID, maxUpload+1); reply.status != http.StatusRequestEntityTooLarge {
		t.Errorf("an upload above the limit: status %d", reply.status)
	}
	reply := c.beginUpload("plaintiff", made.ID, 10)
	place, err := url.Parse(reply.header.Get("Location"))
	apiCheck(t, err)
	for _, method := range []string{http.MethodHead, http.MethodPatch, http.MethodDelete} {
		if reply := c.send("stranger", method, place.Path, nil, "Tus-Resumable", "1.0.0"); reply.status != http.StatusNotFound {
			t.Errorf("%s by a stranger: status %d", method, reply.status)
		}
	}
	if reply := c.send("plaintiff", http.MethodDelete, place.Path, nil, "Tus-Resumable", "1.0.0"); reply.status != http.StatusNoContent {
		t.Errorf("delete: status %d", reply.status)
	}
	list, err := c.server.uploads.pending(t.Context(), c.ids["plaintiff"], made.ID)
	apiCheck(t, err)
	if len(list) != 0 {
		t.Errorf("a deleted upload is still offered: %+v", list)
	}
}
