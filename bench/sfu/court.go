//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"yunting/docket"
	"yunting/docket/complaint"
	"yunting/docket/deadline"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/internal/postgres"
	"yunting/media"
	"yunting/signaling"
)

// account is whom the tool calls by that name, on both sides of the socket.
func account(name string) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceOID, []byte("bench "+name)) }

const (
	judgeName = "judge"
	clerkName = "clerk"
)

// court is what one hearing's room needs: a database of its own, the docket
// with one case that is to be heard now, and the hub of the room.
type court struct {
	hub     *signaling.Hub
	hearing docket.Hearing
	stops   []func() error // the last started last
}

// openCourt starts all of it in a temporary directory. The database is a
// process of its own, whose CPU time is not the server's.
func openCourt(ctx context.Context, sfu *media.SFU, log *slog.Logger) (c *court, err error) {
	c = &court{}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	dir, err := os.MkdirTemp("", "sfu-court-")
	if err != nil {
		return c, err
	}
	c.stops = append(c.stops, func() error { return os.RemoveAll(dir) })
	database, err := postgres.LaunchVolatile(ctx, filepath.Join(dir, "postgres"), log)
	if err != nil {
		return c, err
	}
	c.stops = append(c.stops, database.Stop)
	pool, err := postgres.Open(ctx, database.DSN(postgres.MainDatabase))
	if err != nil {
		return c, err
	}
	c.stops = append(c.stops, func() error { pool.Close(); return nil })
	blobs, err := blob.OpenDir(filepath.Join(dir, "blobs"))
	if err != nil {
		return c, err
	}
	d, err := newDocket(pool, blobs)
	if err != nil {
		return c, err
	}
	if c.hearing, err = schedule(ctx, d, blobs); err != nil {
		return c, fmt.Errorf("set the hearing: %w", err)
	}
	if c.hub, err = signaling.New(signaling.Config{Docket: d, SFU: sfu, Blobs: blobs, RecordingDir: filepath.Join(dir, "recordings"), Logger: log}); err != nil {
		return c, err
	}
	if err := c.hub.Start(ctx); err != nil {
		return c, err
	}
	c.stops = append(c.stops, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		return c.hub.Shutdown(ctx)
	})
	return c, nil
}

func newDocket(pool *pgxpool.Pool, blobs blob.Store) (*docket.Docket, error) {
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{}) // puts jobs in; nobody works them
	if err != nil {
		return nil, err
	}
	return docket.New(docket.Config{Pool: pool, Blobs: blobs, Jobs: jobs, Court: docket.ProfileCN()}), nil
}

// schedule carries a case from its filing to a public hearing.
func schedule(ctx context.Context, d *docket.Docket, blobs blob.Store) (h docket.Hearing, err error) {
	filer := identity.Actor{Account: account("filer"), Name: "张伟"}
	opened, err := d.CreateDraft(ctx, filer)
	if err != nil {
		return h, err
	}
	person := func(standing, name, number, gender, birth string) complaint.PartyInput {
		return complaint.PartyInput{Standing: standing, Kind: complaint.Natural, Name: name, IDKind: "resident_id", IDNumber: number, Gender: gender,
			Birth: deadline.MustParse(birth), Ethnicity: "汉族", Occupation: "个体经营", Phone: "13800138000", Email: "bench@example.org", Address: "北京市朝阳区建国路1号"}
	}
	saved, err := d.SaveDraft(ctx, filer, opened.ID, opened.Version, docket.Draft{
		CauseCode: "04.01.11",
		Parties: []complaint.PartyInput{
			person(complaint.Plaintiff, "张伟", "11010519491231002X", "男", "1949-12-31"), // the standard's own specimen
			person(complaint.Defendant, "李娜", "310101199003078328", "女", "1990-03-07"),
		},
		Claims:  []complaint.Claim{{Text: "判令被告支付货款100000元", AmountFen: 100_000_00}},
		Facts:   "2025年10月8日，双方签订买卖合同，原告已交货，被告未付款。",
		Grounds: "依照《中华人民共和国民法典》第六百二十六条，买受人应当支付价款。",
	})
	if err != nil {
		return h, err
	}
	file, err := blobs.Put(ctx, strings.NewReader("合同"))
	if err != nil {
		return h, err
	}
	if _, err := d.AddEvidence(ctx, filer, saved.ID, docket.EvidenceInput{Name: "买卖合同", Source: "原告保存", Purpose: "证明合同成立",
		FileName: "合同.txt", MediaType: "text/plain; charset=utf-8", Blob: file, UploadID: "1"}); err != nil {
		return h, err
	}
	if _, err := d.Submit(ctx, filer, saved.ID, saved.Version); err != nil {
		return h, err
	}
	filed, err := d.Case(ctx, saved.ID)
	if err != nil {
		return h, err
	}
	clerk := identity.Actor{Account: account(clerkName), Name: clerkName}
	accepted, err := d.Accept(ctx, clerk, filed.ID, docket.AcceptInput{Version: filed.Version, Procedure: docket.ProcedureSimple,
		Judge: account(judgeName), Clerk: clerk.Account})
	if err != nil {
		return h, err
	}
	return d.ScheduleHearing(ctx, clerk, accepted.ID, docket.HearingInput{Start: time.Now(), Minutes: 60, Public: true, PartiesAgreed: true})
}

// ServeHTTP opens the room's socket to anybody, as whom and in the seat that
// they say: it is for measuring on loopback, nothing else.
func (c *court) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	c.hub.Serve(w, r, identity.Actor{Account: account(name), Name: name}, c.hearing, signaling.Seat(r.URL.Query().Get("seat")))
}

// close stops everything, the last started first.
func (c *court) close() error {
	var errs []error
	for i := len(c.stops) - 1; i >= 0; i-- {
		errs = append(errs, c.stops[i]())
	}
	return errors.Join(errs...)
}
