package web

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestUnitsOfPages runs the tests of testdata/unit, which try parts of web/src that need no browser, in Node.
func TestUnitsOfPages(t *testing.T) {
	files, err := filepath.Glob("testdata/unit/*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "test.mjs")
			build := exec.Command("go", "tool", "esbuild", "web/"+file, "--bundle", "--platform=node", "--format=esm", "--outfile="+out, "--log-level=warning")
			build.Dir = ".."
			if said, err := build.CombinedOutput(); err != nil {
				t.Fatalf("esbuild: %v\n%s", err, said)
			}
			if said, err := exec.Command("node", "--test-reporter=spec", out).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, said)
			}
		})
	}
}
