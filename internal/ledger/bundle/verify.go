package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"yunting/internal/blob"
	"yunting/internal/ledger"
)

// Verify checks the bundle of size bytes in r. trusted is the ledger's verifier key as the court publishes it;
// empty means the key that the bundle names, which shows that the bundle is whole but not whose it is. Files are
// streamed: memory is bounded by the manifest, however hostile the archive. A bundle that is not exactly what a
// court exported gives *Tampered, with the report as far as it came; other errors come from r.
func Verify(r io.ReaderAt, size int64, trusted string) (Report, error) {
	v := &verifier{archive: archive{r: r, size: size}, key: strings.TrimSpace(trusted), roots: map[int64]tlog.Hash{}, places: map[int64]bool{}, gone: map[content]EntryReport{}}
	v.report.KeyTrusted = v.key != ""
	for _, check := range []func() error{v.manifest, v.seal, v.readme, v.entries, v.files, v.directory} {
		if err := check(); err != nil {
			return v.report, err
		}
	}
	return v.report, nil
}

type verifier struct {
	archive archive
	key     string
	m       manifest
	mHash   blob.Hash
	next    int // of m.Contents
	named   []content
	seen    map[string]content
	roots   map[int64]tlog.Hash     // checkpoints by size: two roots of one size are a fork
	places  map[int64]bool          // leaf indexes that an entry holds
	gone    map[content]EntryReport // by tombstone
	report  Report
}

// manifest reads manifest.json, whose size only its own header tells.
func (v *verifier) manifest() error {
	text, err := v.archive.small(manifestName, maxManifest)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &v.m); err != nil {
		return tampered(manifestName, "not readable: %v", err)
	}
	again, err := json.Marshal(v.m)
	if err != nil || !bytes.Equal(again, text) {
		return tampered(manifestName, "not in canonical form")
	}
	if v.m.Format != format {
		return tampered(manifestName, "format %q is not %s", v.m.Format, format)
	}
	if len(v.m.Contents) > maxContents || v.m.Entries < 0 || len(v.m.Contents) < 1+2*v.m.Entries {
		return tampered(manifestName, "%d contents for %d entries", len(v.m.Contents), v.m.Entries)
	}
	for _, c := range v.m.Contents {
		if c.Size < 0 || len(c.Name) > 1024 {
			return tampered(manifestName, "%.100q of %d bytes cannot be", c.Name, c.Size)
		}
	}
	if v.key == "" {
		v.key = v.m.Key
	}
	v.mHash = sha256.Sum256(text)
	v.report.Title, v.report.Created, v.report.Key, v.report.Manifest = v.m.Title, v.m.Created, v.key, v.mHash
	if v.m.Key != v.key {
		return tampered(manifestName, "made for the ledger key %.200q, which is not the trusted one", v.m.Key)
	}
	v.report.ok(checkManifest, len(v.m.Contents))
	return nil
}

// seal checks that the ledger holds the manifest's hash.
func (v *verifier) seal() error {
	text, err := v.archive.small(sealName, maxSeal)
	if err != nil {
		return err
	}
	proof, canonical := canonicalProof(text)
	if !canonical {
		return tampered(sealName, "not in canonical form")
	}
	c, err := v.proof(sealName, proof, SealPayload(v.mHash))
	if err != nil {
		return tampered(manifestName, "the ledger does not hold this manifest: %v", errors.Unwrap(err))
	}
	v.report.Sealed = c
	v.report.ok(checkSeal, 1)
	return nil
}

func (v *verifier) readme() error {
	c := v.m.Contents[0]
	if c.Name != readmeName || c.Size > maxSeal {
		return tampered(manifestName, "%s does not come first", readmeName)
	}
	v.next = 1
	_, err := v.archive.known(c, false)
	return err
}

// proof checks payload's proof and that no two checkpoints contradict each other.
func (v *verifier) proof(name string, p ledger.Proof, payload []byte) (ledger.Checkpoint, error) {
	c, err := p.Verify(payload, v.key)
	if err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	if root, ok := v.roots[c.Size]; ok && root != c.Root {
		return c, fmt.Errorf("%s: %w", name, errors.New("two checkpoints of one size contradict each other"))
	}
	if v.places[p.Index] {
		return c, fmt.Errorf("%s: %w", name, fmt.Errorf("leaf %d is used twice", p.Index))
	}
	v.roots[c.Size], v.places[p.Index] = c.Root, true
	return c, nil
}

// entries checks each docket entry against its proof, and that they are one case in order.
func (v *verifier) entries() error {
	v.seen = map[string]content{}
	caseID, last := "", 0
	v.report.Complete = v.m.Entries > 0
	for i := range v.m.Entries {
		name := entryName(i)
		data, err := v.kept(name, maxPayload)
		if err != nil {
			return err
		}
		proofText, err := v.kept(proofName(name), maxProof)
		if err != nil {
			return err
		}
		proof, canonical := canonicalProof(proofText)
		if !canonical {
			return tampered(proofName(name), "not in canonical form")
		}
		c, err := v.proof(name, proof, data)
		if err != nil {
			return tampered(name, "the ledger does not hold this entry: %v", errors.Unwrap(err))
		}
		p, err := parsePayload(data)
		if err != nil {
			return tampered(name, "%v", err)
		}
		if i > 0 && p.Case != caseID || p.Seq <= last {
			return tampered(name, "entry %d of case %.50s is out of place", p.Seq, p.Case)
		}
		v.report.Complete = v.report.Complete && p.Seq == last+1
		caseID, last = p.Case, p.Seq
		v.report.Entries = append(v.report.Entries, EntryReport{Name: name, Seq: p.Seq, Kind: p.Kind, At: p.At, Index: proof.Index, Since: c.At, Files: len(p.Files)})
		if err := v.nameFiles(name, p.Files); err != nil {
			return err
		}
		deleted, err := p.deleted()
		if err != nil {
			return tampered(name, "%v", err)
		}
		for _, c := range deleted {
			v.gone[c] = v.report.Entries[i]
		}
	}
	v.report.Case = caseID
	v.report.ok(checkEntries, v.m.Entries)
	if v.report.Complete {
		v.report.ok(checkSequence, last)
	}
	return nil
}

// nameFiles collects the files that entries name, once each, in the order in which Write wrote them.
func (v *verifier) nameFiles(entry string, files []fileName) error {
	for _, f := range files {
		c := content{Name: filePath(f), Size: f.Size, SHA256: f.SHA256}
		if known, ok := v.seen[c.Name]; ok {
			if known != c {
				return tampered(entry, "names %s with two sizes", c.Name)
			}
			continue
		}
		v.seen[c.Name] = c
		v.named = append(v.named, c)
		if len(v.named) > maxContents {
			return tampered(entry, "names too many files")
		}
	}
	return nil
}

// kept reads the next content, which must be name, into memory.
func (v *verifier) kept(name string, bound int64) ([]byte, error) {
	c := v.m.Contents[v.next]
	v.next++
	if c.Name != name || c.Size > bound {
		return nil, tampered(manifestName, "%.100q of %d bytes stands where %s belongs", c.Name, c.Size, name)
	}
	return v.archive.known(c, true)
}

// files streams the files that the entries name: all of them but those that a tombstone names, and no other.
func (v *verifier) files() error {
	rest, next := v.m.Contents[v.next:], 0
	for _, c := range v.named {
		if next == len(rest) || c != rest[next] {
			tombstone, deleted := v.gone[c]
			if !deleted {
				return tampered(manifestName, "lists %d files and not %.200q, which the entries name", len(rest), c.Name)
			}
			v.report.Deleted = append(v.report.Deleted, DeletedReport{FileReport(c), tombstone})
			continue
		}
		next++
		if _, err := v.archive.known(c, false); err != nil {
			return err
		}
		v.report.Files = append(v.report.Files, FileReport(c))
	}
	if next < len(rest) {
		return tampered(manifestName, "%.200q is not the file that the entries name", rest[next].Name)
	}
	v.report.ok(checkFiles, len(rest))
	return nil
}

// directory derives the rest of the archive and compares: nothing else may be in it or after it.
func (v *verifier) directory() error {
	a := &v.archive
	want := directory(a.members, a.offset)
	if a.size-a.offset != int64(len(want)) {
		return tampered(Directory, "%d bytes instead of %d", a.size-a.offset, len(want))
	}
	got := make([]byte, len(want))
	if err := a.read(Directory, got, a.offset); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return tampered(Directory, "changed")
	}
	v.report.ok(checkArchive, len(a.members))
	return nil
}

// archive reads a canonical zip from front to back.
type archive struct {
	r       io.ReaderAt
	size    int64
	offset  int64 // of the next member
	members []member
}

// read fills b from offset; a fault there lies in the named file.
func (a *archive) read(name string, b []byte, offset int64) error {
	if offset+int64(len(b)) > a.size {
		return tampered(name, "cut short")
	}
	n, err := a.r.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return tampered(name, "cut short")
	}
	return fmt.Errorf("bundle: read %s: %w", name, err)
}

// small reads the next member, whose size stands only in its own header.
func (a *archive) small(name string, bound int64) ([]byte, error) {
	header := make([]byte, localFixed)
	if err := a.read(name, header, a.offset); err != nil {
		return nil, err
	}
	size := int64(binary.LittleEndian.Uint32(header[localSizeAt:]))
	if size > bound {
		return nil, tampered(name, "%d bytes are more than %d", size, bound)
	}
	return a.member(name, size, nil, true)
}

// known reads the next member, which must be c.
func (a *archive) known(c content, keep bool) ([]byte, error) {
	return a.member(c.Name, c.Size, &c.SHA256, keep)
}

// member reads the next member and compares its header, derived from name, size and content, and its hash.
func (a *archive) member(name string, size int64, hash *blob.Hash, keep bool) ([]byte, error) {
	m := member{name: name, size: size, offset: a.offset}
	start := a.offset + m.headerSize()
	if size > a.size-start {
		return nil, tampered(name, "cut short")
	}
	header := make([]byte, m.headerSize())
	if err := a.read(name, header, a.offset); err != nil {
		return nil, err
	}
	sum, crc, kept := sha256.New(), crc32.NewIEEE(), bytes.Buffer{}
	into := io.MultiWriter(sum, crc)
	if keep {
		into = io.MultiWriter(sum, crc, &kept)
	}
	n, err := io.Copy(into, io.NewSectionReader(a.r, start, size))
	if err != nil {
		return nil, fmt.Errorf("bundle: read %s: %w", name, err)
	}
	if n != size {
		return nil, tampered(name, "cut short")
	}
	if hash != nil && blob.Hash(sum.Sum(nil)) != *hash {
		return nil, tampered(name, "content was changed: its SHA-256 is not %s", hash)
	}
	m.crc = crc.Sum32()
	if !bytes.Equal(header, m.localHeader()) {
		return nil, tampered(name, "changed: header and content do not belong together")
	}
	a.offset = start + size
	a.members = append(a.members, m)
	return kept.Bytes(), nil
}
