package ledger

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a signed tree head (c2sp.org/tlog-checkpoint). At is when the court signed it; it stands in
// the checkpoint as the extension line "at RFC3339" and is covered by the signature.
type Checkpoint struct {
	Origin string    `json:"origin"`
	Size   int64     `json:"size"`
	Root   tlog.Hash `json:"root"`
	At     time.Time `json:"at"`
	Key    string    `json:"key"` // name+hash of the key that signed it
}

// maxCheckpoint bounds a checkpoint in bytes.
const maxCheckpoint = 64 << 10

func formatCheckpoint(c Checkpoint) string {
	return fmt.Sprintf("%s\n%d\n%s\nat %s\n", c.Origin, c.Size,
		base64.StdEncoding.EncodeToString(c.Root[:]), c.At.UTC().Format(time.RFC3339Nano))
}

// ParseCheckpoint verifies that the signed note is a checkpoint of the log whose verifier key (vkey,
// "name+hash+key") is given, and reads it.
func ParseCheckpoint(signed []byte, vkey string) (Checkpoint, error) {
	if len(signed) > maxCheckpoint {
		return Checkpoint{}, fmt.Errorf("ledger: checkpoint of %d bytes", len(signed))
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("ledger: verifier key: %w", err)
	}
	n, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("ledger: checkpoint: %w", err)
	}
	c, err := parseBody(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != verifier.Name() {
		return Checkpoint{}, fmt.Errorf("ledger: checkpoint of %q signed by %q", c.Origin, verifier.Name())
	}
	c.Key = fmt.Sprintf("%s+%08x", verifier.Name(), verifier.KeyHash())
	return c, nil
}

func parseBody(text string) (Checkpoint, error) {
	bad := func(what string) (Checkpoint, error) {
		return Checkpoint{}, errors.New("ledger: checkpoint: bad " + what)
	}
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] == "" || lines[len(lines)-1] != "" {
		return bad("form")
	}
	c := Checkpoint{Origin: lines[0]}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return bad("size")
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return bad("root")
	}
	c.Size = size
	copy(c.Root[:], root)
	for _, line := range lines[3 : len(lines)-1] {
		stamp, ok := strings.CutPrefix(line, "at ")
		if !ok {
			continue // other extension lines are allowed and mean nothing here
		}
		if c.At, err = time.Parse(time.RFC3339Nano, stamp); err != nil {
			return bad("time")
		}
	}
	return c, nil
}

// keys makes the note signer and the verifier key of an Ed25519 key under the log's name.
func keys(origin string, key ed25519.PrivateKey) (note.Signer, string, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, "", fmt.Errorf("ledger: signing key of %d bytes", len(key))
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, "", errors.New("ledger: signing key is not Ed25519")
	}
	vkey, err := note.NewEd25519VerifierKey(origin, public)
	if err != nil {
		return nil, "", fmt.Errorf("ledger: origin %q: %w", origin, err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, "", fmt.Errorf("ledger: origin %q: %w", origin, err)
	}
	const algEd25519 = 1
	secret := append([]byte{algEd25519}, key.Seed()...)
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", origin, verifier.KeyHash(), base64.StdEncoding.EncodeToString(secret)))
	if err != nil {
		return nil, "", fmt.Errorf("ledger: signing key: %w", err)
	}
	return signer, vkey, nil
}

func signCheckpoint(c Checkpoint, signer note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: formatCheckpoint(c)}, signer)
	if err != nil {
		return nil, fmt.Errorf("ledger: sign the checkpoint: %w", err)
	}
	return bytes.Clone(signed), nil
}
