package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"yunting/docket"
	"yunting/internal/ledger"
)

// witness knows of the ledger what everybody does, and remembers every checkpoint that it was shown.
type witness struct {
	t      testing.TB
	p      *process
	vkey   string
	roots  map[int64]tlog.Hash // of the checkpoints seen, by size
	newest int64               // the largest size seen
}

func newWitness(t testing.TB, p *process) *witness {
	t.Helper()
	status, page, err := p.try("", "GET", "/ledger", nil)
	if err != nil || status != http.StatusOK {
		t.Fatalf("the ledger's page: status %d, %v", status, err)
	}
	vkey := regexp.MustCompile(`[\w.]+/ledger\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+`).FindString(html.UnescapeString(string(page)))
	if vkey == "" {
		t.Fatal("the ledger's page shows no key")
	}
	return &witness{t: t, p: p, vkey: vkey, roots: map[int64]tlog.Hash{}}
}

// look reads the newest checkpoint. The log must never go back, nor sign two trees of one size. An error is the
// server's death.
func (w *witness) look() error {
	status, signed, err := w.p.try("", "GET", "/ledger/checkpoint", nil)
	if err == nil && status >= 500 {
		err = fmt.Errorf("status %d", status)
	}
	if err != nil {
		return err
	}
	c, err := ledger.ParseCheckpoint(signed, w.vkey)
	if err != nil {
		w.t.Errorf("checkpoint: %v\n%s", err, signed)
		return errors.New("unexpected reply")
	}
	if root, seen := w.roots[c.Size]; c.Size < w.newest || seen && root != c.Root {
		w.t.Errorf("checkpoint of size %d and root %v; seen were size %d and root %v of the same", c.Size, c.Root, w.newest, root)
	}
	w.roots[c.Size], w.newest = c.Root, max(w.newest, c.Size)
	return nil
}

// verify hashes the whole tree from its leaves, holds every checkpoint seen against it, and proves every entry of every
// case that reader may read. Each entry has a leaf of its own.
func (w *witness) verify(reader string) {
	w.t.Helper()
	places := map[int64]tlog.Hash{} // leaves of entries, by index
	for _, kase := range allCases(w.t, w.p, reader) {
		w.entries(reader, "/cases/"+kase.String()+"/entries", places)
	}
	if err := w.look(); err != nil {
		w.t.Fatal(err)
	}
	leaves := w.leaves()
	tree, prefixes := storedHashes{}, 0
	for n, leaf := range leaves {
		hashes, err := tlog.StoredHashesForRecordHash(int64(n), leaf, tree)
		if err != nil {
			w.t.Fatal(err)
		}
		for i, h := range hashes {
			tree[tlog.StoredHashIndex(0, int64(n))+int64(i)] = h
		}
		signed, seen := w.roots[int64(n)+1]
		if !seen {
			continue
		}
		if root, err := tlog.TreeHash(int64(n)+1, tree); err != nil || root != signed {
			w.t.Errorf("the checkpoint of size %d is of another tree: %v", n+1, err)
		}
		prefixes++
	}
	for index, leaf := range places {
		if leaves[index] != leaf {
			w.t.Errorf("leaf %d is not the entry's that was proven there", index)
		}
	}
	if prefixes != len(w.roots) || len(places) == 0 {
		w.t.Errorf("%d of %d checkpoints were checked, %d entries proven", prefixes, len(w.roots), len(places))
	}
	w.t.Logf("the tree of %d leaves holds %d checkpoints that were seen and %d entries", len(leaves), prefixes, len(places))
}

// entries proves each entry of a case and notes its leaf in places, where no other may be.
func (w *witness) entries(reader, path string, places map[int64]tlog.Hash) {
	w.t.Helper()
	var entries []docket.Entry
	w.p.call(reader, "GET", "/api/v1"+path, nil, &entries, http.StatusOK)
	for _, e := range entries {
		status, payload, err := w.p.try(reader, "GET", fmt.Sprintf("%s/%d/payload.json", path, e.Seq), nil)
		if err != nil || status != http.StatusOK || !json.Valid(payload) {
			w.t.Fatalf("%s %d: status %d, %v", path, e.Seq, status, err)
		}
		proof := w.proof(reader, fmt.Sprintf("/api/v1%s/%d/proof", path, e.Seq))
		if _, err := proof.Verify(payload, w.vkey); err != nil {
			w.t.Errorf("%s %d: %v", path, e.Seq, err)
		}
		if _, taken := places[proof.Index]; taken {
			w.t.Errorf("%s %d: another entry has leaf %d too", path, e.Seq, proof.Index)
		}
		places[proof.Index] = ledger.LeafHash(proof.Salt, payload)
	}
}

// proof asks for the proof of an entry until that is in the ledger, which takes a moment after it was acknowledged.
func (w *witness) proof(reader, path string) (proof ledger.Proof) {
	w.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); ; <-tick.C {
		status, reply, err := w.p.try(reader, "GET", path, nil)
		if err == nil && status == http.StatusServiceUnavailable && time.Now().Before(end) {
			continue
		}
		if err != nil || status != http.StatusOK || json.Unmarshal(reply, &proof) != nil {
			w.t.Fatalf("GET %s: status %d, %v: %s", path, status, err, reply)
		}
		return proof
	}
}

// leaves are the hashes of all leaves, from the tiles of c2sp.org/tlog-tiles.
func (w *witness) leaves() []tlog.Hash {
	w.t.Helper()
	const height, width = 8, 1 << 8
	var all []tlog.Hash
	for at := int64(0); at < w.newest; at += width {
		tile := tlog.Tile{H: height, N: at / width, W: int(min(width, w.newest-at))}
		status, data, err := w.p.try("", "GET", "/ledger/"+tile.Path(), nil)
		if err != nil || status != http.StatusOK || len(data) != tile.W*tlog.HashSize {
			w.t.Fatalf("%s: status %d, %d bytes, %v", tile.Path(), status, len(data), err)
		}
		for i := range tile.W {
			all = append(all, tlog.Hash(data[i*tlog.HashSize:][:tlog.HashSize]))
		}
	}
	return all
}

// storedHashes is a whole tree, by tlog's positions.
type storedHashes map[int64]tlog.Hash

// ReadHashes implements tlog.HashReader.
func (s storedHashes) ReadHashes(positions []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(positions))
	for i, p := range positions {
		h, ok := s[p]
		if !ok {
			return nil, fmt.Errorf("no hash at %d", p)
		}
		out[i] = h
	}
	return out, nil
}
