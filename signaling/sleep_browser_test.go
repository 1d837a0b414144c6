package signaling

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
)

// TestBrowserSleep freezes the judge's page and then stops the whole browser, as a closed lid does, until the server has
// given the socket up: each time the page is back by itself, with its sound.
func TestBrowserSleep(t *testing.T) {
	c := newCourt(t)
	site := httptest.NewServer(c.pages(bundle(t)))
	t.Cleanup(site.Close)
	clerk := c.enter(t, "clerk", nil)
	clerk.join()
	judge := openTab(t, startBrowser(t), site.URL+"/room?seat=judge")
	judge.until("the declaration is asked for", `document.querySelector('input[name=discipline]')`)
	judge.declare()
	other := &client{c: c, seat: "judge"}
	heardAgain := func(what string) {
		t.Helper()
		before := clerk.hears(other)
		eventually(t, "the clerk hears the judge "+what, func() bool { return clerk.hears(other) > before+100 })
	}
	heardAgain("at first")

	command(judge, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: page.SetWebLifecycleStateStateFrozen})
	heardAgain("while the page is frozen")
	command(judge, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: page.SetWebLifecycleStateStateActive})
	judge.until("is in", `__room.state.connection === 'online'`)
	heardAgain("after the page was frozen")

	pids := chromiums(t)
	wake := func() {
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGCONT); err != nil && !errors.Is(err, syscall.ESRCH) {
				t.Errorf("wake %d: %v", pid, err)
			}
		}
	}
	t.Cleanup(wake) // or a browser that still sleeps could not be ended
	for _, pid := range pids {
		check(t, syscall.Kill(pid, syscall.SIGSTOP))
	}
	eventually(t, "the server gives the socket up", func() bool { return clerk.sees(other).Connection == ConnLost })
	wake()
	woke := time.Now()
	eventually(t, "the judge is back", func() bool { return clerk.sees(other).Connection == ConnOnline })
	t.Logf("%d processes slept; back %s after waking", len(pids), time.Since(woke).Round(time.Millisecond))
	heardAgain("after the sleep")
	t.Logf("heard %s after waking", time.Since(woke).Round(time.Millisecond))
	judge.until("is in", `__room.state.connection === 'online' && !document.querySelector('.lost')`)
}

// chromiums are the processes of the browser that this test started.
func chromiums(t *testing.T) []int {
	t.Helper()
	parent := map[int]int{}
	chromium := map[int]bool{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	check(t, err)
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		var pid, ppid int
		var state string
		open, end := strings.IndexByte(string(data), '('), strings.LastIndexByte(string(data), ')')
		if _, err := fmt.Sscan(string(data[:open]), &pid); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(string(data[end+1:]), &state, &ppid); err != nil {
			t.Fatal(err)
		}
		parent[pid], chromium[pid] = ppid, strings.Contains(string(data[open:end]), "chrom")
	}
	var mine []int
	for pid := range chromium {
		up := pid
		for up > 1 && up != os.Getpid() {
			up = parent[up]
		}
		if chromium[pid] && up == os.Getpid() {
			mine = append(mine, pid)
		}
	}
	if len(mine) == 0 {
		t.Fatal("no process of the browser")
	}
	return mine
}
