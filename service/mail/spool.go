package mail

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/mail"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// maxListed bounds one List.
const maxListed = 500

// Spool keeps mail as .eml files in a directory, for a demonstration or for another program to send.
type Spool struct {
	dir  string
	from string
}

// NewSpool makes the directory when it is missing. Mail comes from the address from, DefaultFrom when empty.
func NewSpool(dir, from string) (*Spool, error) {
	if from == "" {
		from = DefaultFrom
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("mail: spool: %w", err)
	}
	return &Spool{dir: dir, from: from}, nil
}

// Send implements Mailer: when it returns nil the file survives a crash of the machine. The name holds the
// hash of the Message-ID, so sending again replaces the same file.
func (s *Spool) Send(_ context.Context, m Message) error {
	msg, err := build(m, s.from)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(s.dir, ".new-*")
	if err != nil {
		return fmt.Errorf("mail: spool: %w", err)
	}
	defer os.Remove(file.Name()) // fails harmlessly once renamed
	if _, err := msg.WriteTo(file); err != nil {
		return errors.Join(fmt.Errorf("mail: spool: %w", err), file.Close())
	}
	if err := file.Sync(); err != nil {
		return errors.Join(fmt.Errorf("mail: spool: %w", err), file.Close())
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("mail: spool: %w", err)
	}
	if err := os.Rename(file.Name(), filepath.Join(s.dir, fileName(m))); err != nil {
		return fmt.Errorf("mail: spool: %w", err)
	}
	return syncDir(s.dir)
}

// fileName is the same for the same Message-ID, and safe whatever characters that holds.
func fileName(m Message) string {
	sum := sha256.Sum256([]byte(m.ID))
	return hex.EncodeToString(sum[:12]) + ".eml"
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("mail: spool: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// Spooled is one mail in a spool, without its body.
type Spooled struct {
	File    string    `json:"file"` // name for Open
	ID      string    `json:"id"`   // Message-ID without angle brackets
	From    string    `json:"from"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Date    time.Time `json:"date"`
	Size    int64     `json:"size"` // bytes
}

// List gives the mails in the spool, newest first, at most maxListed.
func (s *Spool) List() ([]Spooled, error) { return List(s.dir) }

// List gives the mails in a spool directory, newest first, at most maxListed.
func List(dir string) ([]Spooled, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("mail: spool: %w", err)
	}
	var list []Spooled
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".eml") {
			continue
		}
		one, err := readHead(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	sort.Slice(list, func(i, j int) bool {
		if !list[i].Date.Equal(list[j].Date) {
			return list[i].Date.After(list[j].Date)
		}
		return list[i].File < list[j].File
	})
	if len(list) > maxListed {
		list = list[:maxListed]
	}
	return list, nil
}

func readHead(path string) (Spooled, error) {
	file, err := os.Open(path)
	if err != nil {
		return Spooled{}, fmt.Errorf("mail: spool: %w", err)
	}
	defer file.Close() // only read from
	info, err := file.Stat()
	if err != nil {
		return Spooled{}, fmt.Errorf("mail: spool: %w", err)
	}
	parsed, err := mail.ReadMessage(file)
	if err != nil {
		return Spooled{}, fmt.Errorf("mail: spool: %s: %w", filepath.Base(path), err)
	}
	decoder := new(mime.WordDecoder)
	head := func(name string) string {
		text, err := decoder.DecodeHeader(parsed.Header.Get(name))
		if err != nil {
			return parsed.Header.Get(name)
		}
		return text
	}
	date, err := parsed.Header.Date()
	if err != nil {
		return Spooled{}, fmt.Errorf("mail: spool: %s: %w", filepath.Base(path), err)
	}
	return Spooled{File: filepath.Base(path), ID: strings.Trim(head("Message-Id"), "<>"), From: head("From"),
		To: head("To"), Subject: head("Subject"), Date: date.UTC(), Size: info.Size()}, nil
}

// Open opens one mail by the File of its listing; names with a path are refused.
func Open(dir, file string) (*os.File, error) {
	if file != filepath.Base(file) || !strings.HasSuffix(file, ".eml") || strings.HasPrefix(file, ".") {
		return nil, fs.ErrNotExist
	}
	return os.Open(filepath.Join(dir, file))
}
