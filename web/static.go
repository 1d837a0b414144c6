package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
)

// static holds the style sheets, the icons and, once `make assets` has run,
// the bundles in static/dist. The whole directory is named, so that the
// package compiles without dist; built() then says what to run.
//
//go:embed static
var static embed.FS

// versions gives each static file a version from its content, so that browsers
// may keep it for ever.
func versions(files fs.FS) (map[string]string, error) {
	out := map[string]string{}
	err := fs.WalkDir(files, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		out[strings.TrimPrefix(name, "static/")] = hex.EncodeToString(sum[:6])
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("web: static files: %w", err)
	}
	return out, nil
}

// asset is the address of a static file with its version.
func (s *server) asset(name string) string {
	if v, ok := s.assets[name]; ok {
		return "/static/" + name + "?v=" + v
	}
	return "/static/" + name
}

func (s *server) getStatic(r *request) error {
	name := path.Clean(r.PathValue("path"))
	version, ok := s.assets[name]
	if !ok {
		return errNotFound
	}
	data, err := fs.ReadFile(static, "static/"+name)
	if err != nil {
		return fmt.Errorf("static file: %w", err)
	}
	h := r.w.Header()
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		h.Set("Content-Type", kind)
	}
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	tag := `"` + version + `"`
	if slices.Contains(compressible, path.Ext(name)) {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			if data, err = s.compressed(name, data); err != nil {
				return err
			}
			tag = `"` + version + `-gzip"` // RFC 9110 section 8.8.3.3: another representation, another tag
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		h.Del("Content-Encoding")
		r.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	_, err = r.w.Write(data)
	return err
}

// compressible are the kinds of file that gzip makes smaller. They hold nothing
// of a person and nothing secret; pages, which do, are not compressed, since
// their length would tell of it (the BREACH attack).
var compressible = []string{".js", ".css", ".svg", ".txt", ".ttf"}

// compressed is a file's content by gzip, made at the first request for it.
func (s *server) compressed(name string, data []byte) ([]byte, error) {
	if made, ok := s.gzipped.Load(name); ok {
		return made.([]byte), nil
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("web: compress %s: %w", name, err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("web: compress %s: %w", name, err)
	}
	s.gzipped.Store(name, out.Bytes())
	return out.Bytes(), nil
}

// acceptsGzip reads an Accept-Encoding header (RFC 9110 section 12.5.3): gzip is
// named there and not with weight 0.
func acceptsGzip(header string) bool {
	for _, one := range strings.Split(header, ",") {
		coding, weight, _ := strings.Cut(one, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			_, q, _ := strings.Cut(weight, "=")
			return strings.Trim(q, " 0.") != "" || strings.TrimSpace(q) == ""
		}
	}
	return false
}
