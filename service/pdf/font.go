package pdf

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"sync"
)

// The typeface is built from a pinned npm package and is not committed. When the compiler says here
// "pattern fonts/*[run: make assets]*.ttf.gz: no matching files found", do what it says: make assets.
// (The brackets are a set of characters that every font's name meets; they are there to be read.)
//
//go:embed "fonts/*[run: make assets]*.ttf.gz" fonts/OFL.txt.gz
var fontFiles embed.FS

// maxFontBytes bounds what an embedded font may unpack to.
const maxFontBytes = 64 << 20

var (
	regularFace = sync.OnceValues(func() (*face, error) { return loadFace("NotoSerifSC-Regular") })
	boldFace    = sync.OnceValues(func() (*face, error) { return loadFace("NotoSerifSC-Bold") })
)

// FontLicence returns the licence of the embedded typeface (SIL Open Font License 1.1), which travels with it.
func FontLicence() (string, error) {
	text, err := unpack("fonts/OFL.txt.gz")
	return string(text), err
}

// FontFile returns the embedded regular typeface, "Noto Serif SC", as a TrueType file: for programs beside this one.
func FontFile() ([]byte, error) { return unpack("fonts/NotoSerifSC-Regular.ttf.gz") }

// loadFace unpacks and parses a font: about 150 ms, once a process.
func loadFace(name string) (*face, error) {
	data, err := unpack("fonts/" + name + ".ttf.gz")
	if err != nil {
		return nil, err
	}
	parsed, err := parseFace(name, data)
	if err != nil {
		return nil, fmt.Errorf("parse font %s: %w", name, err)
	}
	return parsed, nil
}

func unpack(path string) ([]byte, error) {
	packed, err := fontFiles.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the typeface is not built in; run `make assets` and build again: %w", err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", path, err)
	}
	data, err := io.ReadAll(io.LimitReader(reader, maxFontBytes))
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", path, err)
	}
	return data, nil
}
