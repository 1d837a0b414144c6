package bundle

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"yunting/internal/blob"
	"yunting/internal/ledger"
)

// Report says what Verify checked and what that proves.
type Report struct {
	Title      string            `json:"title"`
	Case       string            `json:"case"`
	Created    time.Time         `json:"created"`
	Key        string            `json:"key"`         // the verifier key that every signature was checked with
	KeyTrusted bool              `json:"key_trusted"` // the key came from the caller, not from the bundle
	Manifest   blob.Hash         `json:"manifest"`
	Sealed     ledger.Checkpoint `json:"sealed"` // the checkpoint that covers the manifest
	Complete   bool              `json:"complete"`
	Entries    []EntryReport     `json:"entries"`
	Files      []FileReport      `json:"files"`
	Deleted    []DeletedReport   `json:"deleted,omitempty"`
	Checks     []Check           `json:"checks"` // what held, in the order in which it was checked
}

// EntryReport is one docket entry. It has been unaltered since Since, when the court signed a checkpoint that
// covers it.
type EntryReport struct {
	Name  string    `json:"name"`
	Seq   int       `json:"seq"`
	Kind  string    `json:"kind"`
	At    time.Time `json:"at"` // what the entry says of itself
	Index int64     `json:"index"`
	Since time.Time `json:"since"`
	Files int       `json:"files"`
}

// FileReport is one file whose hash an entry names.
type FileReport struct {
	Name   string    `json:"name"`
	Size   int64     `json:"size"`
	SHA256 blob.Hash `json:"sha256"`
}

// DeletedReport is a file that an entry names and that was deleted by decision: the tombstone says what it was.
type DeletedReport struct {
	FileReport
	Tombstone EntryReport `json:"tombstone"`
}

// Check is something that held. Code is stable; Count says of how many things.
type Check struct {
	Code  string `json:"code"`
	Count int    `json:"count"`
}

const (
	checkManifest = "manifest"
	checkSeal     = "seal"
	checkEntries  = "entries"
	checkSequence = "sequence"
	checkFiles    = "files"
	checkArchive  = "archive"
)

// checkText words a check; %d is its count.
var checkText = map[string][2]string{
	checkManifest: {"清单可读且格式规范，列出 %d 个文件", "manifest is readable and canonical; it lists %d files"},
	checkSeal:     {"清单的哈希已记入账本，证明有效（%d 项）", "the ledger holds the manifest's hash; proof valid (%d)"},
	checkEntries:  {"%d 条案卷条目逐条与账本证明、签名检查点一致", "%d docket entries agree with their ledger proofs and signed checkpoints"},
	checkSequence: {"条目编号自 1 至 %d 连续，无缺漏", "entries are numbered 1 to %d without a gap"},
	checkFiles:    {"%d 个附件的大小与 SHA-256 同条目所载一致，无多无少", "%d files have the size and SHA-256 that the entries name; none is missing, none is extra"},
	checkArchive:  {"压缩包 %d 个成员的全部字节与重新推导的结果一致", "every byte of the archive's %d members is as derived again"},
}

func (r *Report) ok(code string, count int) { r.Checks = append(r.Checks, Check{code, count}) }

// beijing is the zone that reports show; a court's documents do (UTC+08).
var beijing = time.FixedZone("UTC+08", 8*3600)

func stamp(t time.Time) string { return t.In(beijing).Format("2006-01-02 15:04:05 UTC+08") }

// printable keeps a hostile bundle from steering the terminal that shows its report.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// Text words the report in lang ("zh…" for Chinese, otherwise English), one line a fact. name words the kind of an entry
// in the same language; nil leaves kinds as they are.
func (r Report) Text(lang string, name func(kind string) string) string {
	zh := strings.HasPrefix(strings.ToLower(lang), "zh")
	say := func(chinese, english string) string {
		if zh {
			return chinese
		}
		return english
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s: %s (%s)", say("案卷", "Bundle"), printable(r.Title), stamp(r.Created))
	for _, c := range r.Checks {
		text := checkText[c.Code]
		line("  ✓ "+say(text[0], text[1]), c.Count)
	}
	if name == nil {
		name = func(kind string) string { return kind }
	}
	for _, e := range r.Entries {
		line(say("  条目 %d %s（%s）：自 %s 记入账本起未被改动，账本序号 %d", "  entry %d %s (%s): unaltered since it was recorded at %s, ledger index %d"),
			e.Seq, printable(name(e.Kind)), stamp(e.At), stamp(e.Since), e.Index)
	}
	for _, f := range r.Files {
		line(say("  文件 %s：%d 字节，与条目所载一致", "  file %s: %d bytes, as its entry names it"), f.Name, f.Size)
	}
	for _, d := range r.Deleted {
		line(say("  ! 文件 %s：依决定删除，条目 %d（%s）为其存根，载明 SHA-256、大小、理由和决定人", "  ! file %s: deleted by decision; tombstone: entry %d (%s), which holds its SHA-256 and size, the reason and who decided"),
			d.Name, d.Tombstone.Seq, stamp(d.Tombstone.At))
	}
	if !r.Complete {
		line("  ! %s", say("条目编号不连续：这是案卷的节选", "entry numbers have gaps: this is a selection from the record"))
	}
	line("%s: %s %s", say("清单 SHA-256", "Manifest SHA-256"), r.Manifest, say("于 "+stamp(r.Sealed.At)+" 记入账本", "recorded at "+stamp(r.Sealed.At)))
	line("%s: %s", say("账本公钥", "Ledger key"), printable(r.Key))
	if r.KeyTrusted {
		line("  %s", say("公钥由您提供：以上内容由该公钥的持有法院签署。", "You gave this key: the court that holds it signed all of the above."))
	} else {
		line("  ! %s", say("公钥取自本包：请与法院公布的公钥核对，否则只能证明本包内部一致。", "The key comes from the bundle itself: compare it with the one that the court publishes; until then only the bundle's own consistency is shown."))
	}
	line("%s", say("说明：哈希一致只证明记入账本后未被改动，不证明内容真实。", "A matching hash shows that nothing was altered since it was recorded, not that it is true."))
	return b.String()
}
