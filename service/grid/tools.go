package grid

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"yunting/docket"
)

// The bounds on ffmpeg.
const (
	pieceLimit   = 90 * time.Second // to start a piece, beside
	pieceSlowest = 10               // times its length
	joinLimit    = 10 * time.Minute // to join a film, beside its length
	probeLimit   = 15 * time.Minute // to read one file of a long hearing from end to end
	memoryKiB    = 4 << 20          // of address space
	niceness     = "10"             // the hearing that runs comes first
	maxLog       = 4 << 10          // bytes of what ffmpeg complains about
)

// ErrUnavailable says that this machine cannot make films, and why.
var ErrUnavailable = errors.New("grid: no usable ffmpeg on this machine")

// Tools are the programs that make films.
type Tools struct {
	ffmpegPath, ffprobePath string
}

// Unavailable is ErrUnavailable for the zero Tools, else nil.
func (t Tools) Unavailable() error {
	if t.ffmpegPath == "" {
		return ErrUnavailable
	}
	return nil
}

// FindTools looks for ffmpeg and ffprobe in PATH, and for what is needed of
// them: libx264 and libass. ErrUnavailable when something is missing.
func FindTools(ctx context.Context) (Tools, error) {
	var t Tools
	for name, path := range map[string]*string{"ffmpeg": &t.ffmpegPath, "ffprobe": &t.ffprobePath} {
		found, err := exec.LookPath(name)
		if err != nil {
			return Tools{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		*path = found
	}
	for what, need := range map[string]string{"-encoders": " libx264 ", "-filters": " ass "} {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		out, err := exec.CommandContext(ctx, t.ffmpegPath, "-hide_banner", what).Output()
		cancel()
		if err != nil {
			return Tools{}, fmt.Errorf("%w: ffmpeg %s: %w", ErrUnavailable, what, err)
		}
		if !strings.Contains(string(out), need) {
			return Tools{}, fmt.Errorf("%w: it was built without%s", ErrUnavailable, need)
		}
	}
	return t, nil
}

// bounded is a command with bounded memory and low priority. Arguments reach it
// as they are: the shell only sets the bounds.
func bounded(ctx context.Context, dir, program string, args []string) *exec.Cmd {
	script := fmt.Sprintf(`ulimit -v %d 2>/dev/null; exec nice -n %s "$@"`, memoryKiB, niceness)
	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", script, "sh", program}, args...)...)
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// tail keeps the end of what a program complains about.
type tail struct{ bytes.Buffer }

func (t *tail) Write(b []byte) (int, error) {
	t.Buffer.Write(b)
	if extra := t.Len() - maxLog; extra > 0 {
		t.Next(extra)
	}
	return len(b), nil
}

// ffmpeg runs in dir. Its progress goes through a pipe, so that it ends with
// the server that reads it.
func (t Tools) ffmpeg(ctx context.Context, dir string, limit time.Duration, args []string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	fixed := []string{"-hide_banner", "-nostdin", "-loglevel", "error", "-progress", "pipe:1", "-y", "-protocol_whitelist", "file,pipe"}
	cmd := bounded(ctx, dir, t.ffmpegPath, append(fixed, args...))
	var complaint tail
	cmd.Stderr = &complaint
	progress, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("ffmpeg: %w", err)
	}
	_, read := io.Copy(io.Discard, progress)
	if err := cmd.Wait(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return fmt.Errorf("ffmpeg: %w", cause)
		}
		return fmt.Errorf("ffmpeg: %w: %s", err, strings.TrimSpace(complaint.String()))
	}
	return read
}

// Scan reads what streams a file has and when it holds pictures. It reads the
// whole file once.
func (t Tools) Scan(ctx context.Context, path string) ([]Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	streams, err := t.streams(ctx, path)
	if err != nil {
		return nil, err
	}
	cmd := bounded(ctx, "", t.ffprobePath, []string{"-v", "error", "-select_streams", "v", "-show_entries", "packet=stream_index,pts_time", "-of", "csv=p=0", "file:" + path})
	var complaint tail
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("grid: scan: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("grid: scan: %w", err)
	}
	read := pictures(out, streams)
	if err := errors.Join(read, cmd.Wait()); err != nil {
		return nil, fmt.Errorf("grid: scan: %w: %s", err, strings.TrimSpace(complaint.String()))
	}
	return streams, nil
}

func (t Tools) streams(ctx context.Context, path string) ([]Stream, error) {
	out, err := bounded(ctx, "", t.ffprobePath, []string{"-v", "error", "-show_entries", "stream=index,codec_type:stream_tags=title", "-of", "json", "file:" + path}).Output()
	if err != nil {
		return nil, fmt.Errorf("grid: scan: %w", err)
	}
	var probe struct {
		Streams []struct {
			Index int    `json:"index"`
			Type  string `json:"codec_type"`
			Tags  struct {
				Title string `json:"title"`
			} `json:"tags"`
		} `json:"streams"`
	}
	if err := json.Unmarshal(out, &probe); err != nil {
		return nil, fmt.Errorf("grid: scan: %w", err)
	}
	var streams []Stream
	for _, s := range probe.Streams {
		if s.Type == "video" || s.Type == "audio" {
			streams = append(streams, Stream{Index: s.Index, Video: s.Type == "video", Screen: s.Type == "video" && s.Tags.Title == "screen"})
		}
	}
	return streams, nil
}

// pictures reads lines "index,seconds" of packets and enters when each stream has pictures.
func pictures(r io.Reader, streams []Stream) error {
	byIndex := map[string]*Stream{}
	for i := range streams {
		byIndex[strconv.Itoa(streams[i].Index)] = &streams[i]
	}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ",")
		if len(fields) < 2 || byIndex[fields[0]] == nil {
			continue
		}
		at, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			continue // a packet without a time
		}
		byIndex[fields[0]].picture(int64(math.Round(at * 1000)))
	}
	return lines.Err()
}

// picture enters that there is a picture at ms; they come nearly in order.
func (s *Stream) picture(ms int64) {
	if n := len(s.Shown); n > 0 && ms-s.Shown[n-1].To < pictureMS {
		s.Shown[n-1].To = max(s.Shown[n-1].To, ms+frameMS)
		return
	}
	s.Shown = append(s.Shown, docket.Stretch{From: max(ms, 0), To: ms + frameMS})
}

// checkFilm looks that a film has picture and sound of the planned length.
func (t Tools) checkFilm(ctx context.Context, path string, length int64) error {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	out, err := bounded(ctx, "", t.ffprobePath, []string{"-v", "error", "-show_entries", "stream=codec_name,duration", "-of", "json", "file:" + path}).Output()
	if err != nil {
		return fmt.Errorf("look at the film: %w", err)
	}
	var probe struct {
		Streams []struct {
			Codec    string `json:"codec_name"`
			Duration string `json:"duration"`
		} `json:"streams"`
	}
	if err := json.Unmarshal(out, &probe); err != nil {
		return fmt.Errorf("look at the film: %w", err)
	}
	found := map[string]bool{}
	for _, s := range probe.Streams {
		if s.Codec != "h264" && s.Codec != "aac" {
			continue // the chapters' titles
		}
		seconds, err := strconv.ParseFloat(s.Duration, 64)
		if err != nil || math.Abs(seconds*1000-float64(length)) > lengthSlack {
			return fmt.Errorf("the film's %s is %s s long instead of %d ms", s.Codec, s.Duration, length)
		}
		found[s.Codec] = true
	}
	if len(found) != 2 {
		return fmt.Errorf("the film has %d of its 2 streams", len(found))
	}
	return nil
}

const lengthSlack = 200 // milliseconds
