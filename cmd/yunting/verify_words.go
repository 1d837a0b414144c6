package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"yunting/docket/integrity"
	"yunting/docket/interruption"
	"yunting/media/record"
)

// words says a thing in Chinese or in English.
func words(lang, chinese, english string) string {
	if strings.HasPrefix(lang, "zh") {
		return chinese
	}
	return english
}

// moment writes an instant as a court's documents do.
func moment(t time.Time) string {
	return t.In(time.FixedZone("UTC+08", 8*3600)).Format("2006-01-02 15:04:05 UTC+08")
}

// trust words whether a certificate leads to the roots that were given.
func trust(trusted bool, lang string) string {
	if trusted {
		return words(lang, "证书链可信", "chain trusted")
	}
	return words(lang, "证书链未核验（未提供 --roots）", "chain not checked (no --roots)")
}

// tell words what is proven of a hearing's recording: whole, since when unchanged, which gaps and why.
func (h hearingRecord) tell(out io.Writer, lang string) {
	segments, files, lost := 0, 0, 0
	var damaged []integrity.Item
	for _, i := range h.Items {
		switch i.Kind {
		case integrity.KindSegment:
			segments++
			switch {
			case i.Damaged:
				damaged = append(damaged, i)
			case i.Lost:
				lost++
			}
		case integrity.KindFile:
			files++
		}
	}
	fmt.Fprintf(out, words(lang, "庭审 %s 的录音录像\n", "Recording of hearing %s\n"), h.Hearing)
	if gone, stay := h.kept(); gone > 0 {
		h.tellDeleted(out, lang, segments-lost-len(damaged), files, stay)
	} else {
		fmt.Fprintf(out, words(lang, "  ✓ 完整：%d 个录制分段、%d 个录像文件，与完整性校验值 %s 一致，无缺失、无增添、无调换\n",
			"  ✓ whole: %d segments and %d files agree with the integrity value %s; none is missing, added or moved\n"), segments-lost-len(damaged), files, h.Root)
	}
	if lost > 0 {
		fmt.Fprintf(out, words(lang, "  ! 另有 %d 个分段记入账本后随录制服务器一并损毁，见下列中断\n",
			"  ! %d more segments went with their machine after they were entered in the ledger; see the gaps below\n"), lost)
	}
	for _, i := range damaged {
		fmt.Fprintf(out, words(lang, "  ! 原始分段损坏：%s 第 %d 段在存储中损坏，不在原始记录之内，见下列中断\n",
			"  ! segment damaged: %s, segment %d was damaged on the disk and is not in the original; see the gaps below\n"), h.originalOf(i), i.Number)
	}
	h.tellLists(out, lang)
	h.tellSince(out, lang)
	if n := len(h.forwardings); n > 0 {
		fmt.Fprintf(out, words(lang, "  ✓ 音视频收发清单 %d 段，与完整性校验值一致\n", "  ✓ who received whom: %d stretches agree with the integrity value\n"), n)
	}
	h.tellGaps(out, lang)
}

// tellLists words which lists of segments were damaged on the disk and written again.
func (h hearingRecord) tellLists(out io.Writer, lang string) {
	for _, l := range h.lists {
		left := words(lang, "原清单已无残余", "nothing is left of it")
		if l.kept != "" {
			left = fmt.Sprintf(words(lang, "残余保存为 %s", "what is left of it is kept as %s"), l.kept)
		}
		fmt.Fprintf(out, words(lang, "  ! 分段清单损坏：%s的录制分段清单在存储中损坏，已按卷宗所记各分段重建；%s\n",
			"  ! list damaged: the list of %s's segments was damaged on the disk and was written again from what the docket has of each segment; %s\n"), l.person, left)
	}
}

// tellDeleted words what is still proven of a recording that two people decided to delete, and who they are.
func (h hearingRecord) tellDeleted(out io.Writer, lang string, segments, files, stay int) {
	fmt.Fprintf(out, words(lang, "  ! 录像已依决定删除，存根见上；原有 %d 个录制分段、%d 个录像文件，完整性校验值 %s 仍在卷\n",
		"  ! the recording was deleted by decision, see the tombstone above; there were %d segments and %d files, and the integrity value %s is still on record\n"), segments, files, h.Root)
	if t := h.tombstone; t != nil {
		fmt.Fprintf(out, words(lang, "  ! 条目 %d：%s于 %s 提出，%s于 %s 确认删除；理由：%q\n",
			"  ! entry %d: proposed by %s at %s, confirmed by %s at %s; reason: %q\n"), t.Seq, t.Data.Proposer, moment(t.Data.ProposedAt), t.Actor.Name, moment(t.At), t.Data.Reason)
	}
	if stay > 0 {
		fmt.Fprintf(out, words(lang, "  ! 其中 %d 个文件没有删除：另有条目引用，仍与原记录一致\n",
			"  ! %d of the files stay, for another entry names them; they are as they were recorded\n"), stay)
	}
}

// tellSince words since when the record is unaltered, by the ledger and by the time-stamp.
func (h hearingRecord) tellSince(out io.Writer, lang string) {
	fmt.Fprintf(out, words(lang, "  ✓ 自 %s 记入账本起未被改动\n", "  ✓ unaltered since it was recorded in the ledger at %s\n"), moment(h.entry.Since))
	if h.stamp == nil {
		fmt.Fprint(out, words(lang, "  ! 没有时间戳：起始时间仅以法院账本为准\n", "  ! no time-stamp: since when is the word of the court's ledger alone\n"))
	} else {
		fmt.Fprintf(out, words(lang, "  ✓ 时间戳（RFC 3161）有效：%s 时已经存在，由“%s”签发，%s\n", "  ✓ time-stamp (RFC 3161) valid: it was there at %s by the word of “%s”, %s\n"),
			moment(h.stamp.At), h.stamp.By.Subject.CommonName, trust(h.stamp.Trusted, lang))
	}
}

// originalOf names the original that a segment is of, or its participant when there is none.
func (h hearingRecord) originalOf(segment integrity.Item) string {
	for _, i := range h.Items {
		if i.Kind == integrity.KindOriginal && i.Session == segment.Session && i.Participant == segment.Participant {
			return i.Name
		}
	}
	return segment.Participant
}

// kept counts the recording's files and originals that were deleted by decision, and those that stay.
func (h hearingRecord) kept() (gone, stay int) {
	for _, i := range h.Items {
		switch {
		case i.Kind != integrity.KindFile && i.Kind != integrity.KindOriginal:
		case h.deleted[i.SHA256]:
			gone++
		default:
			stay++
		}
	}
	return gone, stay
}

func (h hearingRecord) tellGaps(out io.Writer, lang string) {
	gaps, people := 0, map[string]string{} // a segment has the person's name, a file its own
	var list strings.Builder
	for _, i := range h.Items {
		if i.Kind == integrity.KindSegment && i.Name != "" {
			people[i.Participant] = i.Name
		}
	}
	for _, i := range h.Items {
		var found []record.Gap
		if i.Kind != integrity.KindFile || json.Unmarshal(i.Gaps, &found) != nil {
			continue // causes that another version wrote stay in the file
		}
		for _, g := range found {
			gaps++
			fmt.Fprintf(&list, words(lang, "    - %s，%s：%s 起 %.1f 秒，%s\n", "    - %s, %s: from %s for %.1f s, %s\n"),
				cmp.Or(people[i.Participant], i.Name), interruption.Source(g.Track, lang), moment(g.From), g.To.Sub(g.From).Seconds(), interruption.Cause(g.Cause).Text(lang))
		}
	}
	for _, b := range h.between() {
		gaps++
		fmt.Fprintf(&list, words(lang, "    - 全体：%s 起 %.1f 秒，录制中断后重新开始\n", "    - everybody: from %s for %.1f s, the recorder ended and began anew\n"),
			moment(b.From), b.To.Sub(b.From).Seconds())
	}
	if gaps == 0 {
		fmt.Fprint(out, words(lang, "  ✓ 没有超过 200 毫秒的中断\n", "  ✓ no gap of more than 200 ms\n"))
		return
	}
	fmt.Fprintf(out, words(lang, "  ! 超过 200 毫秒的中断 %d 处，逐一列明原因\n", "  ! %d gaps of more than 200 ms, each with its cause\n"), gaps)
	io.WriteString(out, list.String())
}

// between lists the stretches between the recorder's runs: the server stopped, or a fault was mended.
func (h hearingRecord) between() (list []record.Gap) {
	var session string
	var last time.Time // what is recorded up to then
	for _, i := range h.Items {
		if i.Kind != integrity.KindFile || i.From == nil || i.To == nil {
			continue
		}
		switch n := len(list) - 1; {
		case i.Session == session && n >= 0 && i.From.Before(list[n].To): // the earliest file of the run counts
			list[n].To = *i.From
		case i.Session != session && session != "":
			list = append(list, record.Gap{From: last, To: *i.From, Cause: record.CauseCrash})
		}
		if session = i.Session; i.To.After(last) {
			last = *i.To
		}
	}
	return slices.DeleteFunc(list, func(g record.Gap) bool { return g.To.Sub(g.From) <= 200*time.Millisecond })
}
