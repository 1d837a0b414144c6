package bundle

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"yunting/internal/ledger"
)

// memoryLog is a ledger without a database, so that a fuzzing worker starts at once.
type memoryLog struct {
	signer note.Signer
	key    string
	hashes []tlog.Hash
	size   int64
}

func newMemoryLog(t testing.TB) *memoryLog {
	t.Helper()
	secret, key, err := note.GenerateKey(rand.Reader, "court.test/ledger")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	return &memoryLog{signer: signer, key: key}
}

func (m *memoryLog) read(positions []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(positions))
	for i, p := range positions {
		out[i] = m.hashes[p]
	}
	return out, nil
}

func (m *memoryLog) prove(payload []byte) (ledger.Proof, error) {
	read := tlog.HashReaderFunc(m.read)
	var salt ledger.Salt
	fresh, err := tlog.StoredHashesForRecordHash(m.size, ledger.LeafHash(salt, payload), read)
	if err != nil {
		return ledger.Proof{}, err
	}
	m.hashes = append(m.hashes, fresh...)
	m.size++
	root, err := tlog.TreeHash(m.size, read)
	if err != nil {
		return ledger.Proof{}, err
	}
	text := fmt.Sprintf("%s\n%d\n%s\nat 2026-03-06T01:02:03Z\n", m.signer.Name(), m.size, base64.StdEncoding.EncodeToString(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, m.signer)
	if err != nil {
		return ledger.Proof{}, err
	}
	path, err := tlog.ProveRecord(m.size, m.size-1, read)
	return ledger.Proof{Index: m.size - 1, TreeSize: m.size, Salt: salt, Hashes: path, Checkpoint: signed}, err
}

func FuzzVerify(f *testing.F) {
	log := newMemoryLog(f)
	contract := inMemory("contract.pdf", []byte("%PDF-1.7 a contract"))
	payload := fmt.Appendf(nil, `{"case":"c","seq":1,"kind":"submitted","at":"2026-03-06T01:00:00Z","files":[{"name":"contract.pdf","sha256":%q,"size":19}]}`, contract.Hash)
	proof, err := log.prove(payload)
	if err != nil {
		f.Fatal(err)
	}
	whole := write(f, Bundle{
		Title: "fuzz", Created: time.Date(2026, 3, 7, 0, 0, 0, 0, time.UTC), Key: log.key, Seal: log.prove,
		Entries: []Entry{{Payload: payload, Proof: proof, Files: []File{contract}}},
	})
	if _, err := verify(whole, log.key); err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte("PK\x03\x04"))
	f.Add(append(member{name: manifestName, size: 2}.localHeader(), "{}"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		report, err := verify(data, "")
		var bad *Tampered
		if err != nil && !errors.As(err, &bad) {
			t.Errorf("neither whole nor tampered: %v", err)
		}
		if report.Text("zh", nil) == "" {
			t.Error("no report")
		}
		if _, err := verify(data, log.key); err == nil && string(data) != string(whole) {
			t.Error("another archive verifies with the court's key")
		}
	})
}
