package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/blob"
)

// stopping is a file store after whose next Put the server stops: what the request would have done then is never done.
type stopping struct{ blob.Store }

// Put implements blob.Store.
func (s stopping) Put(ctx context.Context, r io.Reader) (blob.Ref, error) {
	if _, err := s.Store.Put(ctx, r); err != nil {
		return blob.Ref{}, err
	}
	panic(http.ErrAbortHandler)
}

// postFile sends an item of evidence by the plain form, as a browser without scripts does. It is an error when the connection
// breaks before there is an answer.
func (c *apiCourt) postFile(kase uuid.UUID, name, content string) (int, error) {
	c.t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	apiCheck(c.t, errors.Join(w.WriteField("form_token", formToken()), w.WriteField("evidence.name", name)))
	part, err := w.CreateFormFile("evidence.file", name+".txt")
	apiCheck(c.t, err)
	_, err = part.Write([]byte(content))
	apiCheck(c.t, errors.Join(err, w.Close()))
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.url+casePath(kase, "/evidence"), &form)
	apiCheck(c.t, err)
	for name, value := range map[string]string{"Content-Type": w.FormDataContentType(), "Origin": c.url, "Sec-Fetch-Site": "same-origin", "Cookie": sessionCookie + "=" + c.tokens["plaintiff"]} {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// stopAfterPut posts an item and stops the server between storing its file and adding the item.
func (c *apiCourt) stopAfterPut(kase uuid.UUID, name, content string) {
	c.t.Helper()
	store := c.server.Blobs
	c.server.Blobs = stopping{store}
	status, err := c.postFile(kase, name, content)
	c.server.Blobs = store
	if _, there := store.Stat(c.t.Context(), hashOf([]byte(content))); err == nil || there != nil {
		c.t.Fatalf("not stopped between file and item: status %d; the file: %v", status, there)
	}
}

func (c *apiCourt) stored(content string) bool {
	c.t.Helper()
	_, err := c.server.Blobs.Stat(c.t.Context(), hashOf([]byte(content)))
	if err != nil && !errors.Is(err, blob.ErrNotFound) {
		c.t.Fatal(err)
	}
	return err == nil
}

// TestOrphansOfPlainFormsAreCollected: the server stops after a plain form's file is in the store and before the item is. No page
// offers to go on with it; after the period it is gone. A file of the same content that somebody files meanwhile stays, and so does
// one whose item was added before the stop.
func TestOrphansOfPlainFormsAreCollected(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	made, _ := c.draftCase()
	for _, content := range []string{"alone", "filed again", "uploaded meanwhile"} {
		c.stopAfterPut(made.ID, "收据", content)
	}
	if status, err := c.postFile(made.ID, "收据", "closed"); err != nil || status != http.StatusSeeOther {
		t.Fatalf("a plain form: %d, %v", status, err)
	}
	items, err := c.server.Docket.Evidence(t.Context(), made.ID)
	apiCheck(t, err)
	closed := items[len(items)-1]
	if closed.Blob.Hash != hashOf([]byte("closed")) || closed.Blob.Size != 6 || !strings.HasPrefix(closed.MediaType, "text/plain") || closed.FileName != "收据.txt" {
		t.Errorf("the item: %+v", closed)
	}
	// The server stopped after it added this one, before it noted so.
	_, err = c.server.Pool.Exec(t.Context(), `UPDATE web_uploads SET evidence = NULL WHERE evidence = $1`, closed.ID)
	apiCheck(t, err)
	if page := c.page("plaintiff", casePath(made.ID, "/edit"), http.StatusOK); strings.Contains(page, `id="unfinished"`) {
		t.Error("what came by a plain form is offered to go on with")
	}
	// Others file the same content: again by the form, and by an upload that is not an item yet.
	if status, err := c.postFile(made.ID, "发票", "filed again"); err != nil || status != http.StatusSeeOther {
		t.Fatalf("the same file by another form: %d, %v", status, err)
	}
	sent := c.uploadPart(made.ID, []byte("uploaded meanwhile"), len("uploaded meanwhile"))
	var invalid *docket.Invalid
	if _, err := c.server.uploads.finish(t.Context(), c.actor("plaintiff"), made.ID, sent, docket.EvidenceInput{}); !errors.As(err, &invalid) {
		t.Fatalf("an upload without a name: %v", err)
	}
	check := func(when string, want map[string]bool) {
		t.Helper()
		for content, kept := range want {
			if c.stored(content) != kept {
				t.Errorf("%s, %q is kept: %v", when, content, !kept)
			}
		}
	}
	apiCheck(t, c.collect(29))
	check("within the period", map[string]bool{"alone": true, "filed again": true, "uploaded meanwhile": true, "closed": true})
	_, err = c.server.Pool.Exec(t.Context(), `UPDATE web_uploads SET touched_at = $2 WHERE id = $1`, sent, c.server.Now().AddDate(0, 0, 20))
	apiCheck(t, err)
	apiCheck(t, c.collect(31))
	check("after it", map[string]bool{"alone": false, "filed again": true, "uploaded meanwhile": true, "closed": true})
	c.call("plaintiff", "DELETE", "/evidence/"+closed.ID.String(), nil, nil, http.StatusNoContent)
	apiCheck(t, c.collect(62))
	check("after all is given up", map[string]bool{"filed again": true, "uploaded meanwhile": false, "closed": false})
}
