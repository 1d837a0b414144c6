// Command clipgen draws the clip that the demo's synthetic participants loop: sixty seconds of a seated figure and a
// wall clock whose second hand is true when the clip is started on the minute, with a soft tick each second.
// It needs ffmpeg: go generate ./cmd/yunting/demo
package main

import (
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"io"
	"log"
	"math"
	"os"
	"os/exec"
)

const (
	width, height = 320, 180
	fps           = 10
	seconds       = 60
	sampleRate    = 48000
)

func main() {
	out := "clip.webm"
	if len(os.Args) > 1 {
		out = os.Args[1]
	}
	if err := generate(out); err != nil {
		log.Fatal(err)
	}
}

func generate(out string) error {
	sound, err := os.CreateTemp("", "tick-*.s16")
	if err != nil {
		return err
	}
	defer os.Remove(sound.Name())
	if err := writeTicks(sound); err != nil {
		return err
	}
	if err := sound.Close(); err != nil {
		return err
	}
	cmd := exec.Command("ffmpeg", "-y", "-loglevel", "error",
		"-f", "rawvideo", "-pix_fmt", "rgba", "-s", fmt.Sprintf("%dx%d", width, height), "-r", fmt.Sprint(fps), "-i", "-",
		"-f", "s16le", "-ar", fmt.Sprint(sampleRate), "-ac", "1", "-i", sound.Name(),
		"-c:v", "libvpx", "-b:v", "70k", "-crf", "30", "-g", fmt.Sprint(fps), "-auto-alt-ref", "0", "-lag-in-frames", "0",
		"-c:a", "libopus", "-b:a", "12k", "-application", "audio", "-frame_duration", "20",
		"-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", out)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	for n := range fps * seconds {
		if _, err := pipe.Write(frame(float64(n) / fps).Pix); err != nil {
			return err
		}
	}
	if err := pipe.Close(); err != nil {
		return err
	}
	return cmd.Wait()
}

// frame draws the picture t seconds after the minute.
func frame(t float64) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	breath := 1.2 * math.Sin(2*math.Pi*t/4)
	for y := range height {
		for x := range width {
			m.SetRGBA(x, y, shade(float64(x), float64(y), t, breath))
		}
	}
	return m
}

var (
	wall  = color.RGBA{0x2b, 0x3a, 0x55, 0xff}
	desk  = color.RGBA{0x4a, 0x35, 0x28, 0xff}
	robe  = color.RGBA{0x16, 0x1c, 0x2b, 0xff}
	skin  = color.RGBA{0xd9, 0xb2, 0x95, 0xff}
	hair  = color.RGBA{0x24, 0x1e, 0x1c, 0xff}
	face  = color.RGBA{0xf4, 0xf1, 0xe8, 0xff}
	ink   = color.RGBA{0x20, 0x24, 0x2e, 0xff}
	red   = color.RGBA{0xb0, 0x2a, 0x2a, 0xff}
	scarf = color.RGBA{0x8c, 0x1d, 0x1d, 0xff}
)

func shade(x, y, t, breath float64) color.RGBA {
	if c, ok := clock(x-254, y-52, 36, t); ok {
		return c
	}
	if y > 152 {
		return desk
	}
	x -= 130
	head := y + breath*0.6
	switch {
	case ellipse(x, head-50, 25, 14) && head < 56:
		return hair
	case ellipse(x, head-66, 22, 27):
		if blink := math.Mod(t, 4) < 0.2; !blink && (disc(x-8, head-62, 2) || disc(x+8, head-62, 2)) {
			return ink
		}
		return skin
	case math.Abs(x) < 4 && y > 96-breath && y < 140:
		return scarf
	case ellipse(x, y-150-breath, 68, 56):
		return robe
	}
	return wall
}

// clock is a wall clock of the given radius about the origin; its second hand sweeps once in the clip.
func clock(x, y, radius, t float64) (color.RGBA, bool) {
	d := math.Hypot(x, y)
	switch {
	case d > radius:
		return color.RGBA{}, false
	case d > radius-3:
		return ink, true
	case hand(x, y, t/60, radius-8, 1.3):
		return red, true
	case d < 3:
		return ink, true
	}
	if turn := math.Atan2(x, -y) / (2 * math.Pi) * 12; d > radius-9 && math.Abs(turn-math.Round(turn)) < 0.09 {
		return ink, true
	}
	return face, true
}

// hand says whether (x, y) lies on a hand that points at turn (a fraction of a full circle from twelve).
func hand(x, y, turn, length, half float64) bool {
	s, c := math.Sincos(2 * math.Pi * turn)
	along, across := x*s-y*c, x*c+y*s
	return along > -6 && along < length && math.Abs(across) < half
}

func ellipse(x, y, rx, ry float64) bool { return (x*x)/(rx*rx)+(y*y)/(ry*ry) < 1 }
func disc(x, y, r float64) bool         { return x*x+y*y < r*r }

// writeTicks writes mono 16-bit samples: a short soft tick at each second over near silence.
func writeTicks(w io.Writer) error {
	samples := make([]int16, sampleRate*seconds)
	for i := range samples {
		at := math.Mod(float64(i)/sampleRate, 1)
		samples[i] = int16(2600 * math.Exp(-at*60) * math.Sin(2*math.Pi*880*at))
	}
	return binary.Write(w, binary.LittleEndian, samples)
}
