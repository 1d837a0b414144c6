package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"yunting/internal/blob"
	"yunting/internal/ledger"
)

// part is a content of the archive before it is written: bytes in memory, or a file to open.
type part struct {
	content
	crc  uint32
	open func() (io.ReadCloser, error)
}

func memory(name string, data []byte) part {
	return part{
		content: content{Name: name, Size: int64(len(data)), SHA256: sha256.Sum256(data)},
		crc:     crc32.ChecksumIEEE(data),
		open:    func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
	}
}

// Write writes b to w as a canonical zip. The same Bundle with the same seal gives the same bytes. It checks
// every proof and every file first, so it never writes a bundle that Verify would refuse; after an error from w
// itself what was written is worthless. Files are streamed.
func Write(w io.Writer, b Bundle) error {
	parts, err := gather(b)
	if err != nil {
		return err
	}
	m := manifest{Format: format, Title: b.Title, Created: b.Created.UTC(), Key: b.Key, Entries: len(b.Entries)}
	for _, p := range parts {
		m.Contents = append(m.Contents, p.content)
	}
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("bundle: manifest: %w", err)
	}
	if len(text) > maxManifest || len(parts) > maxContents {
		return fmt.Errorf("bundle: %d files are too many", len(parts))
	}
	if b.Seal == nil {
		return errors.New("bundle: no seal")
	}
	sealing := SealPayload(sha256.Sum256(text))
	seal, err := b.Seal(sealing)
	if err != nil {
		return fmt.Errorf("bundle: seal: %w", err)
	}
	if _, err := seal.Verify(sealing, b.Key); err != nil {
		return fmt.Errorf("bundle: seal: %w", err)
	}
	sealText, err := json.Marshal(seal)
	if err != nil {
		return fmt.Errorf("bundle: seal: %w", err)
	}
	return writeParts(w, append([]part{memory(manifestName, text), memory(sealName, sealText)}, parts...))
}

func writeParts(w io.Writer, parts []part) error {
	members := make([]member, len(parts))
	var offset int64
	for i, p := range parts {
		m := member{name: p.Name, size: p.Size, crc: p.crc, offset: offset}
		members[i] = m
		if _, err := w.Write(m.localHeader()); err != nil {
			return fmt.Errorf("bundle: %s: %w", p.Name, err)
		}
		again, err := copyPart(w, p)
		if err != nil {
			return err
		}
		if again != p.SHA256 {
			return fmt.Errorf("bundle: %s changed while it was exported", p.Name)
		}
		offset += m.headerSize() + m.size
	}
	if _, err := w.Write(directory(members, offset)); err != nil {
		return fmt.Errorf("bundle: directory: %w", err)
	}
	return nil
}

func copyPart(w io.Writer, p part) (h blob.Hash, err error) {
	r, err := p.open()
	if err != nil {
		return h, fmt.Errorf("bundle: open %s: %w", p.Name, err)
	}
	defer func() {
		if cerr := r.Close(); cerr != nil && err == nil {
			err = fmt.Errorf("bundle: close %s: %w", p.Name, cerr)
		}
	}()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(r, p.Size+1))
	if err != nil {
		return h, fmt.Errorf("bundle: copy %s: %w", p.Name, err)
	}
	if n != p.Size {
		return h, fmt.Errorf("bundle: %s holds %d bytes, not %d", p.Name, n, p.Size)
	}
	return blob.Hash(sum.Sum(nil)), nil
}

// gather checks the entries and lists what follows the seal: README, entries, proofs, files once each.
func gather(b Bundle) ([]part, error) {
	parts := []part{memory(readmeName, []byte(readme))}
	var files []part
	seen, gone := map[string]bool{}, map[content]bool{}
	for i, e := range b.Entries {
		if err := bury(e, gone); err != nil {
			return nil, fmt.Errorf("bundle: %s: %w", entryName(i), err)
		}
	}
	for i, e := range b.Entries {
		name := entryName(i)
		if e.Name != "" && e.Name != name {
			return nil, fmt.Errorf("bundle: entry %d is named %s, not %s", i+1, e.Name, name)
		}
		entryFiles, err := checkEntry(name, e, b.Key)
		if err != nil {
			return nil, err
		}
		proof, err := json.Marshal(e.Proof)
		if err != nil {
			return nil, fmt.Errorf("bundle: proof of %s: %w", name, err)
		}
		parts = append(parts, memory(name, e.Payload), memory(proofName(name), proof))
		for _, f := range entryFiles {
			if seen[f.Name] {
				continue
			}
			seen[f.Name] = true
			if f.open == nil && !gone[f.content] {
				return nil, fmt.Errorf("bundle: %s cannot be opened and no tombstone names it", f.Name)
			}
			if f.open == nil {
				continue
			}
			if f.crc, err = measure(f); err != nil {
				return nil, err
			}
			files = append(files, f)
		}
	}
	return append(parts, files...), nil
}

// bury adds the files that an entry says are gone.
func bury(e Entry, gone map[content]bool) error {
	p, err := parsePayload(e.Payload)
	if err != nil {
		return err
	}
	list, err := p.deleted()
	for _, c := range list {
		gone[c] = true
	}
	return err
}

// checkEntry checks the entry's proof and that it brings exactly the files that its payload names.
func checkEntry(name string, e Entry, key string) ([]part, error) {
	if len(e.Payload) > maxPayload {
		return nil, fmt.Errorf("bundle: %s: payload of %d bytes", name, len(e.Payload))
	}
	p, err := parsePayload(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("bundle: %s: %w", name, err)
	}
	if _, err := e.Proof.Verify(e.Payload, key); err != nil {
		return nil, fmt.Errorf("bundle: %s: %w", name, err)
	}
	if len(p.Files) != len(e.Files) {
		return nil, fmt.Errorf("bundle: %s names %d files and brings %d", name, len(p.Files), len(e.Files))
	}
	parts := make([]part, len(e.Files))
	for i, f := range e.Files {
		named := p.Files[i]
		if f.Name != named.Name || f.Hash != named.SHA256 || f.Size != named.Size {
			return nil, fmt.Errorf("bundle: %s: file %d is not the one that the entry names", name, i+1)
		}
		parts[i] = part{content: content{Name: filePath(named), Size: f.Size, SHA256: f.Hash}, open: f.Open}
	}
	return parts, nil
}

// measure reads a file once: its content must have the hash and the size that the entry names.
func measure(p part) (uint32, error) {
	sum := crc32.NewIEEE()
	h, err := copyPart(sum, p)
	if err != nil {
		return 0, err
	}
	if h != p.SHA256 {
		return 0, fmt.Errorf("bundle: %s: the stored file has another hash: %s", p.Name, h)
	}
	return sum.Sum32(), nil
}

// canonicalProof reads proof JSON and reports whether it is exactly what Write would write.
func canonicalProof(text []byte) (ledger.Proof, bool) {
	var p ledger.Proof
	if err := json.Unmarshal(text, &p); err != nil {
		return p, false
	}
	again, err := json.Marshal(p)
	return p, err == nil && bytes.Equal(again, text)
}
