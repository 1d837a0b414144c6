package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"yunting/docket/integrity"
	"yunting/docket/interruption"
	"yunting/media/record"
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

// TestEveryCauseHasWords: what the recorder lists the court can word.
func TestEveryCauseHasWords(t *testing.T) {
	recorded := []string{record.CauseNetwork, record.CauseSilent, record.CausePause, record.CauseFault, record.CauseOverflow, record.CauseLost, record.CauseDamaged, record.CauseCrash}
	if len(interruption.Causes()) != len(recorded) {
		t.Errorf("%d causes, the recorder has %d", len(interruption.Causes()), len(recorded))
	}
	for _, cause := range recorded {
		for _, lang := range []string{"zh-CN", "en"} {
			if word := interruption.Cause(cause).Text(lang); word == cause || word == "" {
				t.Errorf("%s has no word in %s", cause, lang)
			}
		}
	}
}
