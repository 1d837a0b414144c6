package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"yunting/docket"
	"yunting/docket/complaint"
	"yunting/service"
)

// crashes is how often the server is killed. Each round costs about as long as a start.
const crashes = 50

// TestNothingAcknowledgedIsLost kills the server at random moments while a client files, uploads and confirms. After
// every restart all that was acknowledged must be there, once, and the ledger must hold what it signed; at the end the
// whole ledger verifies, entry by entry and with every checkpoint that was ever shown, and an exported case does.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	p := startDemo(t, "--no-participants", "--log-level", "warn")
	c := newCrashClient(t, p)
	for round := range crashes {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for c.step() == nil && c.witness.look() == nil {
			}
		}()
		pause := time.NewTimer(time.Duration(20+random.IntN(700)) * time.Millisecond)
		<-pause.C
		p.kill()
		<-done
		p.start()
		c.check()
		if round%10 == 9 {
			t.Logf("crash %d: %d cases filed, %d uploads finished, %d receipts confirmed", round+1, len(c.receipts), len(c.evidence), c.confirmed)
		}
		if t.Failed() {
			t.Fatalf("after crash %d", round+1)
		}
	}
	for end := time.Now().Add(2 * time.Minute); c.confirmed < 1 || len(c.receipts) < 3; { // however slow the machine, some acts are done in peace
		if time.Now().After(end) {
			t.Fatalf("two minutes of peace brought only %d filings and %d receipts\n%s", len(c.receipts), c.confirmed, p.log)
		}
		if err := c.step(); err != nil {
			t.Fatal(err)
		}
	}
	c.check()
	t.Logf("%d cases filed, %d uploads finished, %d receipts confirmed across %d crashes", len(c.receipts), len(c.evidence), c.confirmed, crashes)
	c.witness.verify(c.supervisor)
	c.verifyExport()
}

// crashClient goes through filing, upload, review and receipt again and again, and remembers what was acknowledged.
type crashClient struct {
	t                   testing.TB
	p                   *process
	witness             *witness
	plaintiff, reviewer string // tokens
	supervisor          string // token
	judge, clerk        string // account ids

	next     func() error // the step that is due
	template docket.Draft

	kase      docket.Case
	upload    string // its path
	content   []byte
	offset    int
	name      string
	fileName  string
	delivery  service.Delivery
	serial    int
	facts     map[string]string         // that were saved, by case
	receipts  map[string]docket.Receipt // by case
	evidence  map[string]string         // name of an acknowledged item → its case
	hashes    map[string]string         // name of an acknowledged item → SHA-256
	numbers   map[string]string         // case → 案号
	confirms  map[string]bool           // deliveries confirmed
	confirmed int
}

func newCrashClient(t testing.TB, p *process) *crashClient {
	c := &crashClient{t: t, p: p, witness: newWitness(t, p), facts: map[string]string{}, receipts: map[string]docket.Receipt{}, evidence: map[string]string{}, hashes: map[string]string{},
		numbers: map[string]string{}, confirms: map[string]bool{}}
	tokens := map[string]string{}
	for _, person := range p.file().People {
		tokens[person.Login] = person.Token
	}
	c.plaintiff, c.reviewer, c.supervisor = tokens["zhangwei"], tokens["zhaomin"], tokens["chenxi"]
	var me struct{ ID string }
	p.call(tokens["linjing"], "GET", "/api/v1/me", nil, &me, http.StatusOK)
	c.judge = me.ID
	p.call(tokens["wanglei"], "GET", "/api/v1/me", nil, &me, http.StatusOK)
	c.clerk = me.ID
	c.template = draftOf(t, p, c.plaintiff)
	c.next = c.create
	return c
}

// draftOf takes the words of the demonstration's own draft for new complaints, with consent to service in the mailbox.
func draftOf(t testing.TB, p *process, token string) docket.Draft {
	t.Helper()
	var list struct{ Cases []docket.Case }
	p.call(token, "GET", "/api/v1/cases?stage=draft&mine=true", nil, &list, http.StatusOK)
	if len(list.Cases) == 0 {
		t.Fatal("the demonstration has no draft")
	}
	var kase docket.Case
	p.call(token, "GET", "/api/v1/cases/"+list.Cases[0].ID.String(), nil, &kase, http.StatusOK)
	d := docket.Draft{CauseCode: kase.CauseCode, Claims: kase.Claims, Facts: kase.Facts, Grounds: kase.Grounds, Service: complaint.Service{Agreed: true, InApp: true}}
	for _, party := range kase.Parties {
		d.Parties = append(d.Parties, inputOf(party))
	}
	return d
}

// allCases are the cases of the whole court that reader may list.
func allCases(t testing.TB, p *process, reader string) []uuid.UUID {
	t.Helper()
	var ids []uuid.UUID
	for page := 1; ; page++ {
		var list struct {
			Cases []docket.Case
			Total int
		}
		p.call(reader, "GET", fmt.Sprintf("/api/v1/cases?sort=created&per_page=100&page=%d", page), nil, &list, http.StatusOK)
		for _, kase := range list.Cases {
			ids = append(ids, kase.ID)
		}
		if len(list.Cases) == 0 || len(ids) >= list.Total {
			return ids
		}
	}
}

// step does the next thing. An error is the server's death; anything else that goes wrong fails the test.
func (c *crashClient) step() error { return c.next() }

// ask calls the API; a refusal other than what a repeated act may meet fails the test.
func (c *crashClient) ask(token, method, path string, in any, into func([]byte) error, allowed ...int) (int, error) {
	status, reply, err := c.p.try(token, method, path, in)
	if err != nil {
		return 0, err
	}
	for _, a := range allowed {
		if status == a {
			if into != nil && status < 300 {
				return status, into(reply)
			}
			return status, nil
		}
	}
	if status >= 500 { // the database went first
		return 0, fmt.Errorf("status %d", status)
	}
	c.t.Errorf("%s %s: status %d: %s", method, path, status, reply)
	return 0, errors.New("unexpected reply")
}

func (c *crashClient) create() error {
	_, err := c.ask(c.plaintiff, "POST", "/api/v1/cases", nil, decode(&c.kase), http.StatusCreated)
	if err == nil {
		c.next = c.save
	}
	return err
}

func (c *crashClient) save() error {
	c.serial++
	d := c.template
	d.Facts += fmt.Sprintf("（第 %d 稿）", c.serial)
	path := fmt.Sprintf("/api/v1/cases/%s?version=%d", c.kase.ID, c.kase.Version)
	status, err := c.ask(c.plaintiff, "PUT", path, d, decode(&c.kase), http.StatusOK, http.StatusConflict)
	if status == http.StatusOK {
		c.facts[c.kase.ID.String()] = d.Facts
	}
	if status == http.StatusConflict { // saved before the crash, the reply was lost: read what stands
		_, err = c.ask(c.plaintiff, "GET", "/api/v1/cases/"+c.kase.ID.String(), nil, decode(&c.kase), http.StatusOK)
	}
	if err == nil {
		c.next = c.begin
	}
	return err
}

// begin makes an upload (tus creation).
func (c *crashClient) begin() error {
	c.serial++
	c.name = fmt.Sprintf("证据 %d", c.serial)
	c.fileName = fmt.Sprintf("item-%d.txt", c.serial)
	c.content = bytes.Repeat([]byte(c.name+"。"), 20_000)
	c.offset = 0
	meta := "case " + b64(c.kase.ID.String()) + ",filename " + b64(c.fileName)
	res, err := c.tus("POST", "/uploads/", nil, map[string]string{"Upload-Length": strconv.Itoa(len(c.content)), "Upload-Metadata": meta})
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusCreated {
		return fmt.Errorf("upload creation: %s", res.Status)
	}
	location, err := res.Request.URL.Parse(res.Header.Get("Location"))
	if err != nil {
		return err
	}
	c.upload = location.Path
	c.next = c.send
	return nil
}

// send sends a piece from the offset that the server has; it must never have less than it acknowledged.
func (c *crashClient) send() error {
	res, err := c.tus("HEAD", c.upload, nil, nil)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("upload offset: %s", res.Status)
	}
	at, err := strconv.Atoi(res.Header.Get("Upload-Offset"))
	if err != nil {
		return err
	}
	if at < c.offset {
		c.t.Errorf("upload %s is at %d, %d were acknowledged", c.upload, at, c.offset)
	}
	if at == len(c.content) {
		c.next = c.attach
		return nil
	}
	piece := c.content[at:min(at+64<<10, len(c.content))]
	res, err = c.tus("PATCH", c.upload, piece, map[string]string{"Upload-Offset": strconv.Itoa(at), "Content-Type": "application/offset+octet-stream"})
	if err != nil {
		return err
	}
	if res.StatusCode == http.StatusNoContent {
		c.offset = at + len(piece)
	}
	return nil
}

func (c *crashClient) attach() error {
	in := map[string]any{"upload": filepath.Base(c.upload), "name": c.name, "source": "原告保存", "purpose": "证明欠款事实"}
	var item docket.Evidence
	if _, err := c.ask(c.plaintiff, "POST", "/api/v1/cases/"+c.kase.ID.String()+"/evidence", in, decode(&item), http.StatusCreated); err != nil {
		return err
	}
	sum := sha256.Sum256(c.content)
	c.evidence[c.name], c.hashes[c.name] = c.kase.ID.String(), hex.EncodeToString(sum[:])
	if got := item.Blob.Hash.String(); got != c.hashes[c.name] {
		c.t.Errorf("evidence %s has SHA-256 %s, want %s", c.name, got, c.hashes[c.name])
	}
	c.next = c.file
	return nil
}

func (c *crashClient) file() error {
	if _, err := c.ask(c.plaintiff, "GET", "/api/v1/cases/"+c.kase.ID.String(), nil, decode(&c.kase), http.StatusOK); err != nil {
		return err
	}
	var r docket.Receipt
	path := "/api/v1/cases/" + c.kase.ID.String()
	status, err := c.ask(c.plaintiff, "POST", path+"/submit", map[string]any{"version": c.kase.Version}, decode(&r), http.StatusCreated, http.StatusForbidden, http.StatusConflict)
	if err != nil {
		return err
	}
	if status != http.StatusCreated { // it was filed before the crash and is no draft any more
		if _, err := c.ask(c.plaintiff, "GET", path+"/receipt", nil, decode(&r), http.StatusOK); err != nil {
			return err
		}
	}
	c.receipts[c.kase.ID.String()] = r
	c.next = c.accept
	return nil
}

func (c *crashClient) accept() error {
	path := "/api/v1/cases/" + c.kase.ID.String()
	if _, err := c.ask(c.reviewer, "GET", path, nil, decode(&c.kase), http.StatusOK); err != nil {
		return err
	}
	if c.kase.Stage == docket.StageSubmitted {
		in := map[string]any{"version": c.kase.Version, "procedure": "simple", "judge": c.judge, "clerk": c.clerk}
		if _, err := c.ask(c.reviewer, "POST", path+"/accept", in, decode(&c.kase), http.StatusCreated); err != nil {
			return err
		}
	}
	c.numbers[c.kase.ID.String()] = c.kase.Number
	c.next = c.receive
	return nil
}

// receive looks whether notices have come to the mailbox and confirms one; otherwise the next case is begun, and they
// are met again after that.
func (c *crashClient) receive() error {
	var mailbox []service.Delivery
	if _, err := c.ask(c.plaintiff, "GET", "/api/v1/mailbox", nil, decode(&mailbox), http.StatusOK); err != nil {
		return err
	}
	c.next = c.create
	for _, d := range mailbox {
		if _, ours := c.receipts[d.Case.String()]; ours && d.CanConfirm() && !c.confirms[d.ID.String()] {
			c.delivery, c.next = d, c.confirm
		}
	}
	return nil
}

func (c *crashClient) confirm() error {
	var d service.Delivery
	if _, err := c.ask(c.plaintiff, "POST", "/api/v1/deliveries/"+c.delivery.ID.String()+"/receipt", nil, decode(&d), http.StatusCreated); err != nil {
		return err
	}
	c.confirms[d.ID.String()] = true
	c.confirmed++
	c.next = c.create
	return nil
}

// check compares the court with what it acknowledged.
func (c *crashClient) check() {
	c.t.Helper()
	if err := c.witness.look(); err != nil {
		c.t.Fatal(err)
	}
	for id, facts := range c.facts {
		var got docket.Case
		c.p.call(c.plaintiff, "GET", "/api/v1/cases/"+id, nil, &got, http.StatusOK)
		if got.Facts != facts {
			c.t.Errorf("case %s: what was saved is not there", id)
		}
	}
	for id, r := range c.receipts {
		var got docket.Receipt
		c.p.call(c.plaintiff, "GET", "/api/v1/cases/"+id+"/receipt", nil, &got, http.StatusOK)
		if got.ID != r.ID || got.Number != r.Number {
			c.t.Errorf("case %s has receipt %s, %s was given", id, got.Number, r.Number)
		}
		c.checkEntries(id)
	}
	for name, id := range c.evidence {
		var items []docket.Evidence
		c.p.call(c.plaintiff, "GET", "/api/v1/cases/"+id+"/evidence", nil, &items, http.StatusOK)
		found := 0
		for _, item := range items {
			if item.Name == name {
				found++
				if item.Blob.Hash.String() != c.hashes[name] {
					c.t.Errorf("%s changed", name)
				}
			}
		}
		if found != 1 {
			c.t.Errorf("%s is there %d times", name, found)
		}
	}
	seen := map[string]string{}
	for id, number := range c.numbers {
		if other, doubled := seen[number]; doubled {
			c.t.Errorf("%s and %s are both %s", id, other, number)
		}
		seen[number] = id
		c.checkService(id)
	}
	for id := range c.confirms {
		var d service.Delivery
		c.p.call(c.plaintiff, "GET", "/api/v1/deliveries/"+id, nil, &d, http.StatusOK)
		if d.ConfirmedAt == nil {
			c.t.Errorf("delivery %s was confirmed and is not", id)
		}
	}
}

// checkEntries: the docket of a case is gapless, and each act that happens once is there once.
func (c *crashClient) checkEntries(id string) {
	c.t.Helper()
	var entries []docket.Entry
	c.p.call(c.plaintiff, "GET", "/api/v1/cases/"+id+"/entries", nil, &entries, http.StatusOK)
	once := map[string]int{}
	for i, e := range entries {
		if e.Seq != i+1 {
			c.t.Errorf("case %s: entry %d has number %d", id, i+1, e.Seq)
		}
		once[e.Kind]++
	}
	for _, kind := range []string{docket.EntryCreated, docket.EntryFiled, docket.EntryAccepted} {
		if once[kind] > 1 {
			c.t.Errorf("case %s: %s %d times", id, kind, once[kind])
		}
	}
	if once[docket.EntryFiled] == 0 {
		c.t.Errorf("case %s: filed without an entry", id)
	}
}

// checkService: no document of a case was made twice, and none was served twice on one party.
func (c *crashClient) checkService(id string) {
	c.t.Helper()
	once := func(found map[string]bool, what string) {
		if found[what] {
			c.t.Errorf("case %s: %s is there twice", id, what)
		}
		found[what] = true
	}
	var documents []service.Document
	c.p.call(c.reviewer, "GET", "/api/v1/cases/"+id+"/documents", nil, &documents, http.StatusOK)
	made := map[string]bool{}
	for _, d := range documents {
		if d.Kind != service.KindServiceProof { // the recipient's confirmation adds another
			once(made, fmt.Sprint(d.Kind, d.Party))
		}
	}
	var deliveries []service.Delivery
	c.p.call(c.supervisor, "GET", "/api/v1/cases/"+id+"/deliveries", nil, &deliveries, http.StatusOK)
	served := map[string]bool{}
	for _, d := range deliveries {
		for _, document := range d.Documents {
			once(served, fmt.Sprintf("%s on %s", document.ID, d.Party))
		}
	}
}

// verifyExport exports the last case and checks it offline.
func (c *crashClient) verifyExport() {
	c.t.Helper()
	for id := range c.receipts {
		status, zip, err := c.p.try(c.plaintiff, "POST", "/api/v1/cases/"+id+"/export", nil)
		if err != nil || status != http.StatusOK {
			c.t.Fatalf("export: status %d, %v", status, err)
		}
		path := filepath.Join(c.t.TempDir(), "case.zip")
		if err := os.WriteFile(path, zip, 0o600); err != nil {
			c.t.Fatal(err)
		}
		if out, err := exec.Command(c.p.cmd.Path, "verify", path).CombinedOutput(); err != nil {
			c.t.Fatalf("verify: %v\n%s", err, out)
		}
		return
	}
}

func (c *crashClient) tus(method, path string, content []byte, headers map[string]string) (*http.Response, error) {
	req, err := http.NewRequest(method, c.p.url+path, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Tus-Resumable", "1.0.0")
	req.Header.Set("Authorization", "Bearer "+c.plaintiff)
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res, err
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
