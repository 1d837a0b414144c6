package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{"": false, "gzip": true, "br, GZIP;q=0.5": true, "gzip;q=0": false, "gzip; q=0.000, br": false,
		"identity": false, "gzip;q=1": true, "deflate , gzip": true, "gzip;q=0.01": true} {
		if acceptsGzip(header) != want {
			t.Errorf("%q: %v", header, !want)
		}
	}
}

// TestStaticFilesAreCompressed: each static file comes whole, by gzip to whom asks for it and as it is to others, each with a
// tag of its own that is known again.
func TestStaticFilesAreCompressed(t *testing.T) {
	assets, err := versions(static)
	apiCheck(t, err)
	s := &server{assets: assets}
	get := func(name string, header ...string) *http.Response {
		t.Helper()
		w := httptest.NewRecorder()
		asked := httptest.NewRequest(http.MethodGet, "/static/"+name, nil)
		asked.SetPathValue("path", name)
		for i := 0; i < len(header); i += 2 {
			asked.Header.Set(header[i], header[i+1])
		}
		apiCheck(t, s.getStatic(&request{Request: asked, w: w, s: s}))
		return w.Result()
	}
	smaller := 0
	for name := range assets {
		want, err := fs.ReadFile(static, "static/"+name)
		apiCheck(t, err)
		plain := get(name)
		if got, err := io.ReadAll(plain.Body); err != nil || !bytes.Equal(got, want) || plain.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s as it is: %d bytes of %d, %v", name, len(got), len(want), err)
		}
		packed := get(name, "Accept-Encoding", "gzip, br")
		if packed.Header.Get("Content-Encoding") == "" {
			continue
		}
		smaller++
		r, err := gzip.NewReader(packed.Body)
		apiCheck(t, err)
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s by gzip: %d bytes of %d, %v", name, len(got), len(want), err)
		}
		tag := packed.Header.Get("ETag")
		if tag == plain.Header.Get("ETag") || packed.Header.Get("Vary") != "Accept-Encoding" || plain.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: tag %s, Vary %q", name, tag, packed.Header.Get("Vary"))
		}
		if again := get(name, "Accept-Encoding", "gzip", "If-None-Match", tag); again.StatusCode != http.StatusNotModified || again.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s asked again: %d", name, again.StatusCode)
		}
		if other := get(name, "If-None-Match", tag); other.StatusCode != http.StatusOK {
			t.Errorf("%s as it is, by the tag of the gzip: %d", name, other.StatusCode)
		}
	}
	if smaller < 10 {
		t.Errorf("only %d files are compressed", smaller)
	}
}
