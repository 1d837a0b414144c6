package web

import (
	"encoding/json"
	"net/http"
	"strings"

	"yunting/docket"
)

// rangesByRole: whoever may watch gets a watermark of their own, each range that they fetch by any program is a row of the
// log, and nothing says that the file may be kept; others get nothing.
func (w *apiWalk) rangesByRole(path, copyPath string) {
	w.t.Helper()
	file := apiPrefix + path + strings.TrimSuffix(copyPath, "/copy") + "/file"
	viewers := map[string]bool{}
	for _, login := range []string{"judge", "clerk", "plaintiff", "defendant"} {
		var m manifest
		w.call(login, "GET", path+"/recording", nil, &m, http.StatusOK)
		if m.Viewer == "" || viewers[m.Viewer] {
			w.t.Errorf("%s: watermark %q among %v", login, m.Viewer, viewers)
		}
		viewers[m.Viewer] = true
		got := w.send(login, "GET", file, nil, "Range", "bytes=1-9")
		if got.status != http.StatusPartialContent || len(got.body) != 9 || got.header.Get("Cache-Control") != "no-store" || got.header.Get("Content-Disposition") != "inline" {
			w.t.Errorf("%s: a range is answered %d with %d bytes, %v", login, got.status, len(got.body), got.header)
		}
		var rows int
		apiCheck(w.t, w.server.Pool.QueryRow(w.t.Context(), `SELECT count(*) FROM recording_fetches WHERE account = $1 AND range = 'bytes=1-9' AND NOT copied`, w.ids[login]).Scan(&rows))
		if rows != 1 {
			w.t.Errorf("%s: %d rows of one fetch", login, rows)
		}
	}
	if got := w.send("stranger", "GET", file, nil, "Range", "bytes=1-9"); got.status != http.StatusNotFound && got.status != http.StatusForbidden {
		w.t.Errorf("a stranger is answered %d", got.status)
	}
}

// copies counts the docket's entries of recordings taken away.
func (w *apiWalk) copies() (whole, part int) {
	w.t.Helper()
	entries, err := w.server.Docket.Entries(w.t.Context(), w.hearing.Case)
	apiCheck(w.t, err)
	for _, e := range entries {
		if e.Kind != docket.EntryCopied {
			continue
		}
		var data struct{ Part bool }
		apiCheck(w.t, json.Unmarshal(e.Data, &data))
		if data.Part {
			part++
		} else {
			whole++
		}
	}
	return whole, part
}
