package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// need runs scripts/need.sh for `make run` on a machine that has the programs alone, as the user with the number. It
// returns what was printed, what apt-get was told, and the exit status.
func need(t *testing.T, uid int, programs ...string) (said, installed string, status int) {
	t.Helper()
	dir := t.TempDir()
	told := filepath.Join(dir, "told")
	scripts := map[string]string{"id": fmt.Sprintf("echo %d", uid)}
	for _, p := range programs {
		scripts[p] = ":"
		if p == "apt-get" {
			scripts[p] = fmt.Sprintf(`echo "$@" >>'%s'`, told)
		}
	}
	for name, line := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+line+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/bin/sh", filepath.Join("..", "..", "scripts", "need.sh"), "run")
	cmd.Env = []string{"PATH=" + dir}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	commands, err := os.ReadFile(told)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(out), string(commands), cmd.ProcessState.ExitCode()
}

// TestNeedOnABareMachine: what `make run` needs is installed by root on Debian; anybody else is told the one line to type,
// and nothing is done; a machine that has all is left in peace. (PostgreSQL is found wherever its packages put it, and the
// tests' machine has it.)
func TestNeedOnABareMachine(t *testing.T) {
	for _, c := range []struct {
		name     string
		uid      int
		programs []string
		says     string // the line to type
		told     string // to apt-get
		status   int
	}{
		{"a user on Debian", 1000, []string{"apt-get"}, "  sudo apt-get install -y nodejs npm\n", "", 1},
		{"a user on Debian who lacks npm", 1000, []string{"apt-get", "node"}, "  sudo apt-get install -y npm\n", "", 1},
		{"a user on macOS", 501, []string{"brew"}, "  brew install ", "", 1},
		{"root elsewhere", 0, nil, "  (your package manager) install nodejs npm\n", "", 1},
		{"root on Debian", 0, []string{"apt-get"}, "", "update -qq\ninstall -y -qq --no-install-recommends nodejs npm\n", 0},
		{"all is there", 1000, []string{"node", "npm"}, "", "", 0},
	} {
		said, told, status := need(t, c.uid, c.programs...)
		if status != c.status || told != c.told || !strings.Contains(said, c.says) {
			t.Errorf("%s: status %d, apt-get was told %q, said:\n%s", c.name, status, told, said)
		}
		if lines := strings.Count(said, "\n  "); c.says != "" && lines != 1 {
			t.Errorf("%s: %d lines to type:\n%s", c.name, lines, said)
		}
		if c.name == "all is there" && said != "" {
			t.Errorf("%s: %s", c.name, said)
		}
	}
}
