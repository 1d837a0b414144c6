// Package bundle writes and verifies a case as one zip that proves itself offline.
//
// The zip is canonical: entries stored, fixed times, fixed order, nothing between them. Verify derives every
// byte of the archive that is not content again from the manifest and compares, and compares every content with
// its hash, so that one changed byte anywhere is found and the file it lies in is named. The files are
//
//	manifest.json           what the bundle holds: every file below with size and SHA-256
//	seal.json               ledger proof of the manifest's hash (SealPayload)
//	README.txt              how to verify, in Chinese and English
//	entries/0001.json …     docket entries: the exact bytes whose salted hash is in the ledger
//	proofs/0001.json …      the ledger proof of each entry
//	files/<sha256>/<name>   the files that the entries name
package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"yunting/internal/blob"
	"yunting/internal/ledger"
)

// Bundle is what Write writes.
type Bundle struct {
	Title   string    // such as the case number
	Created time.Time // when it was exported
	Key     string    // the ledger's verifier key, Log.PublicKey
	Entries []Entry   // in the order of their sequence

	// Seal puts payload, which is SealPayload of the manifest's hash, into the ledger and returns its proof:
	// typically ledger.Queue in a transaction and then Log.Wait. Write calls it once, before it writes anything.
	Seal func(payload []byte) (ledger.Proof, error)
}

// Entry is one docket entry. Payload is the canonical JSON that was queued in the ledger; Files must be exactly
// the files that it names.
type Entry struct {
	Name    string // "entries/0001.json"; empty names it by its place
	Payload []byte
	Proof   ledger.Proof
	Files   []File
}

// KindDeleted is the kind of an entry that says which files were deleted by decision (a tombstone): its data holds
// them as "deleted", with name, sha256 and size. The bundle may be without them.
const KindDeleted = "recording.deleted"

// File is a file of an entry. Open is called twice: the content is checked against Hash and Size before
// anything is written. It is nil for a file that is gone by a tombstone of the same bundle.
type File struct {
	Name string // as the entry names it; the archive holds a safe form of it
	Hash blob.Hash
	Size int64
	Open func() (io.ReadCloser, error)
}

// Tampered says that a bundle is not what was exported. File is the file in which the fault lies, or Directory.
type Tampered struct {
	File   string
	Reason string
}

// Error implements error.
func (e *Tampered) Error() string { return fmt.Sprintf("bundle: %s: %s", e.File, e.Reason) }

func tampered(file, format string, args ...any) *Tampered {
	return &Tampered{File: file, Reason: fmt.Sprintf(format, args...)}
}

// Directory is the Tampered.File of a fault in the zip's own table of contents, which belongs to no file.
const Directory = "archive directory"

// The bounds of a bundle.
const (
	maxManifest = 64 << 20 // bytes
	maxSeal     = 1 << 20
	maxPayload  = 16 << 20
	maxProof    = 256 << 10
	maxContents = 500_000 // files in the archive
	maxName     = 120     // bytes of a file's safe name
)

const (
	format       = "yunting-bundle/1"
	manifestName = "manifest.json"
	sealName     = "seal.json"
	readmeName   = "README.txt"
)

// manifest is manifest.json. Its JSON is canonical: what json.Marshal gives for this struct.
type manifest struct {
	Format   string    `json:"format"`
	Title    string    `json:"title"`
	Created  time.Time `json:"created"`
	Key      string    `json:"key"`
	Entries  int       `json:"entries"`
	Contents []content `json:"contents"` // every file after the seal, in the archive's order
}

type content struct {
	Name   string    `json:"name"`
	Size   int64     `json:"size"`
	SHA256 blob.Hash `json:"sha256"`
}

// payload is the part of an entry's payload that the bundle reads.
type payload struct {
	Case  string          `json:"case"`
	Seq   int             `json:"seq"`
	Kind  string          `json:"kind"`
	At    time.Time       `json:"at"`
	Files []fileName      `json:"files"`
	Data  json.RawMessage `json:"data"`
}

// deleted are the files that a tombstone names.
func (p payload) deleted() ([]content, error) {
	if p.Kind != KindDeleted {
		return nil, nil
	}
	var data struct {
		Deleted []fileName `json:"deleted"`
	}
	if err := json.Unmarshal(p.Data, &data); err != nil {
		return nil, fmt.Errorf("not a tombstone: %w", err)
	}
	var list []content
	for _, f := range data.Deleted {
		list = append(list, content{Name: filePath(f), Size: f.Size, SHA256: f.SHA256})
	}
	return list, nil
}

type fileName struct {
	Name   string    `json:"name"`
	SHA256 blob.Hash `json:"sha256"`
	Size   int64     `json:"size"`
}

// SealPayload is the ledger payload that covers a manifest.
func SealPayload(manifest blob.Hash) []byte {
	return fmt.Appendf(nil, `{"format":%q,"manifest":%q}`, format, manifest.String())
}

// filePath is where a file lies in the archive.
func filePath(f fileName) string { return "files/" + f.SHA256.String() + "/" + SafeName(f.Name) }

// SafeName turns a file's name into one that every system can unpack: no path, no control or reserved
// characters, at most 120 bytes, never empty.
func SafeName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, "_"), `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"/\|?*`, r) || !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, name)
	name = strings.TrimRight(strings.TrimLeft(name, ". "), ". ")
	if len(name) > maxName {
		ext := path.Ext(name)
		if len(ext) > 16 {
			ext = ""
		}
		stem := name[:maxName-len(ext)]
		for !utf8.ValidString(stem) {
			stem = stem[:len(stem)-1]
		}
		name = strings.TrimRight(stem, ". ") + ext
	}
	if name == "" {
		return "file"
	}
	return name
}

func entryName(i int) string { return fmt.Sprintf("entries/%04d.json", i+1) }

func proofName(entry string) string { return "proofs/" + path.Base(entry) }

func parsePayload(data []byte) (payload, error) {
	var p payload
	if err := json.Unmarshal(data, &p); err != nil {
		return payload{}, fmt.Errorf("not an entry: %w", err)
	}
	if p.Case == "" || p.Seq < 1 || p.Kind == "" {
		return payload{}, errors.New("not an entry: case, seq or kind is missing")
	}
	return p, nil
}
