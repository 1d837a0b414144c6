package interruption

import "strings"

// Cause is why a stretch is missing from the record of one participant, as the recorder lists it.
type Cause string

// The causes.
const (
	Network  Cause = "network"  // packets were lost on the way
	Silent   Cause = "silent"   // nothing was sent: muted, switched off or gone
	Paused   Cause = "pause"    // the recording was paused
	Failed   Cause = "fault"    // the recorder could not write
	Overflow Cause = "overflow" // the disk was too slow
	Lost     Cause = "lost"     // its segments went with the machine that held them
	Damaged  Cause = "damaged"  // its segments were damaged on the disk
	Crash    Cause = "crash"    // the server stopped
	Takeover Cause = "takeover" // another page of the participant took over and had not sent yet
)

// Causes lists every cause.
func Causes() []Cause {
	return []Cause{Network, Silent, Paused, Failed, Overflow, Lost, Damaged, Crash, Takeover}
}

// words are in Chinese and in English.
type words [2]string

func (w words) in(lang string) string {
	if strings.HasPrefix(strings.ToLower(lang), "zh") {
		return w[0]
	}
	return w[1]
}

var causeWords = map[Cause]words{
	Network:  {"网络丢包，数据未能到达", "packets were lost on the way"},
	Silent:   {"该参与人未发送：静音、关闭设备或离开", "the participant sent nothing: muted, switched off or gone"},
	Paused:   {"录制依法暂停", "the recording was paused as the law allows"},
	Failed:   {"录制设备或系统故障，未能写入", "a fault: the recorder could not write"},
	Overflow: {"存储过慢，未能写入", "the storage was too slow"},
	Lost:     {"录制服务器损毁，该段尚未存入文件库", "the machine was lost before the file store had it"},
	Damaged:  {"原始分段在存储中损坏，亦无完好副本，缺陷文件已留存", "the segment was damaged on the disk and there is no sound copy; what is left of it is kept"},
	Crash:    {"服务器中断", "the server stopped"},
	Takeover: {"该参与人改由另一页面接管，新页面尚未发送", "another page of the participant took over and had not sent yet"},
}

// Text words the cause in lang ("zh…" for Chinese, otherwise English); one that another version wrote stays as it is.
func (c Cause) Text(lang string) string {
	if w, ok := causeWords[c]; ok {
		return w.in(lang)
	}
	return string(c)
}

var reasonWords = map[Reason]words{
	Recess:          {"休庭（庭审录音录像规定第三条第一项）", "recess (Provisions on recording hearings, art. 3(1))"},
	PrivateEvidence: {"公开庭审中的不公开举证、质证（庭审录音录像规定第三条第二项）", "evidence shown in private during a public hearing (Provisions on recording hearings, art. 3(2))"},
	Mediation:       {"不宜录制的调解（庭审录音录像规定第三条第三项）", "mediation that is not fit to be recorded (Provisions on recording hearings, art. 3(3))"},
}

// Text words the reason in lang, with its article.
func (r Reason) Text(lang string) string {
	if w, ok := reasonWords[r]; ok {
		return w.in(lang)
	}
	return string(r)
}

var sourceWords = map[string]words{"mic": {"声音", "sound"}, "camera": {"画面", "picture"}, "screen": {"共享屏幕", "shared screen"},
	"all": {"全部声音和画面", "all sound and picture"}}

// Source words what of a participant is missing: mic, camera, screen or all.
func Source(track, lang string) string {
	if w, ok := sourceWords[track]; ok {
		return w.in(lang)
	}
	return track
}
