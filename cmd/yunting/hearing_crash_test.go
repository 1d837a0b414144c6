package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"yunting/docket"
	"yunting/internal/postgres"
)

// recordedPart is what the database has of one participant in one run of the recorder.
type recordedPart struct {
	Session, Participant string
	First, Last, Count   int
	Previous, Chain      []byte // of the first segment: what it goes on from; of the last
}

// TestNothingAcknowledgedIsLostInAHearing kills PostgreSQL and then the server in mid-hearing. Each segment is a leaf of
// the ledger soon after it was closed, none is missing afterwards, each participant's recording goes on as a linked part,
// who received whom is known to the last second, and the exported case verifies.
func TestNothingAcknowledgedIsLostInAHearing(t *testing.T) {
	p := startDemo(t, "--log-level", "warn")
	hearing, judge := p.file().Hearing.String(), p.token("linjing")
	clerk := p.sit(p.token("wanglei"), hearing) // the judge's seat is that of a synthetic participant
	first := p.parts(hearing, "three segments of everybody", func(list []recordedPart) bool { return len(list) > 1 && least(list) >= 3 })
	p.checkLateness(hearing)

	p.killPostgreSQL()
	reached := least(first)
	after := p.parts(hearing, "segments that were closed while the database was down and later", func(list []recordedPart) bool {
		return len(list) >= len(first) && least(list) >= reached+4
	})
	for _, one := range after {
		if one.First != 1 || one.Count != one.Last {
			t.Errorf("after the database was killed: %+v", one)
		}
	}

	kept, ended := p.killWhileForwarding(judge, hearing)
	_ = clerk.Close() // its server is gone
	p.start()
	p.checkForwardings(hearing, kept, ended)
	clerk = p.sit(p.token("wanglei"), hearing)
	defer clerk.Close()
	both := p.parts(hearing, "a second part of everybody", func(list []recordedPart) bool { return len(list) >= 2*len(after) })
	chains := map[string]string{}
	for _, one := range both { // in the order of the runs
		if string(one.Previous) != chains[one.Participant] {
			t.Errorf("%s of %s goes on from %x, want %x", one.Session, one.Participant, one.Previous, chains[one.Participant])
		}
		if one.First != 1 || one.Count != one.Last {
			t.Errorf("segments are missing: %+v", one)
		}
		chains[one.Participant] = string(one.Chain)
	}

	bench := p.sit(judge, hearing)
	defer bench.Close()
	p.move(bench, "recess")
	p.move(bench, "closed")
	var at docket.Hearing
	p.call(judge, "GET", "/api/v1/hearings/"+hearing, nil, &at, http.StatusOK)
	p.until("the integrity value", func() bool { return p.entered(judge, at.Case, docket.EntryIntegrity) })
	if said := p.verifyCase(judge, at.Case); !strings.Contains(said, "the recorder ended and began anew") {
		t.Errorf("verify does not tell of the server's end:\n%s", said)
	}
}

// least is how many segments the participant with the fewest has.
func least(list []recordedPart) int {
	n := list[0].Count
	for _, one := range list {
		n = min(n, one.Count)
	}
	return n
}

// query asks the court's private database.
func (p *process) query(ctx context.Context, sql string, args ...any) (pgx.Rows, func(), error) {
	dsn, err := postgres.DSN(filepath.Join(p.dir, "postgres"), "yunting")
	if err != nil {
		return nil, nil, err
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, nil, err
	}
	end := func() { _ = conn.Close(ctx) } // a connection that was only read from
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		end()
	}
	return rows, end, err
}

// parts polls the database, which may be down, for what is recorded.
func (p *process) parts(hearing, what string, enough func([]recordedPart) bool) (list []recordedPart) {
	p.t.Helper()
	ctx := p.t.Context()
	p.until(what, func() bool {
		rows, end, err := p.query(ctx, `SELECT session, participant, min(number), max(number), count(*),
				coalesce((array_agg(previous ORDER BY number))[1], ''), (array_agg(chain ORDER BY number DESC))[1]
			FROM recording_segments WHERE hearing_id = $1 GROUP BY session, participant ORDER BY session, participant`, hearing)
		if err != nil {
			return false
		}
		defer end()
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[recordedPart])
		return err == nil && len(list) > 0 && enough(list)
	})
	return list
}

// checkLateness measures from the last packet of each segment to the checkpoint that its leaf is in.
func (p *process) checkLateness(hearing string) {
	p.t.Helper()
	ctx := p.t.Context()
	rows, end, err := p.query(ctx, `WITH late AS (SELECT extract(epoch FROM
				(SELECT min(at) FROM ledger_checkpoint WHERE tree_size > l.leaf_index) - s.ended_at) AS seconds
			FROM recording_segments s JOIN ledger_leaf l ON l.id = s.leaf_id WHERE s.hearing_id = $1)
		SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds), max(seconds) FROM late WHERE seconds IS NOT NULL`, hearing)
	if err != nil {
		p.t.Fatal(err)
	}
	defer end()
	type lateness struct {
		Count        int
		Median, Most float64
	}
	late, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[lateness])
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Logf("%d segments were in a checkpoint %.2f s after their last packet, at most %.2f s", late.Count, late.Median, late.Most)
	if late.Count < 4 || late.Median > 2 || late.Most > 10 { // the machine may be busy with other tests
		p.t.Errorf("segments come late into the ledger: %+v", late)
	}
}

// killPostgreSQL is kill -9 of the postmaster.
func (p *process) killPostgreSQL() {
	p.t.Helper()
	lock, err := os.ReadFile(filepath.Join(p.dir, "postgres", "data", "postmaster.pid"))
	if err != nil {
		p.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.Fields(string(lock))[0])
	if err != nil {
		p.t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		p.t.Fatal(err)
	}
	p.until("the end of the postmaster or another one", func() bool {
		now, err := os.ReadFile(filepath.Join(p.dir, "postgres", "data", "postmaster.pid"))
		return err != nil || strings.Fields(string(now))[0] != strconv.Itoa(pid) || syscall.Kill(pid, 0) != nil
	})
}
