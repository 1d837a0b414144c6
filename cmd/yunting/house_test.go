package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport is the house's rule: imports only go down. A package may import its own sub-packages and what is listed.
var mayImport = map[string][]string{
	"cmd":                {"web", "signaling", "service", "docket", "media", "internal"},
	"web":                {"signaling", "service", "docket", "media", "internal"},
	"signaling":          {"media", "docket", "internal"},
	"service":            {"docket", "internal"},
	"docket":             {"internal"},
	"media":              {},
	"internal/identity":  {"internal/postgres"},
	"internal/ledger":    {"internal/postgres", "internal/blob"},
	"internal/postgres":  {},
	"internal/blob":      {},
	"internal/secrets":   {},
	"internal/diskspace": {},
	"bench":              {"web", "signaling", "service", "docket", "media", "internal"},
}

func TestImportsOnlyGoDown(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "yunting/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words := strings.Fields(line)
		from := room(words[0])
		allowed, known := mayImport[from]
		if !known {
			t.Errorf("package %s stands in no room of the house", words[0])
		}
		for _, imported := range words[1:] {
			if !strings.HasPrefix(imported, "yunting/") {
				continue
			}
			to := room(imported)
			if to != from && !slices.Contains(allowed, to) && !slices.Contains(allowed, strings.SplitN(to, "/", 2)[0]) {
				t.Errorf("%s imports %s: %s may import only %v", words[0], imported, from, allowed)
			}
		}
	}
}

// room is the first path element below the module, or the first two below internal.
func room(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "yunting/"), "/")
	if parts[0] == "internal" && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}
