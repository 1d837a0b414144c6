package blob

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
)

// sha256("abc"), FIPS 180-2 appendix B.1.
const abcHash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

func openDir(t *testing.T) *Dir {
	t.Helper()
	d, err := OpenDir(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// testStore is what every Store must do.
func testStore(t *testing.T, s Store) {
	t.Helper()
	ctx := t.Context()
	abc, err := ParseHash(abcHash)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stat(ctx, abc); !errors.Is(err, ErrNotFound) {
		t.Errorf("Stat of an absent blob: %v", err)
	}
	if _, err := s.Open(ctx, abc); !errors.Is(err, ErrNotFound) {
		t.Errorf("Open of an absent blob: %v", err)
	}
	want := Ref{Hash: abc, Size: 3}
	for range 2 {
		if ref, err := s.Put(ctx, strings.NewReader("abc")); err != nil || ref != want {
			t.Fatalf("Put: %v, %v", ref, err)
		}
	}
	if ref, err := s.Stat(ctx, abc); err != nil || ref != want {
		t.Errorf("Stat: %v, %v", ref, err)
	}
	checkContent(t, s, abc, "abc")
	if _, err := s.Put(ctx, bytes.NewReader(nil)); err != nil {
		t.Errorf("Put of an empty blob: %v", err)
	}
	broken := errors.New("broken")
	if _, err := s.Put(ctx, io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("Put of a breaking stream: %v", err)
	}
	testPutFile(t, s)
	testPutCopy(t, s)
	testDelete(t, s)
}

// testPutCopy stores a file that stays where it is, again too, and refuses one that is not what it is called.
func testPutCopy(t *testing.T, s Store) {
	t.Helper()
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "000001.seg")
	if err := os.WriteFile(path, []byte("segment"), 0o600); err != nil {
		t.Fatal(err)
	}
	want, err := hashOf(strings.NewReader("segment"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if ref, err := s.PutCopy(ctx, path, want.Hash); err != nil || ref != want {
			t.Fatalf("PutCopy: %v, %v", ref, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Errorf("the file was taken over: %v", err)
	}
	checkContent(t, s, want.Hash, "segment")
	if _, err := s.PutCopy(ctx, path, want.Hash); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("PutCopy of no file: %v", err)
	}
}

// testDelete removes a blob, twice, and stores it again.
func testDelete(t *testing.T, s Store) {
	t.Helper()
	ctx := t.Context()
	ref, err := s.Put(ctx, strings.NewReader("to be deleted"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := s.Put(ctx, strings.NewReader("deleted with it"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Delete(ctx, ref.Hash, other.Hash); err != nil {
			t.Fatalf("Delete: %v", err)
		}
	}
	if _, err := s.Stat(ctx, ref.Hash); !errors.Is(err, ErrNotFound) {
		t.Errorf("Stat of a deleted blob: %v", err)
	}
	if _, err := s.Stat(ctx, other.Hash); !errors.Is(err, ErrNotFound) {
		t.Errorf("Stat of the other deleted blob: %v", err)
	}
	if err := s.Delete(ctx); err != nil {
		t.Errorf("Delete of nothing: %v", err)
	}
	if err := s.Delete(ctx, Hash{7}); err != nil {
		t.Errorf("Delete of what never was: %v", err)
	}
	if _, err := s.Put(ctx, strings.NewReader("to be deleted")); err != nil {
		t.Fatal(err)
	}
	checkContent(t, s, ref.Hash, "to be deleted")
}

func testPutFile(t *testing.T, s Store) {
	t.Helper()
	ctx := t.Context()
	content := strings.Repeat("证据 evidence ", 100_000)
	want, err := hashOf(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		path := filepath.Join(t.TempDir(), "upload")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if ref, err := s.PutFile(ctx, path, want.Hash); err != nil || ref != want {
			t.Fatalf("PutFile: %v, %v", ref, err)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the file was not taken over: %v", err)
		}
	}
	checkContent(t, s, want.Hash, content)
}

func checkContent(t *testing.T, s Store, h Hash, want string) {
	t.Helper()
	r, err := s.Open(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || string(got) != want {
		t.Fatalf("read %d bytes, %v; want %d", len(got), err, len(want))
	}
	if _, err := r.Seek(-2, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	if tail, err := io.ReadAll(r); err != nil || string(tail) != want[len(want)-2:] {
		t.Fatalf("after a seek: %q, %v", tail, err)
	}
}

func TestDir(t *testing.T) {
	d := openDir(t)
	testStore(t, d)
	entries, err := os.ReadDir(d.tmp())
	if err != nil || len(entries) != 0 {
		t.Errorf("unfinished files stay: %v, %v", entries, err)
	}
	again, err := Open("file://" + d.root)
	if err != nil {
		t.Fatal(err)
	}
	abc, _ := ParseHash(abcHash)
	checkContent(t, again, abc, "abc")
}

// TestDirCopy stores a file of another volume, which takes the copying path.
func TestDirCopy(t *testing.T) {
	d := openDir(t)
	path := filepath.Join(t.TempDir(), "upload")
	write := func() {
		if err := os.WriteFile(path, []byte("abc"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	abc, _ := ParseHash(abcHash)
	write()
	if err := d.putCopy(t.Context(), path, Ref{Hash: Hash{1}, Size: 3}); !errors.Is(err, ErrMismatch) {
		t.Errorf("copy under a wrong hash: %v", err)
	}
	if _, err := d.Stat(t.Context(), Hash{1}); !errors.Is(err, ErrNotFound) {
		t.Errorf("the wrong hash was stored: %v", err)
	}
	if err := d.putCopy(t.Context(), path, Ref{Hash: abc, Size: 3}); err != nil {
		t.Fatal(err)
	}
	checkContent(t, d, abc, "abc")
}

func TestDirManyWritersOfOneBlob(t *testing.T) {
	d := openDir(t)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := d.Put(context.Background(), strings.NewReader("abc")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	abc, _ := ParseHash(abcHash)
	checkContent(t, d, abc, "abc")
}

func TestDirNoticesTruncation(t *testing.T) {
	d := openDir(t)
	abc, _ := ParseHash(abcHash)
	if err := os.Mkdir(filepath.Dir(d.path(abc)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.path(abc), []byte("ab"), 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Put(t.Context(), strings.NewReader("abc")); !errors.Is(err, ErrMismatch) {
		t.Fatalf("Put over a truncated blob: %v", err)
	}
}

func TestDirCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := openDir(t).Put(ctx, strings.NewReader("abc")); !errors.Is(err, context.Canceled) {
		t.Fatalf("Put after cancel: %v", err)
	}
}

func TestHashText(t *testing.T) {
	h, err := ParseHash(strings.ToUpper(abcHash))
	if err != nil || h.String() != abcHash {
		t.Fatalf("ParseHash: %s, %v", h, err)
	}
	text, err := json.Marshal(Ref{Hash: h, Size: 3})
	if want := `{"sha256":"` + abcHash + `","size":3}`; err != nil || string(text) != want {
		t.Fatalf("JSON %s, %v; want %s", text, err, want)
	}
	var back Ref
	if err := json.Unmarshal(text, &back); err != nil || back.Hash != h {
		t.Fatalf("back from JSON: %v, %v", back, err)
	}
	for _, bad := range []string{"", "ab", abcHash[1:], abcHash + "00", strings.Repeat("g", 64)} {
		if _, err := ParseHash(bad); err == nil {
			t.Errorf("ParseHash(%q) accepts", bad)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add(abcHash)
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHash(s)
		if err == nil && h.String() != strings.ToLower(s) {
			t.Fatalf("%q parses to %s", s, h)
		}
	})
}
