package web

import (
	"net/http"
	"strings"
	"testing"
)

// TestFaultsOfStorageAreTold: a full disk and files that are missing stand in /readyz and on the administrators' page, in both
// languages; nothing is said while nothing is wrong.
func TestFaultsOfStorageAreTold(t *testing.T) {
	c := newAPICourt(t)
	c.enrol()
	c.signIn("admin")
	ready := func() string { return string(c.send("", "GET", "/readyz", nil).body) }
	admin := func(lang string) string {
		reply := c.send("admin", "GET", "/admin", nil, "Accept-Language", lang)
		if reply.status != http.StatusOK {
			t.Fatalf("/admin: %d", reply.status)
		}
		return string(reply.body)
	}
	if page := admin("zh-CN"); ready() != "ready\n" || strings.Contains(page, `id="disk"`) || strings.Contains(page, `id="missing"`) {
		t.Errorf("nothing is wrong: %q\n%s", ready(), page)
	}
	disk, missing := "", 0
	c.server.Warning = func() string { return disk }
	c.server.MissingFiles = func() (int, int) { return 16, missing }
	if got := ready(); got != "ready\n" {
		t.Errorf("nothing is missing: %q", got)
	}
	disk, missing = "disk nearly full", 3
	if got := ready(); got != "ready\nwarning: disk nearly full\nwarning: the file store lacks 3 of the newest 16 files that the docket names: restore it from the backup\n" {
		t.Errorf("/readyz: %q", got)
	}
	for lang, want := range map[string][]string{"zh-CN": {"磁盘空间不足", "最新 16 个文件", "缺少 3 个"}, "en": {"The disk is nearly full", "Of the newest 16 files that the docket names, 3 were not there"}} {
		page := admin(lang)
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("the page in %s lacks %q:\n%s", lang, text, page)
			}
		}
	}
}
