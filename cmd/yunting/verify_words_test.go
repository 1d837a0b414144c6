package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yunting/docket"
	"yunting/docket/integrity"
	"yunting/docket/interruption"
	"yunting/internal/blob"
	"yunting/internal/ledger/bundle"
	"yunting/media/record"
	"yunting/web"
)

// TestTellWordsGaps words the gaps of a recording in the reader's language; a cause that another version wrote stays.
func TestTellWordsGaps(t *testing.T) {
	from := time.Date(2026, 4, 6, 2, 0, 0, 0, time.UTC)
	gaps, err := json.Marshal([]record.Gap{
		{Track: "mic", From: from, To: from.Add(3200 * time.Millisecond), Cause: record.CauseNetwork},
		{Track: "camera", From: from, To: from.Add(time.Second), Cause: record.CausePause},
		{Track: "screen", From: from, To: from.Add(time.Second), Cause: "comet"},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := hearingRecord{Record: integrity.Record{Hearing: "h1", Items: []integrity.Item{{Kind: integrity.KindFile, Name: "张伟-1.webm", Participant: "p", Gaps: gaps},
		{Kind: integrity.KindSegment, Participant: "p", Name: "张伟"}, {Kind: integrity.KindSegment, Lost: true}, {Kind: integrity.KindSegment, Participant: "p", Number: 7, Lost: true, Damaged: true}, {Kind: integrity.KindOriginal, Participant: "p", Name: "张伟-1.segments"}, {Kind: integrity.KindFile, Name: "other.webm", Participant: "q", Gaps: gaps}}}}
	for lang, want := range map[string][]string{
		"zh-CN": {"1 个录制分段", "另有 1 个分段", "原始分段损坏：张伟-1.segments 第 7 段", "other.webm，声音", "中断 6 处", "张伟，声音：2026-04-06 10:00:00 UTC+08 起 3.2 秒，网络丢包", "画面", "录制依法暂停", "共享屏幕", "comet", "没有时间戳"},
		"en":    {"1 segments", "1 more segments went", "segment damaged: 张伟-1.segments, segment 7", "6 gaps", "张伟, sound: from 2026-04-06 10:00:00 UTC+08 for 3.2 s, packets were lost", "picture", "paused as the law allows", "no time-stamp"},
	} {
		var out strings.Builder
		h.tell(&out, lang)
		for _, one := range want {
			if !strings.Contains(out.String(), one) {
				t.Errorf("%s: %q is not in\n%s", lang, one, out.String())
			}
		}
		if lang == "zh-CN" && (strings.Contains(out.String(), "pause") || strings.Contains(out.String(), "network")) {
			t.Errorf("English words in\n%s", out.String())
		}
	}
}

// TestTellDamagedLists reads from the entries of recordings whose list of segments was damaged, and words it for the
// hearing that it is of and for no other.
func TestTellDamagedLists(t *testing.T) {
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	for name, text := range map[string]string{
		"entries/1.json": `{"data":{"hearing":"h1","name":"张伟","participant":"p","defects":[{"segment":0,"file":{"name":"张伟-1-list.damaged","size":9}}]}}`,
		"entries/2.json": `{"data":{"hearing":"h1","name":"","participant":"stream-2","defects":[{"segment":0,"file":{}},{"segment":3,"file":{}}]}}`,
		"entries/3.json": `{"data":{"hearing":"h2","name":"李娜","participant":"q","defects":[]}}`,
	} {
		member, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = member.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := bytes.NewReader(packed.Bytes())
	z, err := zip.NewReader(r, r.Size())
	if err != nil {
		t.Fatal(err)
	}
	var entries []bundle.EntryReport
	for _, name := range []string{"entries/1.json", "entries/2.json", "entries/3.json"} {
		entries = append(entries, bundle.EntryReport{Kind: docket.EntryRecording, Name: name})
	}
	lists, err := exported{r, z}.damagedLists(entries)
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string][]string{
		"zh-CN": {"分段清单损坏：张伟的录制分段清单在存储中损坏，已按卷宗所记各分段重建；残余保存为 张伟-1-list.damaged\n", "分段清单损坏：stream-2的", "原清单已无残余\n"},
		"en":    {"list damaged: the list of 张伟's segments", "what is left of it is kept as 张伟-1-list.damaged\n", "the list of stream-2's segments", "nothing is left of it\n"},
	} {
		var out, other strings.Builder
		hearingRecord{lists: lists["h1"]}.tell(&out, lang)
		hearingRecord{lists: lists["h2"]}.tell(&other, lang)
		for _, one := range want {
			if !strings.Contains(out.String(), one) {
				t.Errorf("%s: %q is not in\n%s", lang, one, out.String())
			}
		}
		if n := strings.Count(out.String(), words(lang, "清单损坏", "list damaged")); n != 2 {
			t.Errorf("%s: %d lists in\n%s", lang, n, out.String())
		}
		if strings.Contains(other.String(), words(lang, "清单损坏", "list damaged")) {
			t.Errorf("%s: a list was damaged in\n%s", lang, other.String())
		}
	}
}

// TestTellDeleted words a recording that was deleted by decision, wholly or but for what another entry names: nothing is
// said to be whole that is not there.
func TestTellDeleted(t *testing.T) {
	webm, original, other := blob.Hash{1}, blob.Hash{2}, blob.Hash{3}
	record := integrity.Record{Hearing: "h1", Root: blob.Hash{9}, Items: []integrity.Item{
		{Kind: integrity.KindSegment, Participant: "p"}, {Kind: integrity.KindSegment, Participant: "p"}, {Kind: integrity.KindSegment, Participant: "p", Lost: true},
		{Kind: integrity.KindOriginal, Participant: "p", SHA256: original}, {Kind: integrity.KindFile, Participant: "p", SHA256: webm}}}
	kept := map[string]string{"zh-CN": "完整：2 个录制分段、1 个录像文件", "en": "whole: 2 segments and 1 files"}
	gone := map[string]string{"zh-CN": "录像已依决定删除，存根见上；原有 2 个录制分段、1 个录像文件", "en": "deleted by decision, see the tombstone above; there were 2 segments and 1 files"}
	stays := map[string]string{"zh-CN": "其中 1 个文件没有删除", "en": "1 of the files stay, for another entry names them"}
	for _, one := range []struct {
		what    string
		deleted []blob.Hash
		says    []map[string]string
		not     []map[string]string
	}{
		{"nothing is deleted", nil, []map[string]string{kept}, []map[string]string{gone, stays}},
		{"another hearing's file is", []blob.Hash{other}, []map[string]string{kept}, []map[string]string{gone, stays}},
		{"all is", []blob.Hash{webm, original}, []map[string]string{gone}, []map[string]string{kept, stays}},
		{"the file is evidence too", []blob.Hash{original}, []map[string]string{gone, stays}, []map[string]string{kept}},
		{"the original is evidence too", []blob.Hash{webm}, []map[string]string{gone, stays}, []map[string]string{kept}},
	} {
		h := hearingRecord{Record: record, deleted: map[blob.Hash]bool{}}
		for _, hash := range one.deleted {
			h.deleted[hash] = true
		}
		for _, lang := range []string{"zh-CN", "en"} {
			var out strings.Builder
			h.tell(&out, lang)
			for _, say := range one.says {
				if !strings.Contains(out.String(), say[lang]) {
					t.Errorf("%s: %q is not in\n%s", one.what, say[lang], out.String())
				}
			}
			for _, say := range one.not {
				if strings.Contains(out.String(), say[lang]) {
					t.Errorf("%s: %q is in\n%s", one.what, say[lang], out.String())
				}
			}
			if !strings.Contains(out.String(), record.Root.String()) {
				t.Errorf("%s: the integrity value is not in\n%s", one.what, out.String())
			}
		}
	}
}

// TestTellWhatADeletionLeaves: of a recording that is gone verify still says since when its record is unaltered, whether
// that is time-stamped, which gaps were known, and which two people deleted it and why.
func TestTellWhatADeletionLeaves(t *testing.T) {
	at := time.Date(2026, 4, 6, 2, 0, 0, 0, time.UTC)
	gaps, err := json.Marshal([]record.Gap{{Track: "mic", From: at, To: at.Add(3200 * time.Millisecond), Cause: record.CauseNetwork}})
	if err != nil {
		t.Fatal(err)
	}
	var stone tombstone
	if err := json.Unmarshal([]byte(`{"seq":41,"at":"2057-05-02T01:00:00Z","actor":{"name":"林静"},"data":{"hearing":"h1","reason":"保管期限届满\n  ✓ x","proposer":"王磊","proposed_at":"2057-05-01T01:00:00Z"}}`), &stone); err != nil {
		t.Fatal(err)
	}
	h := hearingRecord{Record: integrity.Record{Hearing: "h1", Items: []integrity.Item{{Kind: integrity.KindFile, Name: "张伟-1.webm", SHA256: blob.Hash{1}, Gaps: gaps}}},
		entry: bundle.EntryReport{Since: at}, deleted: map[blob.Hash]bool{{1}: true}, tombstone: &stone}
	for lang, want := range map[string][]string{
		"zh-CN": {"条目 41：王磊于 2057-05-01 09:00:00 UTC+08 提出，林静于 2057-05-02 09:00:00 UTC+08 确认删除", "保管期限届满", "自 2026-04-06 10:00:00 UTC+08 记入账本起未被改动", "没有时间戳", "中断 1 处", "起 3.2 秒，网络丢包"},
		"en": {"entry 41: proposed by 王磊 at 2057-05-01 09:00:00 UTC+08, confirmed by 林静 at 2057-05-02 09:00:00 UTC+08", "保管期限届满",
			"unaltered since it was recorded in the ledger at 2026-04-06 10:00:00 UTC+08", "no time-stamp", "1 gaps", "for 3.2 s, packets were lost"},
	} {
		var out strings.Builder
		h.tell(&out, lang)
		for _, one := range want {
			if !strings.Contains(out.String(), one) {
				t.Errorf("%s: %q is not in\n%s", lang, one, out.String())
			}
		}
		if strings.Contains(out.String(), "\n  ✓ x") {
			t.Errorf("a reason writes lines of its own:\n%s", out.String())
		}
	}
}

// TestDeletedOriginals: an export may lack the originals that were deleted by decision and no other, and what is left of
// the record is checked as before.
func TestDeletedOriginals(t *testing.T) {
	as := func([]byte) {}
	x := newExportedRecord(t, rand.New(rand.NewPCG(1, 2)))
	x.deleted = map[blob.Hash]bool{}
	for _, i := range x.items {
		if i.Kind != integrity.KindOriginal {
			continue
		}
		x.deleted[i.SHA256] = true
		x.names, x.originals = x.names[1:], x.originals[1:]
		if err := x.check(t, as); err != nil {
			t.Errorf("%d originals are deleted: %v", len(x.deleted), err)
		}
	}
	altered := x.clone()
	last := len(altered.items) - 1
	altered.items[last].SHA256[0]++
	if altered.check(t, as) == nil {
		t.Error("a segment's hash was changed after the deletion, unseen")
	}
	x.deleted = nil
	if err := x.check(t, as); err == nil || !strings.Contains(err.Error(), "not in the export") {
		t.Errorf("an original is missing without a decision: %v", err)
	}
}

// TestEveryEntryHasWords: verify lists the docket's entries in words of the reader's language, as the pages do.
func TestEveryEntryHasWords(t *testing.T) {
	for lang, accepted := range map[string]string{"zh-CN": "条目 7 立案（", "en": "entry 7 Case accepted ("} {
		kinds, err := web.EntryNames(lang)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range docket.EntryKinds() {
			if word := kinds(kind); word == kind || word == "" {
				t.Errorf("%s has no word in %s", kind, lang)
			}
		}
		text := bundle.Report{Entries: []bundle.EntryReport{{Seq: 7, Kind: docket.EntryAccepted}, {Seq: 8, Kind: "comet.seen"}}}.Text(lang, kinds)
		if !strings.Contains(text, accepted) || !strings.Contains(text, " 8 comet.seen") || strings.Contains(text, docket.EntryAccepted) {
			t.Errorf("%s:\n%s", lang, text)
		}
	}
}

// TestEveryCauseHasWords: what the recorder lists the court can word, and so can the player in both of its languages.
func TestEveryCauseHasWords(t *testing.T) {
	recorded := []string{record.CauseNetwork, record.CauseSilent, record.CausePause, record.CauseFault, record.CauseOverflow, record.CauseLost, record.CauseDamaged, record.CauseCrash, record.CauseTakeover}
	if len(interruption.Causes()) != len(recorded) {
		t.Errorf("%d causes, the recorder has %d", len(interruption.Causes()), len(recorded))
	}
	player, err := os.ReadFile(filepath.Join("..", "..", "web", "src", "player", "i18n.ts"))
	if err != nil {
		t.Fatal(err)
	}
	for _, cause := range recorded {
		if n := strings.Count(string(player), `"cause.`+cause+`": "`); n != 2 {
			t.Errorf("the player has %d words for %s", n, cause)
		}
		for _, lang := range []string{"zh-CN", "en"} {
			if word := interruption.Cause(cause).Text(lang); word == cause || word == "" {
				t.Errorf("%s has no word in %s", cause, lang)
			}
		}
	}
}
