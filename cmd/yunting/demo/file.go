package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/uuid"

	"yunting/docket"
)

// File is DATA/demo.json: what a program needs to use the demonstration. Its names are fixed; other programs rely on them.
type File struct {
	BaseURL    string    `json:"base_url"`
	Hearing    uuid.UUID `json:"hearing"`     // the one that is open now
	MediaToken string    `json:"media_token"` // may publish and watch any stream of that hearing
	People     []Person  `json:"people"`
}

// Prepare fills an empty court, or finds what an earlier start filled in, and returns what demo.json shall say.
func (c Court) Prepare(ctx context.Context, dataDir, baseURL string) (File, error) {
	people, err := c.enrol(ctx)
	if err != nil {
		return File{}, err
	}
	kept, err := readFile(dataDir)
	if err != nil {
		return File{}, err
	}
	hearing, err := c.openHearing(ctx, kept.Hearing)
	if errors.Is(err, docket.ErrNotFound) {
		script := plots()
		if kept.Hearing != uuid.Nil { // the other cases are there: only the hearing is wanted again
			script = script[len(script)-1:]
		} else if script, err = c.unplayed(ctx, people[3]); err != nil {
			return File{}, err
		}
		hearing, err = c.play(ctx, people, script)
	}
	if err != nil {
		return File{}, err
	}
	for i := range people {
		people[i].Token = kept.token(people[i].Login)
		if _, err := c.Identity.Authenticate(ctx, people[i].Token); err == nil {
			continue
		}
		if people[i].Token, err = c.Identity.NewAPIToken(ctx, people[i].account.ID, "demo"); err != nil {
			return File{}, fmt.Errorf("demo: token: %w", err)
		}
	}
	// The case's clerk may publish and watch any stream of the hearing.
	return File{BaseURL: baseURL, Hearing: hearing.ID, MediaToken: people[1].Token, People: people}, nil
}

// unplayed are the plots that no case has come to the end of: all of them in an empty court, the rest where an earlier start
// was cut short. The last one's hearing is not open, or it would not be asked for. A case's amount tells its plot.
func (c Court) unplayed(ctx context.Context, plaintiff Person) ([]plot, error) {
	cases, _, err := c.Docket.Cases(ctx, docket.Filter{Mine: plaintiff.account.ID, Sort: "-created", PerPage: 100})
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return slices.DeleteFunc(plots(), func(p plot) bool {
		return !p.live && slices.ContainsFunc(cases, func(k docket.Case) bool { return k.AmountFen == 100*p.amount && k.Stage == p.until })
	}), nil
}

// openHearing finds the hearing that an earlier start left open. One that was closed since is ErrNotFound, so that a
// new one is opened.
func (c Court) openHearing(ctx context.Context, id uuid.UUID) (docket.Hearing, error) {
	h, err := c.Docket.Hearing(ctx, id)
	if err != nil {
		return h, err
	}
	if h.Phase == docket.PhaseClosed {
		return h, docket.ErrNotFound
	}
	return h, nil
}

func (f File) token(login string) string {
	for _, p := range f.People {
		if p.Login == login {
			return p.Token
		}
	}
	return ""
}

func readFile(dataDir string) (File, error) {
	var f File
	data, err := os.ReadFile(filepath.Join(dataDir, "demo.json"))
	if errors.Is(err, os.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, fmt.Errorf("demo: %w", err)
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return File{}, nil // cut short by a crash: made again
	}
	return f, nil
}

// Write puts the file into dataDir whole or not at all; it holds tokens, so its owner alone reads it.
func (f File) Write(dataDir string) error {
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	name := filepath.Join(dataDir, "demo.json")
	if err := os.WriteFile(name+".new", append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return os.Rename(name+".new", name)
}
