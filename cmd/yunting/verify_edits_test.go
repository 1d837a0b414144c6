package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"yunting/docket"
	"yunting/docket/integrity"
	"yunting/internal/blob"
	"yunting/internal/ledger/bundle"
	"yunting/media/record"
)

const editedEntry = "entries/7.json"

// exportedRecord is the part of an exported case that a hearing's recording is: two people in two linked parts.
type exportedRecord struct {
	items     []integrity.Item
	originals [][][]byte // of each original its segments
	names     []string   // the members that the originals are
	root      blob.Hash  // that the entry names
	deleted   map[blob.Hash]bool
}

func newExportedRecord(t *testing.T, random *rand.Rand) exportedRecord {
	t.Helper()
	x := exportedRecord{items: []integrity.Item{{Kind: integrity.KindPresence, Content: json.RawMessage("[]"), Size: 2, SHA256: sha256.Sum256([]byte("[]"))}}}
	at, last := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), map[string]string{}
	var segments []integrity.Item
	for _, session := range []string{"20261122T090000", "20261122T093000"} {
		for _, person := range []string{"judge", "plaintiff"} {
			var bytesOf [][]byte
			for n := range 5 {
				b := make([]byte, 100+random.IntN(100))
				for i := range b {
					b[i] = byte(random.Uint32())
				}
				sum := sha256.Sum256(b)
				from, to := at.Add(time.Duration(n)*4*time.Second), at.Add(time.Duration(n+1)*4*time.Second)
				l := record.Segment{Number: n + 1, Participant: person, File: record.SegmentFile(n + 1), Size: int64(len(b)),
					SHA256: blob.Hash(sum).String(), From: from, To: to, Previous: last[person]}
				last[person] = l.Chain()
				segments = append(segments, integrity.Item{Kind: integrity.KindSegment, Session: session, Participant: person, Number: l.Number,
					From: &from, To: &to, Size: l.Size, SHA256: sum, Previous: l.Previous})
				bytesOf = append(bytesOf, b)
			}
			whole := bytes.Join(bytesOf, nil)
			o := integrity.Item{Kind: integrity.KindOriginal, Session: session, Participant: person, Name: person + session + record.OriginalSuffix,
				Size: int64(len(whole)), SHA256: sha256.Sum256(whole)}
			x.items, x.originals, x.names = append(x.items, o), append(x.originals, bytesOf), append(x.names, memberName(o.SHA256, o.Name))
		}
		at = at.Add(30 * time.Minute)
	}
	x.items = append(x.items, segments...)
	r, err := integrity.New("hearing", x.items)
	if err != nil {
		t.Fatal(err)
	}
	x.root = r.Root
	return x
}

// check packs the record and has the verifier look at it; spoil changes the text of the integrity record.
func (x exportedRecord) check(t *testing.T, spoil func([]byte)) error {
	t.Helper()
	r, err := integrity.New("hearing", x.items) // a forger can count too
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	file := docket.FileRef{Name: integrity.FileName, Hash: sha256.Sum256(text), Size: int64(len(text))}
	spoil(text)
	entry, err := json.Marshal(map[string]any{"data": map[string]any{"root": x.root}, "files": []docket.FileRef{file}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	add := func(name string, content []byte) {
		member, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = member.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add(editedEntry, entry)
	add(memberName(file.Hash, file.Name), text)
	for i, name := range x.names {
		add(name, bytes.Join(x.originals[i], nil))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	ex := exported{bytes.NewReader(out.Bytes()), z}
	records, err := ex.hearingRecords([]bundle.EntryReport{{Name: editedEntry, Kind: docket.EntryIntegrity}})
	if err != nil {
		return err
	}
	records[0].deleted = x.deleted
	return ex.originals(records[0])
}

// clone can be edited without changing x.
func (x exportedRecord) clone() exportedRecord {
	x.items, x.originals = slices.Clone(x.items), slices.Clone(x.originals)
	for i := range x.originals {
		x.originals[i] = slices.Clone(x.originals[i])
	}
	return x
}

// TestTenThousandEditsAreNamed edits an exported record at random: bytes and segments of the originals, and lines of the
// list with a root that was counted anew. Each edit is found, and the segment is named; only where the chain cannot tell
// which line was changed, in the last line of the last part, it is the record that is named.
func TestTenThousandEditsAreNamed(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	whole := newExportedRecord(t, random)
	keep := func([]byte) {}
	if err := whole.check(t, keep); err != nil {
		t.Fatalf("what nobody edited: %v", err)
	}
	for n := range 10_000 {
		x, spoil := whole.clone(), keep
		what, want := "", 0 // the segment to be named; 0: the record
		if n%2 == 0 {
			what, want = x.editBytes(random)
		} else if what, want = x.editList(random); what == "" {
			what, spoil = "a byte of the integrity record", func(b []byte) { b[random.IntN(len(b))] ^= byte(1 + random.IntN(255)) }
		}
		err := x.check(t, spoil)
		var bad *record.BadSegment
		switch named := errors.As(err, &bad); {
		case err == nil:
			t.Fatalf("edit %d, %s of segment %d, is not found", n, what, want)
		case want > 0 && (!named || bad.Number != want):
			t.Fatalf("edit %d, %s of segment %d: %v", n, what, want, err)
		case want == 0 && !named && !errors.Is(err, integrity.ErrAltered):
			t.Fatalf("edit %d, %s: %v", n, what, err)
		}
	}
}

// editBytes changes what the originals hold and gives the number of the segment that is the first to be wrong.
func (x exportedRecord) editBytes(random *rand.Rand) (what string, segment int) {
	o := random.IntN(len(x.originals))
	list := x.originals[o]
	i := random.IntN(len(list))
	j := (i + 1 + random.IntN(len(list)-1)) % len(list)
	switch random.IntN(6) {
	case 0:
		list[i] = bytes.Clone(list[i])
		list[i][random.IntN(len(list[i]))] ^= byte(1 + random.IntN(255))
		return "change", i + 1
	case 1:
		x.originals[o] = slices.Delete(list, i, i+1)
		return "removal", i + 1
	case 2:
		list[i], list[j] = list[j], list[i]
		return "swap", min(i, j) + 1
	case 3:
		list[i] = list[i][:random.IntN(len(list[i]))]
		return "cut", i + 1
	case 4: // of two people or parts
		other := (o + 1 + random.IntN(len(x.originals)-1)) % len(x.originals)
		list[i], x.originals[other][j] = x.originals[other][j], list[i]
		if other < o {
			return "exchange", j + 1
		}
		return "exchange", i + 1
	}
	other := (o + 1) % len(x.originals)
	x.originals[o], x.originals[other] = x.originals[other], x.originals[o]
	return "exchange of originals", 1
}

// editList changes the list of segments and gives the number of the segment at which the chain is broken.
func (x *exportedRecord) editList(random *rand.Rand) (what string, segment int) {
	var lines []int
	for i, item := range x.items {
		if item.Kind == integrity.KindSegment {
			lines = append(lines, i)
		}
	}
	i := lines[random.IntN(len(lines))]
	l := &x.items[i]
	parts := len(x.originals) / 2
	last := l.Number == len(x.originals[0])
	next := l.Number + 1 // what is chained to this line
	if last {
		next = 1 // of the next part
		if i >= lines[len(lines)/parts] {
			next = 0
		}
	}
	switch random.IntN(5) {
	case 0:
		to := l.To.Add(time.Duration(1+random.IntN(1e9)) * time.Nanosecond)
		l.To = &to
		return "later end", next
	case 1:
		l.SHA256[random.IntN(32)] ^= 1
		return "other hash", next
	case 2:
		l.Size += int64(1 + random.IntN(9))
		return "other size", next
	case 3:
		x.items = slices.Delete(x.items, i, i+1)
		return "removed line", next
	}
	return "", 0
}
