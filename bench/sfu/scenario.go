//go:build linux

package main

import (
	"fmt"
	"time"
)

// scenario is what is loaded.
type scenario struct {
	Publishers int           `default:"4" help:"Publishers in each room."`
	Receivers  int           `default:"40" help:"Receivers in each room; each gets every stream, or all but its own with --meeting."`
	Rooms      int           `default:"1" help:"Rooms."`
	Meeting    bool          `help:"The receivers are the publishers: each gets all streams but one."`
	Kbps       int           `default:"1500" help:"Kilobits a second of a camera (1200-byte packets, five a frame); 0 is no video."`
	Audio      bool          `help:"Each publisher has a microphone too (50 packets a second)."`
	Voices     int           `default:"5" help:"Microphones that the server forwards in a room, when there are more."`
	Simulcast  bool          `help:"Cameras send three layers (all, a third and a ninth of the frames)."`
	Recorded   bool          `help:"The server records the room onto its disk meanwhile, as a court does."`
	By         string        `default:"streams" enum:"streams,socket" help:"How people come in: by WHIP and WHEP (streams), or into a hearing by its room's socket (socket)."`
	Loss       float64       `help:"Share of the packets that the receivers lose on the way in, 0 to 1; they ask for them again."`
	Sample     int           `default:"16" help:"Receivers decrypt one packet in this many (all of them with --loss)."`
	Duration   time.Duration `default:"10s" help:"Measuring window."`
	Warmup     time.Duration `default:"3s" help:"Time between the last connection and the window."`
}

// streams is how many sections of audio and video a receiver asks for.
func (s scenario) streams() (audio, video int) {
	n := s.Publishers
	if s.Meeting {
		n--
	}
	if s.Audio {
		audio = n
	}
	if s.Kbps > 0 {
		video = n
	}
	return audio, video
}

// arriving is how many streams a receiver gets of those that it asks for.
func (s scenario) arriving() int {
	audio, video := s.streams()
	return min(audio, s.Voices) + video
}

// watchers is how many receivers a room has.
func (s scenario) watchers() int {
	if s.Meeting {
		return s.Publishers
	}
	return s.Receivers
}

// seats is how many connections a hearing's room takes; one is the clerk's.
const seats = 200

// socket tells whether people come in by the hearing room's socket.
func (s scenario) socket() bool { return s.By == "socket" }

// frameInterval is the time between a camera's frames at its bitrate.
func (s scenario) frameInterval() time.Duration {
	return time.Duration(framePackets*packetBytes*8) * time.Second / time.Duration(s.Kbps*1000)
}

func (s scenario) check() error {
	audio, video := s.streams()
	switch {
	case s.Publishers < 1 || s.Rooms < 1 || s.watchers() < 1 || audio+video < 1 || s.Voices < 1:
		return fmt.Errorf("nothing to forward")
	case s.Recorded && s.Rooms > 1:
		return fmt.Errorf("one room is recorded: --rooms must be 1")
	case s.socket() && (s.Rooms > 1 || s.Publishers+s.watchers() >= seats):
		return fmt.Errorf("by the room's socket there is one hearing of at most %d people: --rooms must be 1", seats)
	case s.Loss < 0 || s.Loss >= 1:
		return fmt.Errorf("loss %g is not in [0, 1)", s.Loss)
	case s.Duration < time.Second:
		return fmt.Errorf("a window of %s is too short for /proc's clock", s.Duration)
	}
	return nil
}

// name is the scenario in short.
func (s scenario) name() string {
	kind := fmt.Sprintf("%d kbps", s.Kbps)
	if s.Kbps == 0 {
		kind = "audio"
	} else if s.Audio {
		kind += " and audio"
	}
	if audio, _ := s.streams(); audio > s.Voices {
		kind += fmt.Sprintf(", %d heard", s.Voices)
	}
	if s.Simulcast {
		kind += ", simulcast"
	}
	if s.Recorded {
		kind += ", recorded"
	}
	if s.socket() {
		kind += ", by the room's socket"
	}
	if s.Loss > 0 {
		kind += fmt.Sprintf(", %g %% loss", s.Loss*100)
	}
	size := fmt.Sprintf("%d × %d", s.Publishers, s.Receivers)
	if s.Meeting {
		size = fmt.Sprintf("meeting of %d", s.Publishers)
	}
	if s.Rooms > 1 {
		size = fmt.Sprintf("%d rooms, each a %s", s.Rooms, size)
	}
	return size + ", " + kind
}
