package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// minMajor is the oldest PostgreSQL that the schema's SQL is written for.
const minMajor = 14

// ErrNoBinaries says that PostgreSQL is not installed where Launch looks.
var ErrNoBinaries = errors.New("postgres: no PostgreSQL binaries (initdb, postgres) found; on Debian: apt-get install postgresql; or give --database-url")

// installation is one installed PostgreSQL.
type installation struct {
	initdb, postgres string // absolute paths, links resolved
	major            int
}

// installDirs are where packages put PostgreSQL's server programs, beside
// PATH: Debian's versions, PGDG on Red Hat, Alpine, Homebrew, self-built.
var installDirs = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/usr/libexec/postgresql*",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
	"/usr/local/pgsql/bin",
	"/usr/local/bin",
	"/usr/bin",
}

// findInstallation finds the programs of the given major version, or with
// major 0 the newest installed. It answers ErrNoBinaries when there is none at all.
func findInstallation(ctx context.Context, major int) (installation, error) {
	var found []installation
	for _, dir := range candidateDirs() {
		in, err := inspect(ctx, dir)
		if ctx.Err() != nil {
			return installation{}, fmt.Errorf("postgres: look for PostgreSQL: %w", ctx.Err())
		}
		if err != nil || in.major < minMajor {
			continue // not PostgreSQL's, or too old: another directory may do
		}
		if major == 0 || in.major == major {
			found = append(found, in)
		}
		if in.major == major {
			break
		}
	}
	if len(found) == 0 {
		if major == 0 {
			return installation{}, ErrNoBinaries
		}
		return installation{}, fmt.Errorf("postgres: the data were written by PostgreSQL %d and its programs are not installed; on Debian: apt-get install postgresql-%d", major, major)
	}
	return slices.MaxFunc(found, func(a, b installation) int { return a.major - b.major }), nil
}

// candidateDirs lists the directories that hold an initdb, each once, PATH first.
func candidateDirs() []string {
	patterns := append(filepath.SplitList(os.Getenv("PATH")), installDirs...)
	var dirs []string
	for _, pattern := range patterns {
		if !filepath.IsAbs(pattern) {
			continue // a relative PATH entry would depend on where we stand
		}
		matches, err := filepath.Glob(filepath.Join(pattern, "initdb"))
		if err != nil {
			continue // a PATH entry that is no valid pattern holds nothing for us
		}
		for _, match := range matches {
			// A link leads to the directory where its siblings lie: initdb
			// looks for postgres beside itself.
			target, err := filepath.EvalSymlinks(match)
			if err != nil {
				continue
			}
			if dir := filepath.Dir(target); !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// inspect asks the postgres in dir for its version.
func inspect(ctx context.Context, dir string) (installation, error) {
	in := installation{initdb: filepath.Join(dir, "initdb"), postgres: filepath.Join(dir, "postgres")}
	out, err := exec.CommandContext(ctx, in.postgres, "--version").Output()
	if err != nil {
		return installation{}, fmt.Errorf("postgres: ask %s for its version: %w", in.postgres, err)
	}
	match := versionPattern.FindSubmatch(out)
	if match == nil {
		return installation{}, fmt.Errorf("postgres: %s does not tell its version", in.postgres)
	}
	in.major, err = strconv.Atoi(string(match[1]))
	if err != nil {
		return installation{}, fmt.Errorf("postgres: version of %s: %w", in.postgres, err)
	}
	return in, nil
}

// clusterMajor reads which major version wrote the cluster in data; 0 when
// there is no cluster yet.
func clusterMajor(data string) (int, error) {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(data); err == nil {
			return 0, fmt.Errorf("postgres: %s exists but is no PostgreSQL cluster (it has no PG_VERSION)", data)
		}
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("postgres: read the cluster's version: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("postgres: the cluster's version %q: %w", strings.TrimSpace(string(text)), err)
	}
	return major, nil
}
