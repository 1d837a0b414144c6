// Package grid makes one film of a hearing from the files of its participants:
// who speaks large, the judge always in view, names under the pictures, 案号 and
// court time burned in, recesses as a card, chapters by phase, all sound mixed.
//
// Planning is pure: New turns a hearing's playback and what its files hold into
// pieces of at most a minute, and Piece.compile turns a piece into the arguments
// of ffmpeg. Film runs them. A piece's file is named by everything it is made
// from, so a film that was interrupted goes on with the pieces that are there.
package grid

import (
	"errors"
	"time"

	"yunting/docket"
)

// The film: its canvas, its clock and its bounds.
const (
	frameRate   = 25
	frameMS     = 1000 / frameRate
	sampleRate  = 48000
	pieceMS     = 60_000 // a piece at most
	cardMS      = 4_000  // how long a recess is shown
	breakMS     = 1_000  // a shorter interruption is cut without a card
	holdMS      = 3_000  // a face stays large at least so long
	tickMS      = 200    // how exactly the layout follows the speech
	pictureMS   = 3_000  // without a new picture for longer, there is none
	maxSmall    = 6      // tiles beside the large one
	maxLabel    = 24     // columns of a name; a Chinese character takes two
	canvasWide  = 1280
	canvasHigh  = 720
	smallWide   = 320
	smallHigh   = 180
	largeWide   = 960
	largeHigh   = 540
	prerollMS   = 2_000 // pictures before a piece begins, so that one is there at once
	captionHigh = 30    // the band under a tile that bears the name
)

// ErrEmpty says that the hearing has no recording that could be shown.
var ErrEmpty = errors.New("grid: nothing was recorded")

// Input is what a film is planned from. Milliseconds count from Playback.Start.
type Input struct {
	docket.Playback
	Zone   *time.Location // of the clock in the picture
	Lang   string         // of the words in the picture: zh-CN or en
	People []Person       // in the order of their tiles; who is not named here has no tile
	Files  []File
}

// Person is one participant.
type Person struct {
	ID    string // Track.Participant
	Label string // under the tile; any text
	Lead  bool   // the judge: always in view
	There []docket.Stretch
}

// File is one recorded file of a person.
type File struct {
	Person         string
	Hash           string // SHA-256 of its bytes
	docket.Stretch        // from its beginning to its end
	Streams        []Stream
}

// Stream is one audio or video stream of a file.
type Stream struct {
	Index  int              `json:"index"`
	Video  bool             `json:"video"`
	Screen bool             `json:"screen"`
	Shown  []docket.Stretch `json:"shown,omitempty"` // of video: when there are pictures, in the file's own milliseconds
}

// Plan is a film.
type Plan struct {
	Lang     string
	Zone     *time.Location
	Number   string // 案号
	Title    string
	Start    time.Time // of the hearing's millisecond 0
	Length   int64     // milliseconds
	Pieces   []Piece
	Chapters []Chapter
	People   []Person
	Files    []File
}

// Piece is up to a minute of the film: a stretch of the hearing, or a card.
type Piece struct {
	At     int64          // in the film
	Length int64          // a whole number of frames
	Of     docket.Stretch // of the hearing: what is shown, or what the card stands for
	Break  Break          // empty: not a card
	Scenes []Scene        // from the piece's beginning to its end
}

// Break is why nothing was recorded.
type Break string

// The breaks.
const (
	BreakRecess      Break = "recess"      // 休庭 (AV 3)
	BreakPrivate     Break = "private"     // 不公开举证、质证 (AV 3)
	BreakMediation   Break = "mediation"   // 不宜录制的调解 (AV 3)
	BreakInterrupted Break = "interrupted" // a fault, explained in the record (AV 5)
)

// Scene is a stretch of a piece in which nothing moves.
type Scene struct {
	docket.Stretch // since the piece's beginning
	Tiles          []Tile
	More           int // people for whom there is no tile
}

// Tile is a person's place, or that of their screen.
type Tile struct {
	Person   string
	Screen   bool
	Slot     int // 0: large; 1 … maxSmall
	Speaking bool
}

// Chapter is a phase in the film.
type Chapter struct {
	docket.Stretch
	Phase docket.Phase
}

// place is where a slot lies on the canvas: four at the right, two at the foot.
// The foot's left third bears case number and clock.
func place(slot int) (x, y, wide, high int) {
	switch {
	case slot == 0:
		return 0, 0, largeWide, largeHigh
	case slot <= 4:
		return largeWide, (slot - 1) * smallHigh, smallWide, smallHigh
	}
	return (slot - 4) * smallWide, largeHigh, smallWide, smallHigh
}
