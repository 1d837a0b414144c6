package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
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
	h.Set("ETag", `"`+version+`"`)
	if r.Header.Get("If-None-Match") == `"`+version+`"` {
		r.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	_, err = r.w.Write(data)
	return err
}
