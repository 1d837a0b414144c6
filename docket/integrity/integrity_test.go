package integrity

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"yunting/internal/blob"
)

func sample(t *testing.T) Record {
	t.Helper()
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	presence := json.RawMessage(`[{"name":"林静"}]`)
	items := []Item{{Kind: KindPresence, Size: int64(len(presence)), SHA256: sha256.Sum256(presence), Content: presence}}
	for n := range 20 {
		items = append(items, Item{Kind: KindSegment, Session: "s", Participant: "p", Number: n + 1, From: &at, To: &at,
			Size: int64(n), SHA256: blob.Hash{byte(n)}})
	}
	r, err := New("h", items)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestEveryEditIsFound changes, removes, repeats and cuts bytes 10,000 times.
func TestEveryEditIsFound(t *testing.T) {
	whole, err := sample(t).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(whole); err != nil {
		t.Fatalf("the record itself: %v", err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	for n := range 10_000 {
		b, at := bytes.Clone(whole), random.IntN(len(whole))
		switch n % 4 {
		case 0:
			b[at] ^= byte(1 + random.IntN(255))
		case 1:
			b = slices.Delete(b, at, at+1)
		case 2:
			b = slices.Insert(b, at, byte(random.IntN(256)))
		case 3:
			b = b[:at]
		}
		if _, err := Parse(b); err == nil {
			t.Fatalf("edit %d at byte %d is not found", n, at)
		}
	}
}

// TestRootCoversOrder: an item removed, moved or swapped gives another root, whoever writes it canonically.
func TestRootCoversOrder(t *testing.T) {
	r := sample(t)
	for i := range r.Items {
		removed, err := New("h", slices.Delete(slices.Clone(r.Items), i, i+1))
		if err != nil || removed.Root == r.Root {
			t.Errorf("item %d removed: %v", i, err)
		}
		swapped := slices.Clone(r.Items)
		j := (i + 1) % len(swapped)
		swapped[i], swapped[j] = swapped[j], swapped[i]
		if other, err := New("h", swapped); err != nil || other.Root == r.Root {
			t.Errorf("items %d and %d swapped: %v", i, j, err)
		}
	}
}
