package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestBrowserHoldThenDeletion goes by keyboard alone from a hold of a recording (保全) to its deletion by two people (AV 5, 15):
// while it is held the deletion is refused, also on a page that was opened before; lifted, the second person confirms, and
// the tombstone is shown. The clerk reads Chinese, the judge English on a telephone, the administrator English in the dark.
func TestBrowserHoldThenDeletion(t *testing.T) {
	p := startDemo(t, "--no-participants", "--log-level", "warn")
	clerk, judge, admin := newVisitor(t, p.url, "clerk"), newVisitor(t, p.url, "judge"), newVisitor(t, p.url, "administrator")
	clerk.signIn("wanglei")
	judge.signIn("linjing")
	admin.signIn("zhouhang")
	judge.choose("/language", "en")
	admin.choose("/language", "en")
	admin.choose("/theme", "dark")
	judge.size(390, 844)
	hearing := strings.TrimSuffix(clerk.recordedHearing(), "/recording")
	p.passYears(hearing, 31)
	path := hearing + "/keeping"

	clerk.open(path)
	clerk.reasonFor("deletion", deletionReason)
	clerk.sees("等待另一人确认")
	judge.open(path)
	confirm := `document.querySelector('#deletion button[value=confirm]')`
	judge.until("the proposal", `!!`+confirm, 10*time.Second)

	admin.open(path)
	admin.reasonFor("hold", "The case is under review.")
	admin.sees("The case's recordings are held")
	if evaluate[bool](admin, `!!`+confirm) {
		t.Error("what is held may be deleted")
	}
	admin.axe("a held recording, dark")
	admin.shotAll("keeping-held-dark")
	// The judge has not loaded the page anew: they confirm what is held meanwhile.
	judge.enterOn(confirm)
	judge.sees("The case's recordings are held")
	judge.axe("a deletion that is refused")
	judge.shot("keeping-refused")
	judge.open(path)
	if evaluate[bool](judge, `!!`+confirm) || evaluate[bool](judge, `!!document.querySelector('#deletion .state.ok')`) {
		t.Error("what is held is offered for deletion, or gone")
	}
	judge.shot("keeping-held-phone")

	admin.reasonFor("hold", "The review has ended.")
	admin.sees("Nobody holds the recordings.")
	judge.open(path)
	judge.enterOn(confirm)
	judge.sees("the tombstone stands in the docket")
	tombstone := `document.querySelector('#deletion a[href*="/entries/"]')`
	judge.waitReloadUntil(path, `!!document.querySelector('#deletion .state.ok') && !!`+tombstone, 30*time.Second)
	judge.axe("deleted after a hold")
	judge.shot("keeping-deleted-phone")
	judge.enterOn(tombstone)
	judge.until("the tombstone", `location.pathname.includes('/entries/') && document.body.innerText.includes('林静')`, 20*time.Second)
	judge.shot("keeping-tombstone")
	judge.axe("the tombstone")
}

// reasonFor writes the reason into the section's form and sends it, all by keyboard, and waits for the page that follows.
func (v *visitor) reasonFor(section, reason string) {
	v.t.Helper()
	v.tabTo(fmt.Sprintf(`document.querySelector('#%s textarea')`, section))
	v.do("type", chromedp.KeyEvent(reason))
	if got := evaluate[string](v, fmt.Sprintf(`document.querySelector('#%s textarea').value`, section)); got != reason {
		v.t.Fatalf("%s: typed %q, stands %q", v.name, reason, got)
	}
	evaluate[any](v, `window.__before = true`)
	v.do("Tab", chromedp.KeyEvent("\t"))
	if !evaluate[bool](v, fmt.Sprintf(`document.activeElement.matches('#%s button')`, section)) {
		v.t.Fatalf("%s: the button does not follow the reason", v.name)
	}
	v.do("Enter", chromedp.KeyEvent("\r"))
	v.until("the page after the reason", `window.__before !== true && document.readyState === 'complete'`, 30*time.Second)
}
