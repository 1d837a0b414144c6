package main

import (
	"archive/zip"
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"yunting/docket"
	"yunting/docket/integrity"
	"yunting/internal/blob"
	"yunting/internal/ledger/bundle"
	"yunting/media/record"
	"yunting/service/sign"
)

const maxRecordFile = 64 << 20 // bytes of one integrity record

// hearingRecord is what an exported case holds of one hearing's recording.
type hearingRecord struct {
	integrity.Record
	entry bundle.EntryReport
	file  blob.Hash     // of the record's canonical bytes, which the time-stamp is over
	stamp *sign.Stamped // nil: none is in the export

	forwardings []docket.Forwarding
	deleted     map[blob.Hash]bool // files that the export lacks by decision
	tombstone   *tombstone         // nil: the hearing's recordings were not deleted
	lists       []damagedList
}

// damagedList is a participant's list of segments that was damaged on the disk and written again.
type damagedList struct {
	person string
	kept   string // the file that is left of it; empty when nothing is
}

// tombstone is an entry by which a hearing's recordings were deleted: Actor confirmed what Data.Proposer proposed.
type tombstone struct {
	Seq   int                   `json:"seq"`
	At    time.Time             `json:"at"`
	Actor struct{ Name string } `json:"actor"`
	Data  struct {
		Hearing    string    `json:"hearing"`
		Reason     string    `json:"reason"`
		Proposer   string    `json:"proposer"`
		ProposedAt time.Time `json:"proposed_at"`
	} `json:"data"`
}

// exported reads the files of an exported case, whose members are stored and not compressed.
type exported struct {
	r   io.ReaderAt
	zip *zip.Reader
}

// hearingRecords reads the integrity records that the case's entries name, and derives each root again.
func (x exported) hearingRecords(entries []bundle.EntryReport) ([]hearingRecord, error) {
	var out []hearingRecord
	for _, e := range entries {
		if e.Kind != docket.EntryIntegrity {
			continue
		}
		text, err := x.read(e.Name)
		if err != nil {
			return nil, err
		}
		var payload struct {
			Data struct {
				Root blob.Hash `json:"root"`
			} `json:"data"`
			Files []docket.FileRef `json:"files"`
		}
		if err := json.Unmarshal(text, &payload); err != nil || len(payload.Files) == 0 {
			return nil, errors.Join(fmt.Errorf("%s: not an entry of an integrity value", e.Name), err)
		}
		text, err = x.read(memberName(payload.Files[0].Hash, payload.Files[0].Name))
		if err != nil {
			return nil, err
		}
		r, err := integrity.Parse(text)
		if err == nil && r.Root != payload.Data.Root {
			err = fmt.Errorf("%w: its entry names the root %s", integrity.ErrAltered, payload.Data.Root)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name, errors.Join(err, nameLine(text)))
		}
		forwardings, err := x.forwardings(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name, err)
		}
		out = append(out, hearingRecord{Record: r, entry: e, file: blob.Hash(sha256.Sum256(text)), forwardings: forwardings})
	}
	return out, nil
}

// payloads reads the entries of a kind as T, in their order.
func payloads[T any](x exported, entries []bundle.EntryReport, kind string) ([]T, error) {
	var found []T
	for _, e := range entries {
		if e.Kind != kind {
			continue
		}
		text, err := x.read(e.Name)
		if err != nil {
			return nil, err
		}
		var payload T
		if err := json.Unmarshal(text, &payload); err != nil {
			return nil, fmt.Errorf("%s: not an entry of the kind %s: %w", e.Name, kind, err)
		}
		found = append(found, payload)
	}
	return found, nil
}

// tombstones reads by which entry each hearing's recordings were deleted.
func (x exported) tombstones(entries []bundle.EntryReport) (map[string]*tombstone, error) {
	list, err := payloads[tombstone](x, entries, docket.EntryRecordingDeleted)
	found := map[string]*tombstone{}
	for i := range list {
		found[list[i].Data.Hearing] = &list[i]
	}
	return found, err
}

// recordingEntry is what is read here of a recording's entry.
type recordingEntry struct {
	Data struct {
		Hearing     string          `json:"hearing"`
		Name        string          `json:"name"`
		Participant string          `json:"participant"`
		Defects     []docket.Defect `json:"defects"`
	} `json:"data"`
}

// damagedLists reads from the recordings' entries which lists of segments were damaged, by hearing.
func (x exported) damagedLists(entries []bundle.EntryReport) (map[string][]damagedList, error) {
	list, err := payloads[recordingEntry](x, entries, docket.EntryRecording)
	found := map[string][]damagedList{}
	for _, e := range list {
		for _, defect := range e.Data.Defects {
			if defect.Segment == 0 {
				found[e.Data.Hearing] = append(found[e.Data.Hearing], damagedList{cmp.Or(e.Data.Name, e.Data.Participant), defect.File.Name})
			}
		}
	}
	return found, err
}

// forwardings reads the list of who received whom that the record names; none where it names none.
func (x exported) forwardings(r integrity.Record) ([]docket.Forwarding, error) {
	at := slices.IndexFunc(r.Items, func(i integrity.Item) bool { return i.Kind == integrity.KindForwarding })
	if at < 0 {
		return nil, nil
	}
	item := r.Items[at]
	text, err := x.read(memberName(item.SHA256, item.Name))
	if err != nil {
		return nil, err
	}
	if blob.Hash(sha256.Sum256(text)) != item.SHA256 {
		return nil, fmt.Errorf("%w: %s is not what its hash says", integrity.ErrAltered, item.Name)
	}
	list, err := docket.ParseForwardings(text)
	if err != nil {
		return nil, err
	}
	if list.Hearing != r.Hearing {
		return nil, fmt.Errorf("%w: %s is of another hearing", integrity.ErrAltered, item.Name)
	}
	return list.Forwardings, nil
}

// originals compares every original with its segments and names the one that is wrong. What was deleted by decision
// is not there: its tombstone says so.
func (x exported) originals(r hearingRecord) error {
	parts := map[string][][]record.Segment{} // by participant, in the order of the recorder's runs
	for _, o := range r.Items {
		if o.Kind != integrity.KindOriginal {
			continue
		}
		lines := segmentsOf(r.Record, o)
		parts[o.Participant] = append(parts[o.Participant], lines)
		if err := record.CheckParts(parts[o.Participant]); err != nil {
			return fmt.Errorf("%s: %w", o.Name, err)
		}
		if r.deleted[o.SHA256] {
			continue
		}
		member, err := x.member(memberName(o.SHA256, o.Name))
		if err != nil {
			return err
		}
		if err := record.CheckOriginal(member, member.Size(), lines); err != nil {
			return fmt.Errorf("%s: %w", o.Name, err)
		}
	}
	return nil
}

// nameLine says which segment's line breaks the chain in a record that was altered; nil when the chain does not tell.
func nameLine(text []byte) error {
	var r integrity.Record
	if json.Unmarshal(text, &r) != nil {
		return nil
	}
	parts := map[string][][]record.Segment{}
	for _, o := range r.Items {
		if o.Kind != integrity.KindOriginal {
			continue
		}
		lines := segmentsOf(r, o)
		parts[o.Participant] = append(parts[o.Participant], lines)
		if err := errors.Join(record.CheckList(lines), record.CheckParts(parts[o.Participant])); err != nil {
			return fmt.Errorf("%s: %w", o.Name, err)
		}
	}
	return nil
}

// segmentsOf are the lines of an original's segment list.
func segmentsOf(r integrity.Record, original integrity.Item) []record.Segment {
	var out []record.Segment
	for _, i := range r.Items {
		if i.Kind != integrity.KindSegment || i.Session != original.Session || i.Participant != original.Participant || i.From == nil || i.To == nil {
			continue
		}
		out = append(out, record.Segment{Number: i.Number, Participant: i.Participant, File: record.SegmentFile(i.Number), Size: i.Size,
			SHA256: i.SHA256.String(), From: *i.From, To: *i.To, Previous: i.Previous, Lost: i.Lost, Damaged: i.Damaged})
	}
	return out
}

func memberName(hash blob.Hash, name string) string {
	return "files/" + hash.String() + "/" + bundle.SafeName(name)
}

// member gives the stored bytes of a file, also when they no longer have its checksum.
func (x exported) member(name string) (*io.SectionReader, error) {
	for _, f := range x.zip.File {
		if f.Name != name {
			continue
		}
		at, err := f.DataOffset()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return io.NewSectionReader(x.r, at, int64(f.CompressedSize64)), nil
	}
	return nil, fmt.Errorf("%s is not in the export", name)
}

func (x exported) read(name string) ([]byte, error) {
	member, err := x.member(name)
	if err != nil {
		return nil, err
	}
	if member.Size() > maxRecordFile {
		return nil, fmt.Errorf("%s: larger than %d bytes", name, maxRecordFile)
	}
	return io.ReadAll(member)
}

// checkRecords checks the recordings of an export that bundle.Verify found whole, and words what that shows.
func checkRecords(out io.Writer, r io.ReaderAt, size int64, report bundle.Report, roots *x509.CertPool, lang string) error {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return err
	}
	x := exported{r, z}
	records, err := x.hearingRecords(report.Entries)
	if err != nil {
		return err
	}
	if err := x.stamps(report.Entries, records, roots); err != nil {
		return err
	}
	tombstones, err := x.tombstones(report.Entries)
	if err != nil {
		return err
	}
	lists, err := x.damagedLists(report.Entries)
	if err != nil {
		return err
	}
	deleted := map[blob.Hash]bool{}
	for _, d := range report.Deleted {
		deleted[d.SHA256] = true
	}
	for _, one := range records {
		one.deleted, one.tombstone, one.lists = deleted, tombstones[one.Hearing], lists[one.Hearing]
		if err := x.originals(one); err != nil {
			return err
		}
		one.tell(out, lang)
	}
	return nil
}

// nameSegment adds to the fault of an original which of its segments is not as recorded, and to that of a time-stamp whose it is.
func nameSegment(r io.ReaderAt, size int64, report bundle.Report, fault error) error {
	var t *bundle.Tampered
	if !errors.As(fault, &t) || !strings.HasSuffix(t.File, record.OriginalSuffix) && !strings.HasSuffix(t.File, "/"+integrity.StampName) {
		return fault
	}
	if err := checkRecords(io.Discard, r, size, report, nil, "en"); err != nil {
		return fmt.Errorf("%w; %w", fault, err)
	}
	return fault
}
