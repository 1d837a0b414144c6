package demo

import (
	"context"
	"crypto/ed25519"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/internal/ledger"
	"yunting/internal/postgres/pgtest"
	"yunting/service"
	"yunting/service/mail"
	"yunting/service/sign"
)

func testCourt(t *testing.T) Court {
	t.Helper()
	pool := pgtest.New(t)
	jobs, err := river.NewClient[pgx.Tx](riverpgxv5.New(pool), &river.Config{})
	if err != nil {
		t.Fatal(err)
	}
	store, err := blob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	log, err := ledger.Open(t.Context(), ledger.Options{Pool: pool, Key: ed25519.NewKeyFromSeed(make([]byte, 32)), Origin: "test/ledger"})
	if err != nil {
		t.Fatal(err)
	}
	log.Start()
	t.Cleanup(log.Stop)
	people := identity.New(pool, identity.Options{Key: make([]byte, 32)})
	register := docket.New(docket.Config{Pool: pool, Blobs: store, Jobs: jobs, Identity: people, Court: docket.ProfileCN(), Key: make([]byte, 32)})
	signer, err := sign.LoadOrCreate(t.TempDir(), register.Court().Name, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	spool, err := mail.NewSpool(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	return Court{Identity: people, Docket: register, Blobs: store, Now: time.Now, Service: service.New(service.Config{Pool: pool, Docket: register,
		Blobs: store, Signer: signer, Mail: spool, Jobs: jobs, Ledger: log, Identity: people, PublicURL: "http://127.0.0.1:8080"})}
}

func TestPrepareShowsEveryStageAndIsDoneOnce(t *testing.T) {
	c, dir := testCourt(t), t.TempDir()
	ctx := context.Background()
	first, err := c.Prepare(ctx, dir, "http://court")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Write(dir); err != nil {
		t.Fatal(err)
	}
	second, err := c.Prepare(ctx, dir, "http://court")
	if err != nil {
		t.Fatal(err)
	}
	if second.Hearing != first.Hearing || second.MediaToken != first.MediaToken {
		t.Error("a second start made another hearing or token")
	}
	cases, total, err := c.Docket.Cases(ctx, docket.Filter{Mine: first.People[3].account.ID, PerPage: 100})
	if err != nil {
		t.Fatal(err)
	}
	if total != len(plots()) {
		t.Errorf("%d cases, want %d", total, len(plots()))
	}
	var stages []docket.Stage
	for _, k := range cases {
		stages = append(stages, k.Stage)
	}
	for _, s := range docket.Stages() {
		if !slices.Contains(stages, s) {
			t.Errorf("no case in stage %s", s)
		}
	}
	h, err := c.Docket.Hearing(ctx, first.Hearing)
	if err != nil || !h.Live() {
		t.Errorf("the hearing is not open: %+v, %v", h.Phase, err)
	}
}

// TestPrepareGoesOnWhereAStartWasCutShort: the plots that were played stay as they are, and the rest follow.
func TestPrepareGoesOnWhereAStartWasCutShort(t *testing.T) {
	c, ctx := testCourt(t), t.Context()
	people, err := c.enrol(ctx)
	if err != nil {
		t.Fatal(err)
	}
	played := plots()[:5]
	played[4].until = docket.StageDraft // the fifth was cut short
	if _, err := c.play(ctx, people, played); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Prepare(ctx, t.TempDir(), "http://court"); err != nil {
		t.Fatal(err)
	}
	cases, _, err := c.Docket.Cases(ctx, docket.Filter{Mine: people[3].account.ID, PerPage: 100})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range plots() {
		var stages []docket.Stage
		for _, k := range cases {
			if k.AmountFen == 100*p.amount {
				stages = append(stages, k.Stage)
			}
		}
		slices.Sort(stages)
		want := []docket.Stage{p.until}
		if i == 4 {
			want = []docket.Stage{docket.StageCorrecting, docket.StageDraft}
		}
		if !slices.Equal(stages, want) {
			t.Errorf("%s: cases in %v, want %v", p.goods, stages, want)
		}
	}
}

func TestClipHasAKeyFrameEachSecond(t *testing.T) {
	c, err := loadClip()
	if err != nil {
		t.Fatal(err)
	}
	last := -2 * time.Second
	for _, f := range c.video {
		if f.key {
			last = f.at
		}
		if f.at-last > 1100*time.Millisecond {
			t.Fatalf("no key frame between %v and %v", last, f.at)
		}
	}
	if end := c.audio[len(c.audio)-1].at; end < clipLength-100*time.Millisecond {
		t.Errorf("sound ends at %v", end)
	}
}

func TestCheckDigits(t *testing.T) {
	for _, p := range cast() {
		if err := identity.ValidResidentID(withCheckDigit(p.idNumber)); err != nil {
			t.Errorf("%s: %v", p.Login, err)
		}
	}
}
