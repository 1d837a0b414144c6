package record

import "sync"

// troubles says which participants' recording fails, once each, and when it
// works again. It is safe for concurrent use.
type troubles struct {
	onError func(participant string, err error)
	onWorks func(participant string)

	mu      sync.Mutex // guards what follows
	failing map[string]bool
	news    []func() // what is to be told, in order
	telling bool     // a goroutine does
}

func newTroubles(o Options) *troubles {
	return &troubles{onError: o.OnError, onWorks: o.OnWorks, failing: map[string]bool{}}
}

// begin says that a participant's recording fails; false when that was known.
func (t *troubles) begin(participant string, err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failing[participant] {
		return false
	}
	t.failing[participant] = true
	if t.onError != nil {
		t.tellLocked(func() { t.onError(participant, err) })
	}
	return true
}

// end says that a participant's recording works, again or still.
func (t *troubles) end(participant string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.failing[participant] {
		return
	}
	delete(t.failing, participant)
	if t.onWorks != nil {
		t.tellLocked(func() { t.onWorks(participant) })
	}
}

// tellLocked has a goroutine tell the news one after the other.
func (t *troubles) tellLocked(f func()) {
	t.news = append(t.news, f)
	if !t.telling {
		t.telling = true
		go t.tell()
	}
}

func (t *troubles) tell() {
	for {
		t.mu.Lock()
		if len(t.news) == 0 {
			t.telling = false
			t.mu.Unlock()
			return
		}
		f := t.news[0]
		t.news = t.news[1:]
		t.mu.Unlock()
		f()
	}
}
