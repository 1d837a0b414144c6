package service_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/digitorus/timestamp"

	"yunting/docket"
	"yunting/service/sign"
)

// authority is a time-stamp authority over HTTP (RFC 3161, 3.4) that one can stop.
type authority struct {
	*httptest.Server
	down  atomic.Bool
	asked atomic.Int32
}

// authoritySigner makes a signer that has a time-stamp authority of its own, on a clock that tests move.
func authoritySigner(t *testing.T, at *clock) (*sign.Signer, *authority) {
	t.Helper()
	dir := t.TempDir()
	_, err := sign.LoadOrCreate(dir, "北京云庭法院", at.Now)
	must(t, err)
	data, err := os.ReadFile(filepath.Join(dir, "timestamp.pem"))
	must(t, err)
	block, rest := pem.Decode(data)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	must(t, err)
	block, _ = pem.Decode(rest)
	cert, err := x509.ParseCertificate(block.Bytes)
	must(t, err)
	a := &authority{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.asked.Add(1)
		if a.down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		ask, err := timestamp.ParseRequest(body)
		if err != nil {
			t.Error(err)
			return
		}
		stamp := timestamp.Timestamp{HashAlgorithm: ask.HashAlgorithm, HashedMessage: ask.HashedMessage, Nonce: ask.Nonce, Time: at.Now(),
			Policy: []int{2, 999, 1}, AddTSACertificate: true}
		answer, err := stamp.CreateResponseWithOpts(cert, key.(crypto.Signer), ask.HashAlgorithm)
		if err != nil {
			t.Error(err)
		}
		if _, err := w.Write(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(a.Close)
	s, err := sign.Load(sign.Files{Key: filepath.Join(dir, "signer.pem"), Roots: filepath.Join(dir, "roots.pem"), StampURL: a.URL})
	must(t, err)
	return s, a
}

// TestStampIsRetried: while the authority does not answer the value stands unstamped; then it gets one time-stamp, which
// is over the value's file.
func TestStampIsRetried(t *testing.T) {
	c := newCourt(t, nil)
	ctx := t.Context()
	h := c.closedHearing()
	c.authority.down.Store(true)
	before := c.authority.asked.Load()
	value, err := c.docket.SealRecord(ctx, h.ID)
	must(t, err)
	c.until("the authority was asked again", func() bool { return c.authority.asked.Load() >= before+2 })
	waiting, err := c.docket.IntegrityOf(ctx, h.ID)
	must(t, err)
	if waiting.Root != value.Root || waiting.Stamp != nil {
		t.Errorf("without an authority: %+v", waiting)
	}
	c.authority.down.Store(false)
	c.settle()
	got, err := c.docket.IntegrityOf(ctx, h.ID)
	must(t, err)
	if got.Stamp == nil {
		t.Fatal("no time-stamp after the authority came back")
	}
	file, err := c.blobs.Open(ctx, got.Stamp.File.Hash)
	must(t, err)
	defer file.Close() // only read from
	var token bytes.Buffer
	_, err = token.ReadFrom(file)
	must(t, err)
	stamped, err := sign.CheckStamp(token.Bytes(), got.File.Hash, c.signer.Roots())
	must(t, err)
	if !stamped.At.Equal(got.Stamp.At) || stamped.By.Subject.CommonName != got.Stamp.Authority {
		t.Errorf("the token says %v by %v, the register %+v", stamped.At, stamped.By.Subject, got.Stamp)
	}
}

// closedHearing holds a hearing from opening to close.
func (c *court) closedHearing() docket.Hearing {
	c.t.Helper()
	ctx := c.t.Context()
	h, err := c.docket.ScheduleHearing(ctx, c.clerk, c.linked().ID, docket.HearingInput{Start: c.clock.Now().AddDate(0, 0, 5), Minutes: 60, Public: true})
	must(c.t, err)
	for _, phase := range []docket.Phase{docket.PhaseOpening, docket.PhaseInvestigation, docket.PhaseDebate, docket.PhaseFinal, docket.PhaseClosed} {
		_, err := c.docket.MovePhase(ctx, c.judge, h.ID, phase)
		must(c.t, err)
	}
	h, err = c.docket.Hearing(ctx, h.ID)
	must(c.t, err)
	return h
}
