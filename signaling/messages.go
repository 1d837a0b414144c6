package signaling

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/pion/webrtc/v4"

	"yunting/docket"
	"yunting/docket/interruption"
	"yunting/internal/blob"
	"yunting/media"
	"yunting/media/relay"
)

// Version is the protocol's version; a hello with another is refused with CloseVersion.
const Version = 1

// A request is one message from a client. Every struct below with a kind method is one message of
// docs/signaling-protocol.md and carries the same name there.
type request interface{ kind() string }

// A reply is one message to a client.
type reply interface{ kind() string }

// Envelope is what every message of a client has in common: its type, and a reference that the
// answer (Done or Failed) repeats.
type envelope struct {
	Type string `json:"type"`
	Ref  string `json:"ref"`
}

type (
	// helloRequest opens the conversation; Resume is the token of an earlier welcome. Page names the page that asks, and
	// Attempt counts its sockets, from 1; both may be absent.
	helloRequest struct {
		Version int    `json:"version"`
		Resume  string `json:"resume"`
		Page    string `json:"page"`
		Attempt int    `json:"attempt"`
	}
	// clockRequest asks for the court's time; Sent comes back unchanged.
	clockRequest struct {
		Sent float64 `json:"sent"`
	}
	// probeRequest tests the way to the media server from the device check, before any hello.
	probeRequest struct {
		SDP string `json:"sdp"`
	}
	// waysRequest asks, before any hello, for the STUN and TURN servers of the device check.
	waysRequest struct{}
	// declareRequest acknowledges the court's discipline and that nothing is recorded in secret (LR 27).
	declareRequest struct {
		Discipline  bool `json:"discipline"`
		NoRecording bool `json:"noRecording"`
	}
	// admitRequest lets one who waits in; IdentityChecked says that the clerk has done the 核对身份 (LR 7).
	admitRequest struct {
		Person          uuid.UUID `json:"person"`
		IdentityChecked bool      `json:"identityChecked"`
		Note            string    `json:"note"`
	}
	// removeRequest sends a person out of the hearing.
	removeRequest struct {
		Person uuid.UUID `json:"person"`
		Reason string    `json:"reason"`
	}
	// muteRequest takes or gives back a person's right to send sound.
	muteRequest struct {
		Person uuid.UUID `json:"person"`
		Muted  bool      `json:"muted"`
	}
	// phaseRequest moves the hearing; the judge alone may.
	phaseRequest struct {
		To docket.Phase `json:"to"`
	}
	// pauseRequest stops the recording for a reason that AV 3 names; resumeRequest goes on.
	pauseRequest struct {
		Reason interruption.Reason `json:"reason"`
	}
	resumeRequest struct{}
	// recordingChoiceRequest is what the judge does about a recording that cannot start or has stopped.
	recordingChoiceRequest struct {
		Choice interruption.Choice `json:"choice"`
		Reason string              `json:"reason"`
	}
	// handRequest raises or lowers a hand; Person is set when the judge or clerk lowers another's.
	handRequest struct {
		Person *uuid.UUID `json:"person"`
		Raised bool       `json:"raised"`
	}
	// shareRequest begins or ends the sender's shared screen; with Person the judge ends another's.
	shareRequest struct {
		Person *uuid.UUID `json:"person"`
		Shared bool       `json:"shared"`
	}
	// lineRequest adds a line to the transcript; ID is made by the client, so sending it again is harmless.
	lineRequest struct {
		ID      uuid.UUID `json:"id"`
		Speaker string    `json:"speaker"`
		Text    string    `json:"text"`
	}
	// reviseRequest changes a line that stands; Revision is the one that the clerk saw.
	reviseRequest struct {
		ID       uuid.UUID `json:"id"`
		Revision int       `json:"revision"`
		Speaker  string    `json:"speaker"`
		Text     string    `json:"text"`
	}
	// answerTranscriptRequest confirms the transcript or objects to it (CPL 150).
	answerTranscriptRequest struct {
		Confirm   bool   `json:"confirm"`
		Objection string `json:"objection"`
	}
	// answerIntegrityRequest signs the integrity value or objects to it (AV 9); Root is the one that was read.
	answerIntegrityRequest struct {
		Root      blob.Hash `json:"root"`
		Sign      bool      `json:"sign"`
		Objection string    `json:"objection"`
	}
	// devicesRequest says which of the sender's devices are on, so that tiles can show it.
	devicesRequest struct {
		Microphone bool `json:"microphone"`
		Camera     bool `json:"camera"`
	}
	// mediaRequest joins the media room. Fresh drops what peer there was.
	mediaRequest struct {
		Fresh bool `json:"fresh"`
	}
	// publishRequest is the client's offer on the publishing connection.
	publishRequest struct {
		SDP string `json:"sdp"`
	}
	// subscribedRequest is the client's answer on the subscribing connection.
	subscribedRequest struct {
		SDP string `json:"sdp"`
	}
	// candidateRequest is one ICE candidate; Target is "pub" or "sub".
	candidateRequest struct {
		Target    string                  `json:"target"`
		Candidate webrtc.ICECandidateInit `json:"candidate"`
	}
	// restartRequest asks for an ICE restart of the subscribing connection after a change of network.
	restartRequest struct{}
	// viewRequest says how large the client shows each picture, all of them: what is not listed is sent at
	// its best, what is listed with no size is off-screen and not sent.
	viewRequest struct {
		Shown []media.View `json:"shown"`
	}
	// leaveRequest is the leave button: the sender goes of their own will.
	leaveRequest struct{}
)

func (*helloRequest) kind() string            { return "hello" }
func (*clockRequest) kind() string            { return "clock" }
func (*probeRequest) kind() string            { return "probe" }
func (*waysRequest) kind() string             { return "ways" }
func (*declareRequest) kind() string          { return "declare" }
func (*admitRequest) kind() string            { return "admit" }
func (*removeRequest) kind() string           { return "remove" }
func (*muteRequest) kind() string             { return "mute" }
func (*phaseRequest) kind() string            { return "phase" }
func (*pauseRequest) kind() string            { return "pause" }
func (*resumeRequest) kind() string           { return "resume" }
func (*recordingChoiceRequest) kind() string  { return "recording-choice" }
func (*handRequest) kind() string             { return "hand" }
func (*shareRequest) kind() string            { return "share" }
func (*lineRequest) kind() string             { return "line" }
func (*reviseRequest) kind() string           { return "revise" }
func (*answerTranscriptRequest) kind() string { return "answer-transcript" }
func (*answerIntegrityRequest) kind() string  { return "answer-integrity" }
func (*devicesRequest) kind() string          { return "devices" }
func (*mediaRequest) kind() string            { return "media" }
func (*publishRequest) kind() string          { return "publish" }
func (*subscribedRequest) kind() string       { return "subscribed" }
func (*candidateRequest) kind() string        { return "candidate" }
func (*restartRequest) kind() string          { return "restart" }
func (*viewRequest) kind() string             { return "view" }
func (*leaveRequest) kind() string            { return "leave" }

type (
	// welcomeReply answers hello with everything that the client must know to draw the room.
	welcomeReply struct {
		Version    int               `json:"version"`
		You        uuid.UUID         `json:"you"`
		Resume     string            `json:"resume"`
		Resumed    bool              `json:"resumed"`
		Media      bool              `json:"media"` // the media peer of before the drop still stands
		Now        time.Time         `json:"now"`
		Room       roomReply         `json:"room"`
		People     []Person          `json:"people"`
		Lines      []line            `json:"lines"`
		Answers    []answer          `json:"answers"`
		Integrity  *integrityReply   `json:"integrity,omitempty"`
		ICEServers []relay.ICEServer `json:"iceServers"`
	}
	// roomReply is the state of the hearing as a whole.
	roomReply struct {
		Phase          docket.Phase          `json:"phase"`
		Next           []docket.Phase        `json:"next"` // what the judge may choose now
		Recording      bool                  `json:"recording"`
		Light          string                `json:"light"` // off, on, paused or fault
		RecordingSince *time.Time            `json:"recordingSince,omitempty"`
		Pause          *pause                `json:"pause,omitempty"` // of an open hearing
		Reasons        []interruption.Reason `json:"reasons"`         // why the judge may pause (AV 3)
		Fault          *faultReply           `json:"fault,omitempty"`
		Screen         *uuid.UUID            `json:"screen,omitempty"` // whose screen is shared
		OpenedAt       *time.Time            `json:"openedAt,omitempty"`
		ClosedAt       *time.Time            `json:"closedAt,omitempty"`
	}
	// personReply adds or changes one person.
	personReply struct {
		Person Person `json:"person"`
	}
	// lineReply adds or changes one line of the transcript; it is stored before it is sent.
	lineReply struct {
		Line line `json:"line"`
	}
	// answersReply lists who confirmed the transcript and who objected.
	answersReply struct {
		Answers []answer `json:"answers"`
	}
	// integrityReply is the closed hearing's integrity value and what the parties said to it (AV 9).
	integrityReply struct {
		Root     blob.Hash                `json:"root"`
		At       time.Time                `json:"at"`
		Replaces bool                     `json:"replaces"` // the parties agreed that the recording stands for the transcript, and sign the value
		Answers  []docket.IntegrityAnswer `json:"answers"`
	}
	// noticeReply tells one person what was done to them: muted, unmuted, admitted, hand-lowered, screen-ended.
	noticeReply struct {
		Code string `json:"code"`
		By   string `json:"by"`
	}
	// clockReply answers clock.
	clockReply struct {
		Sent float64   `json:"sent"`
		Now  time.Time `json:"now"`
	}
	// waysReply answers ways.
	waysReply struct {
		ICEServers []relay.ICEServer `json:"iceServers"`
	}
	// drainReply says that the server goes down, why, and after how many milliseconds to come back.
	drainReply struct {
		Reason     string `json:"reason"` // drainRestart
		RetryAfter int64  `json:"retryAfter"`
	}
	// mediaReply says that the media peer stands and what it may send.
	mediaReply struct {
		Fresh        bool `json:"fresh"`
		PublishAudio bool `json:"publishAudio"`
		PublishVideo bool `json:"publishVideo"`
	}
	// publishedReply is the answer to publish or probe.
	publishedReply struct {
		SDP string `json:"sdp"`
	}
	// subscribeReply is the server's offer on the subscribing connection.
	subscribeReply struct {
		SDP string `json:"sdp"`
	}
	// candidateReply is one ICE candidate of the server.
	candidateReply struct {
		Target    string                  `json:"target"`
		Candidate webrtc.ICECandidateInit `json:"candidate"`
	}
	// trackReply says whose a media track is.
	trackReply struct {
		ID     string `json:"id"`
		Peer   string `json:"peer"`
		Media  string `json:"media"`  // audio or video
		Source string `json:"source"` // mic, camera or screen
		Added  bool   `json:"added"`
	}
	// pausedReply says that a picture is not sent to the reader, or is sent again.
	pausedReply struct {
		ID     string `json:"id"`
		Peer   string `json:"peer"`
		Source string `json:"source"`
		Paused bool   `json:"paused"` // the way to the reader is too weak for this picture
	}
	// layersReply names the encodings of the reader's own picture that are to be stopped, because nobody
	// takes them; all others are to be sent.
	layersReply struct {
		Source string   `json:"source"`
		Off    []string `json:"off"`
	}
	// speakingReply lists the media peers that speak now; First is who is to fill the screen, also while nobody
	// speaks, and empty before anybody has.
	speakingReply struct {
		Peers []string `json:"peers"`
		First string   `json:"first"`
	}
	// doneReply says that the request with this reference is carried out and stored.
	doneReply struct {
		Ref string `json:"ref"`
	}
	// failedReply says that a request was refused; the connection goes on.
	failedReply struct {
		Ref    string `json:"ref"`
		Code   string `json:"code"`
		Detail string `json:"detail,omitempty"`
	}
)

func (*welcomeReply) kind() string   { return "welcome" }
func (*waysReply) kind() string      { return "ways" }
func (*drainReply) kind() string     { return "drain" }
func (*roomReply) kind() string      { return "room" }
func (*personReply) kind() string    { return "person" }
func (*lineReply) kind() string      { return "line" }
func (*answersReply) kind() string   { return "answers" }
func (*integrityReply) kind() string { return "integrity" }
func (*noticeReply) kind() string    { return "notice" }
func (*clockReply) kind() string     { return "clock" }
func (*mediaReply) kind() string     { return "media" }
func (*publishedReply) kind() string { return "published" }
func (*subscribeReply) kind() string { return "subscribe" }
func (*candidateReply) kind() string { return "candidate" }
func (*trackReply) kind() string     { return "track" }
func (*pausedReply) kind() string    { return "paused" }
func (*layersReply) kind() string    { return "layers" }
func (*speakingReply) kind() string  { return "speaking" }
func (*doneReply) kind() string      { return "done" }
func (*failedReply) kind() string    { return "failed" }

// line is a transcript line as clients see it.
type line struct {
	ID       uuid.UUID `json:"id"`
	Seq      int       `json:"seq"`
	Speaker  string    `json:"speaker"`
	Text     string    `json:"text"`
	At       time.Time `json:"at"`
	Revision int       `json:"revision"` // 1, raised by each change
}

// answer is one party's word on the transcript.
type answer struct {
	Account   uuid.UUID `json:"account"`
	Name      string    `json:"name"`
	Confirmed bool      `json:"confirmed"`
	Objection string    `json:"objection,omitempty"`
	At        time.Time `json:"at"`
	Current   bool      `json:"current"` // no line changed since
}

// newRequest makes an empty request of a type, or nil when there is no such type.
func newRequest(kind string) request {
	switch kind {
	case "hello":
		return new(helloRequest)
	case "clock":
		return new(clockRequest)
	case "probe":
		return new(probeRequest)
	case "ways":
		return new(waysRequest)
	case "declare":
		return new(declareRequest)
	case "admit":
		return new(admitRequest)
	case "remove":
		return new(removeRequest)
	case "mute":
		return new(muteRequest)
	case "phase":
		return new(phaseRequest)
	case "pause":
		return new(pauseRequest)
	case "resume":
		return new(resumeRequest)
	case "recording-choice":
		return new(recordingChoiceRequest)
	case "hand":
		return new(handRequest)
	case "share":
		return new(shareRequest)
	case "line":
		return new(lineRequest)
	case "revise":
		return new(reviseRequest)
	case "answer-transcript":
		return new(answerTranscriptRequest)
	case "answer-integrity":
		return new(answerIntegrityRequest)
	case "devices":
		return new(devicesRequest)
	case "media":
		return new(mediaRequest)
	case "publish":
		return new(publishRequest)
	case "subscribed":
		return new(subscribedRequest)
	case "candidate":
		return new(candidateRequest)
	case "restart":
		return new(restartRequest)
	case "view":
		return new(viewRequest)
	case "leave":
		return new(leaveRequest)
	}
	return nil
}

// decode reads one message of a client. Fields that it does not know are ignored, so that a newer
// client can talk to an older server; a type that it does not know is an error of the protocol.
func decode(data []byte) (ref string, r request, err error) {
	var env envelope
	if err := json.Unmarshal(data, &env); err != nil {
		return "", nil, fmt.Errorf("message is not an object with a type: %w", err)
	}
	if len(env.Ref) > maxRef {
		return "", nil, fmt.Errorf("ref is longer than %d bytes", maxRef)
	}
	r = newRequest(env.Type)
	if r == nil {
		return env.Ref, nil, fmt.Errorf("unknown message type %.40q", env.Type)
	}
	if err := json.Unmarshal(data, r); err != nil {
		return env.Ref, nil, fmt.Errorf("message %s: %w", env.Type, err)
	}
	return env.Ref, r, nil
}

// encode writes a reply as one JSON object whose first member is its type.
func encode(r reply) ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", r.kind(), err)
	}
	var out bytes.Buffer
	out.Grow(len(body) + 24)
	out.WriteString(`{"type":"` + r.kind() + `"`)
	if len(body) > 2 {
		out.WriteByte(',')
	}
	out.Write(body[1:])
	return out.Bytes(), nil
}
