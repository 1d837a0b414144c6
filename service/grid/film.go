package grid

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Film makes a planned film in its own directory. One goroutine at a time uses
// it; pieces that an earlier process finished are taken over.
type Film struct {
	Tools Tools
	Plan  Plan
	Dir   string                 // made when missing; holds pieces until the film is joined
	Font  func() ([]byte, error) // TrueType of the family "Noto Serif SC"; asked once a film
	Paths map[string]string      // of the files, by hash
}

// names of what lies in the directory beside the pieces.
const (
	fontFile     = "NotoSerifSC-Regular.ttf"
	metadataFile = "chapters.txt"
	listFile     = "pieces.txt"
	filmFile     = "film.mp4"
)

// Piece makes the piece with that index, and tells whether it had to: a piece
// that is there stays.
func (f *Film) Piece(ctx context.Context, i int) (made bool, err error) {
	piece := f.Plan.Pieces[i]
	c := f.Plan.compile(piece)
	final := filepath.Join(f.Dir, c.name(i))
	if _, err := os.Stat(final); err == nil {
		return false, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("grid: piece %d: %w", i+1, err)
	}
	// A directory of its own: what a killed server's ffmpeg still writes is not in the way.
	work, err := os.MkdirTemp(f.Dir, "work-")
	if err != nil {
		return false, fmt.Errorf("grid: piece %d: %w", i+1, err)
	}
	err = f.render(ctx, work, c, final)
	if err := errors.Join(err, os.RemoveAll(work)); err != nil {
		return false, fmt.Errorf("grid: piece %d of %d: %w", i+1, len(f.Plan.Pieces), err)
	}
	return true, nil
}

// Prepare makes the directory and clears what a killed process left half done.
func (f *Film) Prepare() error {
	if err := os.MkdirAll(filepath.Join(f.Dir, "fonts"), 0o700); err != nil {
		return fmt.Errorf("grid: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(f.Dir, "work-*"))
	if err != nil {
		return fmt.Errorf("grid: %w", err)
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("grid: %w", err)
		}
	}
	if err := f.writeFont(); err != nil {
		return fmt.Errorf("grid: font: %w", err)
	}
	return nil
}

// writeFont writes the font, of some 20 MB, unless it is there from an earlier go at the film.
func (f *Film) writeFont() error {
	path := filepath.Join(f.Dir, "fonts", fontFile)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	font, err := f.Font()
	if err != nil {
		return err
	}
	part := filepath.Join(f.Dir, "work-font") // cleared when it stays behind
	if err := os.WriteFile(part, font, 0o600); err != nil {
		return err
	}
	return keep(part, path)
}

func (f *Film) render(ctx context.Context, work string, c command, final string) error {
	for name, text := range map[string]string{"under.ass": c.Under, "over.ass": c.Over} {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := os.Symlink(filepath.Join("..", "fonts"), filepath.Join(work, "fonts")); err != nil {
		return err
	}
	args := []string{"-filter_complex_threads", "2"}
	for _, in := range c.Inputs {
		path, ok := f.Paths[in.Hash]
		if !ok {
			return fmt.Errorf("no file with hash %s", in.Hash)
		}
		// A change of the picture's size must not restart the graph: scale takes it.
		args = append(args, "-reinit_filter", "0", "-threads", "1", "-ss", seconds(in.Seek), "-t", seconds(in.Length), "-i", "file:"+path)
	}
	args = append(args, "-filter_complex", c.Graph, "-map", "[v]", "-map", "[a]")
	args = append(args, encoder...)
	args = append(args, "-r", fmt.Sprint(frameRate), "-frames:v", fmt.Sprint(c.Frames), "-map_metadata", "-1", "-map_chapters", "-1", "-f", "matroska", "piece.mkv")
	limit := pieceLimit + time.Duration(c.Frames*frameMS)*time.Millisecond*pieceSlowest
	if err := f.Tools.ffmpeg(ctx, work, limit, args); err != nil {
		return err
	}
	return keep(filepath.Join(work, "piece.mkv"), final)
}

// keep makes a finished file durable under its name.
func keep(path, final string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(path, final); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(final))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Done counts the pieces that are there.
func (f *Film) Done() (int, error) {
	n := 0
	for i, piece := range f.Plan.Pieces {
		_, err := os.Stat(filepath.Join(f.Dir, f.Plan.compile(piece).name(i)))
		switch {
		case err == nil:
			n++
		case !errors.Is(err, fs.ErrNotExist):
			return n, fmt.Errorf("grid: %w", err)
		}
	}
	return n, nil
}

// Join puts the pieces, all of which must be there, into one MP4 with chapters
// and gives its path. Pictures are copied, sound is encoded once, so that no
// joint is heard. The film is looked at before it counts: a stream that is
// missing or of another length is an error.
func (f *Film) Join(ctx context.Context) (string, error) {
	var list strings.Builder
	list.WriteString("ffconcat version 1.0\n")
	for i, piece := range f.Plan.Pieces {
		// The names are digits, so that nothing needs escaping.
		fmt.Fprintf(&list, "file ../%s\nduration %s\n", f.Plan.compile(piece).name(i), seconds(piece.Length))
	}
	work, err := os.MkdirTemp(f.Dir, "work-")
	if err != nil {
		return "", fmt.Errorf("grid: join: %w", err)
	}
	err = f.join(ctx, work, list.String())
	if err := errors.Join(err, os.RemoveAll(work)); err != nil {
		return "", fmt.Errorf("grid: join: %w", err)
	}
	return filepath.Join(f.Dir, filmFile), nil
}

func (f *Film) join(ctx context.Context, work, list string) error {
	for name, text := range map[string]string{listFile: list, metadataFile: f.Plan.metadata()} {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	args := []string{"-f", "concat", "-safe", "0", "-i", listFile, "-f", "ffmetadata", "-i", metadataFile,
		"-map", "0:v", "-map", "0:a", "-map_metadata", "1", "-map_chapters", "1",
		"-c:v", "copy", "-af", "aresample=async=1:first_pts=0", "-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart", "-f", "mp4", filmFile}
	if err := f.Tools.ffmpeg(ctx, work, joinLimit+time.Duration(f.Plan.Length)*time.Millisecond, args); err != nil {
		return err
	}
	made := filepath.Join(work, filmFile)
	if err := f.Tools.checkFilm(ctx, made, f.Plan.Length); err != nil {
		return err
	}
	return keep(made, filepath.Join(f.Dir, filmFile))
}
