package pdf

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"sync"
)

// The typeface is built from pinned npm packages and is not committed. When the compiler says here
// "pattern fonts/*[run: make assets]*.ttf.gz: no matching files found", do what it says: make assets.
// (The brackets are a set of characters that every font's name meets; they are there to be read.)
//
//go:embed "fonts/*[run: make assets]*.ttf.gz" fonts/OFL.txt.gz
var fontFiles embed.FS

// maxFontBytes bounds what an embedded font may unpack to.
const maxFontBytes = 64 << 20

var (
	regularFace = sync.OnceValues(func() (*face, error) { return loadFace("Regular") })
	boldFace    = sync.OnceValues(func() (*face, error) { return loadFace("Bold") })
)

// FontLicence returns the licence of the embedded typeface (SIL Open Font License 1.1), which travels with it.
func FontLicence() (string, error) {
	text, err := unpack("fonts/OFL.txt.gz")
	return string(text), err
}

// FontFile returns the regular typeface, "Noto Serif SC" with every character that documents print, as a TrueType file:
// for programs beside this one, such as ffmpeg.
func FontFile() ([]byte, error) {
	f, err := regularFace()
	if err != nil {
		return nil, err
	}
	return f.file(), nil
}

// loadFace unpacks and parses the Chinese typeface in a weight, and adds the characters of names that it lacks from its
// Japanese and Hong Kong sisters: about 150 ms, once a process.
func loadFace(weight string) (*face, error) {
	main, err := loadFont("NotoSerifSC-"+weight, ".ttf.gz")
	if err != nil {
		return nil, err
	}
	for _, sister := range []string{"NotoSerifJP-", "NotoSerifHK-"} {
		rare, err := loadFont(sister+weight, ".rare.ttf.gz")
		if err != nil {
			return nil, err
		}
		if err := main.add(rare); err != nil {
			return nil, fmt.Errorf("add font %s: %w", rare.name, err)
		}
	}
	return main, nil
}

func loadFont(name, suffix string) (*face, error) {
	data, err := unpack("fonts/" + name + suffix)
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
