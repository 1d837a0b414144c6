package grid

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"yunting/docket"
	"yunting/service/pdf"
)

// TestRareNamesAreInThePicture draws characters of names beyond the basic plane with the film's own typeface alone, as on a
// machine without any other, beside one that it lacks: none of them may look as that one, which is a box, or as another.
func TestRareNamesAreInThePicture(t *testing.T) {
	tools, err := FindTools(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("fonts.conf", []byte(`<?xml version="1.0"?><fontconfig><cachedir>`+dir+`</cachedir></fontconfig>`))
	t.Setenv("FONTCONFIG_FILE", filepath.Join(dir, "fonts.conf"))
	film := Film{Dir: dir, Font: pdf.FontFile}
	if err := film.Prepare(); err != nil {
		t.Fatal(err)
	}
	const cell = 64
	characters := []rune("𓀀伟𬱖𠮷𢫏𫖯𬺈") // the first is none of a name: an Egyptian hieroglyph
	s := newScript()
	for i, r := range characters {
		s.say(0, docket.Stretch{From: 0, To: 1000}, cell/2+i*cell, cell/2, 40, "", string(r))
	}
	write("names.ass", []byte(s.String()))
	run(t, dir, tools.ffmpegPath, "-v", "error", "-f", "lavfi", "-i", "color=c=black:s=1280x720:r=1:d=1,format=gray,ass=f=names.ass:fontsdir=fonts", "-frames:v", "1",
		"-f", "rawvideo", "names.raw")
	picture, err := os.ReadFile(filepath.Join(dir, "names.raw"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]rune{}
	for i, r := range characters {
		var drawn []byte
		for y := range cell {
			drawn = append(drawn, picture[y*canvasWide+i*cell:][:cell]...)
		}
		if bytes.Count(drawn, []byte{0}) > len(drawn)-100 {
			t.Errorf("%c (%U) is not drawn", r, r)
		}
		if other, same := seen[string(drawn)]; same {
			t.Errorf("%c (%U) looks as %c", r, r, other)
		}
		seen[string(drawn)] = r
	}
}

// TestFontIsWrittenOnce: each go at a film finds the font of the first, and half a font of a killed server counts for nothing.
func TestFontIsWrittenOnce(t *testing.T) {
	asked := 0
	film := Film{Dir: filepath.Join(t.TempDir(), "film"), Font: func() ([]byte, error) { asked++; return []byte("a typeface"), nil }}
	if err := os.MkdirAll(film.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(film.Dir, "work-font"), []byte("a ty"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := film.Prepare(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(film.Dir, "fonts", fontFile)); err != nil || string(got) != "a typeface" {
			t.Fatalf("font %q, %v", got, err)
		}
	}
	if asked != 1 {
		t.Errorf("the font was made %d times", asked)
	}
}
