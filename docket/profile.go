package docket

import (
	"time"

	"yunting/docket/deadline"
)

// Profile is what differs from court to court: names, codes, zone, calendar and
// periods. Another court is another Profile, not another program.
type Profile struct {
	Code     string // in every 案号: "京0491"
	Name     string // "北京云庭法院"
	NameEN   string
	TypeCode string // "民初": civil, first instance
	Zone     *time.Location
	Calendar *deadline.Calendar
	Version  string // of the rules, named in proofs

	// Periods that no deadline.Rule holds, in days.
	NoticeDays     int // at least, between summons and hearing, CPL 139
	InvitationDays int // that an invitation code lives

	// RecordingYears is how long recordings are kept after their hearing closed.
	// AV 5(2) leaves it to the rules on electronic archives, which differ by kind
	// of case: a court sets what its archive orders. 0 is for ever.
	RecordingYears int

	// UploadDays is how long an upload is kept that nobody goes on with. 0 is for
	// ever; what was taken out of a draft, or lapsed with one, goes all the same.
	UploadDays int

	// DraftDays is how long a complaint that was never filed is kept after its last
	// change. 0 is for ever.
	DraftDays int

	// DraftNoticeDays is how many days before the last its filer is told that a
	// draft will be cleared. 0, or no fewer than DraftDays: nobody is told.
	DraftNoticeDays int
}

// ProfileCN is the demo court under the law of the People's Republic of China.
func ProfileCN() Profile {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		// China has kept UTC+08 without summer time since 1991, so a machine
		// without zone files loses nothing.
		zone = time.FixedZone("Asia/Shanghai", 8*60*60)
	}
	return Profile{
		Code: "京0491", Name: "北京云庭法院", NameEN: "Beijing Yunting Court", TypeCode: "民初",
		Zone: zone, Calendar: deadline.CN(), Version: "cn-2026.1",
		NoticeDays: 3, InvitationDays: 15, RecordingYears: 30, UploadDays: 30, DraftDays: 90, DraftNoticeDays: 7,
	}
}

// Today is the court's date at instant t.
func (p Profile) Today(t time.Time) deadline.Date { return deadline.DateOf(t, p.Zone) }
