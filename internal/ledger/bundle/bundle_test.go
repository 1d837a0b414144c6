package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"yunting/internal/blob"
	"yunting/internal/ledger"
	"yunting/internal/postgres/pgtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck"))
}

// court is a ledger that runs, and what it proves.
type court struct {
	t    testing.TB
	pool *pgxpool.Pool
	log  *ledger.Log
}

func newCourt(t testing.TB) court {
	t.Helper()
	pool := pgtest.New(t)
	seed := sha256.Sum256([]byte("court"))
	log, err := ledger.Open(t.Context(), ledger.Options{
		Pool: pool, Key: ed25519.NewKeyFromSeed(seed[:]), Origin: "court.test/ledger", Interval: 10 * time.Millisecond,
		Now: func() time.Time { return time.Date(2026, 3, 6, 1, 2, 3, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	log.Start()
	t.Cleanup(log.Stop)
	return court{t, pool, log}
}

func (c court) prove(payload []byte) (ledger.Proof, error) {
	var leaf ledger.Leaf
	err := pgx.BeginFunc(c.t.Context(), c.pool, func(tx pgx.Tx) (err error) {
		leaf, err = ledger.Queue(c.t.Context(), tx, payload)
		return err
	})
	if err != nil {
		return ledger.Proof{}, err
	}
	return c.log.Wait(c.t.Context(), leaf.ID)
}

func inMemory(name string, data []byte) File {
	return File{Name: name, Hash: sha256.Sum256(data), Size: int64(len(data)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

func (c court) entry(seq int, kind string, files ...File) Entry {
	c.t.Helper()
	named := []fileName{}
	for _, f := range files {
		named = append(named, fileName{f.Name, f.Hash, f.Size})
	}
	payload, err := json.Marshal(map[string]any{
		"case": "0198c0de-0000-7000-8000-000000000001", "number": "（2026）京0491民初123号", "seq": seq, "kind": kind, "at": "2026-03-06T01:00:00Z",
		"actor": map[string]string{"id": "x", "name": "张伟", "standing": "plaintiff"}, "data": map[string]any{}, "files": named,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	proof, err := c.prove(payload)
	if err != nil {
		c.t.Fatal(err)
	}
	return Entry{Payload: payload, Proof: proof, Files: files}
}

func (c court) bundle() Bundle {
	contract := inMemory("合同 .pdf", []byte("%PDF-1.7 a contract"))
	return Bundle{
		Title: "（2026）京0491民初123号", Created: time.Date(2026, 3, 7, 8, 9, 10, 11, time.UTC), Key: c.log.PublicKey(), Seal: c.prove,
		Entries: []Entry{
			c.entry(1, "submitted", contract, inMemory("../../etc/passwd", []byte("empty"))),
			c.entry(2, "accepted"),
			c.entry(3, "evidence", contract, inMemory("empty.txt", nil)),
		},
	}
}

func write(t testing.TB, b Bundle) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func verify(data []byte, key string) (Report, error) {
	return Verify(bytes.NewReader(data), int64(len(data)), key)
}

func TestRoundTrip(t *testing.T) {
	c := newCourt(t)
	data := write(t, c.bundle())
	report, err := verify(data, c.log.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Entries) != 3 || len(report.Files) != 3 || !report.Complete || !report.KeyTrusted || len(report.Checks) != len(checkText) {
		t.Errorf("report %+v", report)
	}
	for lang, parts := range map[string][]string{
		"zh-CN": {"京0491民初123号", "未被改动", "2026-03-06 09:02:03 UTC+08", c.log.PublicKey(), "无缺漏"},
		"en":    {"unaltered since", "without a gap", "3 files", c.log.PublicKey()},
	} {
		for _, part := range parts {
			if !strings.Contains(report.Text(lang, nil), part) {
				t.Errorf("%s: %q is not in\n%s", lang, part, report.Text(lang, nil))
			}
		}
	}
	untrusted, err := verify(data, "")
	if err != nil || untrusted.KeyTrusted || !strings.Contains(untrusted.Text("en", nil), "compare it") {
		t.Errorf("without a key: %v\n%s", err, untrusted.Text("en", nil))
	}
	seed := sha256.Sum256([]byte("another"))
	other, err := ledger.Open(t.Context(), ledger.Options{Pool: pgtest.New(t), Key: ed25519.NewKeyFromSeed(seed[:]), Origin: "court.test/ledger"})
	if err != nil {
		t.Fatal(err)
	}
	var bad *Tampered
	if _, err := verify(data, other.PublicKey()); !errors.As(err, &bad) {
		t.Errorf("with another court's key: %v", err)
	}
}

// TestOtherReaders opens the canonical zip with the standard library.
func TestOtherReaders(t *testing.T) {
	c := newCourt(t)
	data := write(t, c.bundle())
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, f := range z.File {
		names = append(names, f.Name)
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		if strings.Contains(f.Name, "..") || f.Mode() != 0o644 {
			t.Errorf("%s %v", f.Name, f.Mode())
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(names) != 2+1+6+3 || names[0] != manifestName || !strings.HasSuffix(names[9], "/合同 .pdf") || !strings.HasSuffix(names[10], "/passwd") {
		t.Errorf("names %q", names)
	}
}

// owners tells for every byte of a bundle in which file it lies.
func owners(t testing.TB, data []byte) []string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	owner := make([]string, len(data))
	for i := range owner {
		owner[i] = Directory
	}
	start := int64(0)
	for _, f := range z.File {
		content, err := f.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		end := content + int64(f.UncompressedSize64)
		for ; start < end; start++ {
			owner[start] = f.Name
		}
	}
	return owner
}

// TestEveryByte changes every single byte of a bundle; the file in which it lies must be named, each time.
func TestEveryByte(t *testing.T) {
	c := newCourt(t)
	data := write(t, c.bundle())
	owner := owners(t, data)
	for offset := range data {
		flip := byte(1) << (offset % 8)
		data[offset] ^= flip
		var bad *Tampered
		if _, err := verify(data, ""); !errors.As(err, &bad) || bad.File != owner[offset] {
			t.Fatalf("byte %d of %d ^ %#x lies in %s: %v", offset, len(data), flip, owner[offset], err)
		}
		data[offset] ^= flip
	}
	if _, err := verify(data, ""); err != nil {
		t.Fatal(err)
	}
}

// TestCutAndGrown cuts a bundle at every length, and appends to it.
func TestCutAndGrown(t *testing.T) {
	c := newCourt(t)
	data := write(t, c.bundle())
	owner := owners(t, data)
	var bad *Tampered
	for n := range data {
		if _, err := verify(data[:n], ""); !errors.As(err, &bad) || bad.File != owner[n] {
			t.Fatalf("cut at %d in %s: %v", n, owner[n], err)
		}
	}
	for _, grown := range [][]byte{append(slices.Clone(data), 0), append([]byte{0}, data...)} {
		if _, err := verify(grown, ""); !errors.As(err, &bad) {
			t.Errorf("grown: %v", err)
		}
	}
}

// forge writes an archive whose checksums and hashes all agree, as an attacker without the key would.
func forge(t testing.TB, m manifest, seal []byte, parts []part) []byte {
	t.Helper()
	m.Contents = nil
	for _, p := range parts {
		m.Contents = append(m.Contents, p.content)
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := writeParts(&out, append([]part{memory(manifestName, text), memory(sealName, seal)}, parts...)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestForgeries are archives that are whole in themselves; only the ledger tells.
func TestForgeries(t *testing.T) {
	c := newCourt(t)
	b := c.bundle()
	parts, err := gather(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range parts {
		if parts[i].crc != 0 || parts[i].Size == 0 {
			continue
		}
		if parts[i].crc, err = measure(parts[i]); err != nil {
			t.Fatal(err)
		}
	}
	m := manifest{Format: format, Title: b.Title, Created: b.Created, Key: b.Key, Entries: len(b.Entries)}
	sealFor := func(parts []part) []byte {
		m := m
		for _, p := range parts {
			m.Contents = append(m.Contents, p.content)
		}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.prove(SealPayload(sha256.Sum256(text)))
		if err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	honest := sealFor(parts)
	if _, err := verify(forge(t, m, honest, parts), b.Key); err != nil {
		t.Fatalf("the honest one: %v", err)
	}
	changed := slices.Clone(parts)
	changed[1] = memory(changed[1].Name, bytes.Replace(b.Entries[0].Payload, []byte("张伟"), []byte("李娜"), 1))
	noFile := slices.Clone(parts[:len(parts)-1])
	swapped := slices.Clone(parts)
	swapped[2], swapped[4] = memory(parts[2].Name, mustJSON(t, b.Entries[1].Proof)), memory(parts[4].Name, mustJSON(t, b.Entries[0].Proof))
	extra := append(slices.Clone(parts), memory("files/extra", []byte("x")))
	for name, c := range map[string]struct {
		parts []part
		seal  []byte
		file  string
	}{
		"changed entry, old seal":         {changed, honest, manifestName},
		"changed entry, sealed by court":  {changed, sealFor(changed), entryName(0)},
		"file left out, old seal":         {noFile, honest, manifestName},
		"file left out, sealed":           {noFile, sealFor(noFile), manifestName},
		"proofs swapped, sealed by court": {swapped, sealFor(swapped), entryName(0)},
		"a file too many, sealed":         {extra, sealFor(extra), manifestName},
	} {
		var bad *Tampered
		if _, err := verify(forge(t, m, c.seal, c.parts), b.Key); !errors.As(err, &bad) || bad.File != c.file {
			t.Errorf("%s: %v, want %s", name, err, c.file)
		}
	}
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWriteRefuses(t *testing.T) {
	c := newCourt(t)
	for name, spoil := range map[string]func(*Bundle){
		"no seal":         func(b *Bundle) { b.Seal = nil },
		"seal of another": func(b *Bundle) { b.Seal = func([]byte) (ledger.Proof, error) { return c.prove([]byte("x")) } },
		"failing seal": func(b *Bundle) {
			b.Seal = func([]byte) (ledger.Proof, error) { return ledger.Proof{}, io.ErrUnexpectedEOF }
		},
		"payload changed": func(b *Bundle) { b.Entries[1].Payload = append(b.Entries[1].Payload, ' ') },
		"file missing":    func(b *Bundle) { b.Entries[0].Files = b.Entries[0].Files[:1] },
		"file changed":    func(b *Bundle) { b.Entries[0].Files[0].Open = inMemory("", []byte("other content here!")).Open },
		"file shorter":    func(b *Bundle) { b.Entries[0].Files[0].Open = inMemory("", []byte("x")).Open },
		"file gone": func(b *Bundle) {
			b.Entries[0].Files[0].Open = func() (io.ReadCloser, error) { return nil, blob.ErrNotFound }
		},
		"name out of order": func(b *Bundle) { b.Entries[0].Name = "entries/0007.json" },
		"key of nobody":     func(b *Bundle) { b.Key = "nobody" },
		"not an entry":      func(b *Bundle) { b.Entries[0].Payload = []byte("{}") },
	} {
		b := c.bundle()
		spoil(&b)
		if err := Write(io.Discard, b); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

func TestSelectionIsSaid(t *testing.T) {
	c := newCourt(t)
	b := c.bundle()
	b.Entries = []Entry{b.Entries[0], b.Entries[2]}
	report, err := verify(write(t, b), "")
	if err != nil || report.Complete || !strings.Contains(report.Text("en", nil), "selection") {
		t.Errorf("%v\n%s", err, report.Text("en", nil))
	}
}

func TestSafeName(t *testing.T) {
	for in, want := range map[string]string{
		"合同.pdf": "合同.pdf", "../../etc/passwd": "passwd", `C:\a\b.txt`: "b.txt", "": "file", "..": "file", ".hidden": "hidden",
		"a\x00b\nc": "a_b_c", "x?.pdf ": "x_.pdf", "bad\xff": "bad_", strings.Repeat("字", 100) + ".mp4": strings.Repeat("字", 38) + ".mp4",
	} {
		if got := SafeName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestBigArchive checks the derived headers of files beyond 4 GiB with the standard library, without such files.
func TestBigArchive(t *testing.T) {
	const huge = int64(5) << 30
	members := []member{{name: "a", size: 3}, {name: "recording.webm", size: huge}, {name: "b", size: 1}}
	for i := 1; i < len(members); i++ {
		members[i].offset = members[i-1].offset + members[i-1].headerSize() + members[i-1].size
	}
	last := members[2]
	end := last.offset + last.headerSize() + last.size
	sparse := sparseArchive{at: map[int64][]byte{end: directory(members, end)}}
	for _, m := range members {
		if h := m.localHeader(); int64(len(h)) != m.headerSize() {
			t.Errorf("%s: header of %d bytes, said %d", m.name, len(h), m.headerSize())
		} else {
			sparse.at[m.offset] = h
		}
	}
	z, err := zip.NewReader(sparse, end+int64(len(sparse.at[end])))
	if err != nil {
		t.Fatal(err)
	}
	if len(z.File) != 3 || z.File[1].UncompressedSize64 != uint64(huge) {
		t.Errorf("%d files", len(z.File))
	}
	if at, err := z.File[2].DataOffset(); err != nil || at != last.offset+last.headerSize() {
		t.Errorf("data at %d: %v", at, err)
	}
	many := directory(make([]member, 70_000), 0)
	if z, err := zip.NewReader(bytes.NewReader(many), int64(len(many))); err != nil || len(z.File) != 70_000 {
		t.Errorf("70,000 members: %v", err)
	}
}

// sparseArchive is zeros, except for some pieces.
type sparseArchive struct{ at map[int64][]byte }

func (s sparseArchive) ReadAt(b []byte, offset int64) (int, error) {
	clear(b)
	for start, piece := range s.at {
		for i := range b {
			if p := offset + int64(i) - start; p >= 0 && p < int64(len(piece)) {
				b[i] = piece[p]
			}
		}
	}
	return len(b), nil
}

func BenchmarkVerify(b *testing.B) {
	c := newCourt(b)
	bundle := c.bundle()
	content := bytes.Repeat([]byte("0123456789abcdef"), 4<<20)
	bundle.Entries = []Entry{c.entry(1, "recording", inMemory("recording.webm", content))}
	data := write(b, bundle)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := verify(data, ""); err != nil {
			b.Fatal(err)
		}
	}
}
