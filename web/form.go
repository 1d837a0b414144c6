package web

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"yunting/docket"
	"yunting/docket/complaint"
	"yunting/docket/deadline"
)

// Bounds of a complaint's lists.
const (
	maxParties   = 50
	maxClaims    = 50
	maxWitnesses = 20
)

func sortedKeys(v url.Values) []string { return slices.Sorted(maps.Keys(v)) }

// parseYuan reads an amount in yuan, "1,123,685.86" or "50", as fen. Empty
// text is no amount.
func parseYuan(s string) (int64, error) {
	s = strings.NewReplacer(",", "", "，", "", " ", "", "元", "", "¥", "").Replace(strings.TrimSpace(s))
	if s == "" {
		return 0, nil
	}
	whole, frac, dotted := strings.Cut(s, ".")
	if dotted && (len(frac) == 0 || len(frac) > 2) || len(whole) == 0 || len(whole) > 13 {
		return 0, fmt.Errorf("amount %q is not in yuan", s)
	}
	fen, err := strconv.ParseUint(whole+(frac + "00")[:2], 10, 63)
	if err != nil {
		return 0, fmt.Errorf("amount %q is not in yuan: %w", s, err)
	}
	return int64(fen), nil
}

// optionalDate reads a date input; an empty one is no date.
func optionalDate(s string) (*deadline.Date, error) {
	if s = strings.TrimSpace(s); s == "" {
		return nil, nil
	}
	d, err := deadline.Parse(s)
	if err != nil {
		return nil, err
	}
	return &d, nil
}

// filingForm is the complaint as it was typed. What cannot be read as an
// amount or a date stays beside the draft as the person wrote it.
type filingForm struct {
	docket.Draft
	Version int64
	Amounts []string // of the claims, as typed
	Births  []string // of the parties, as typed
	wrong   []fieldError
}

// formOf shows a stored draft.
func formOf(d docket.Draft, version int64) filingForm {
	f := filingForm{Draft: d, Version: version}
	for _, standing := range []string{complaint.Plaintiff, complaint.Defendant} {
		if !slices.ContainsFunc(f.Parties, func(p complaint.PartyInput) bool { return p.Standing == standing }) {
			f.addParty(standing)
		}
	}
	if len(f.Claims) == 0 {
		f.Claims = []complaint.Claim{{}}
	}
	f.sync()
	return f
}

// sync rewrites the typed amounts and dates from the draft.
func (f *filingForm) sync() {
	f.Amounts, f.Births = nil, nil
	for _, c := range f.Claims {
		f.Amounts = append(f.Amounts, plainYuan(c.AmountFen))
	}
	for _, p := range f.Parties {
		f.Births = append(f.Births, p.Birth.String())
	}
}

func (f *filingForm) addParty(standing string) {
	f.Parties = append(f.Parties, complaint.PartyInput{Standing: standing, Kind: complaint.Natural, IDKind: "resident_id"})
	f.Births = append(f.Births, "")
}

// readFiling reads the form. Rows are numbered from 0 without gaps; their
// names are the fields of the validator's findings.
func readFiling(r *request) filingForm {
	v := r.PostForm
	get := func(format string, args ...any) string {
		return strings.TrimSpace(strings.ReplaceAll(v.Get(fmt.Sprintf(format, args...)), "\r\n", "\n"))
	}
	has := func(format string, args ...any) bool { return v.Has(fmt.Sprintf(format, args...)) }
	f := filingForm{}
	version, err := strconv.ParseInt(v.Get("version"), 10, 64)
	if err == nil {
		f.Version = version
	}
	f.CauseCode, f.Facts, f.Grounds = get("cause_code"), get("facts"), get("grounds")
	f.Service = complaint.Service{Agreed: get("service.agreed") != "", InApp: get("service.in_app") != "", Email: get("service.email")}
	for i := 0; i < maxParties && has("parties[%d].name", i); i++ {
		p := complaint.PartyInput{
			ID: get("parties[%d].id", i), Standing: get("parties[%d].standing", i), Kind: get("parties[%d].kind", i),
			Name: get("parties[%d].name", i), IDKind: get("parties[%d].id_kind", i), IDNumber: get("parties[%d].id_number", i),
			Gender: get("parties[%d].gender", i), Ethnicity: get("parties[%d].ethnicity", i), Occupation: get("parties[%d].occupation", i),
			Phone: get("parties[%d].phone", i), Email: get("parties[%d].email", i), Address: get("parties[%d].address", i),
			Representative: get("parties[%d].representative", i), RepresentativeTitle: get("parties[%d].representative_title", i),
		}
		typed := get("parties[%d].birth", i)
		if d, err := optionalDate(typed); err != nil {
			f.wrong = append(f.wrong, fieldError{fmt.Sprintf("parties[%d].birth", i), r.t("form.bad_date")})
		} else if d != nil {
			p.Birth = *d
		}
		f.Births = append(f.Births, typed)
		f.Parties = append(f.Parties, p)
	}
	for i := 0; i < maxClaims && has("claims[%d].text", i); i++ {
		typed := get("claims[%d].amount_fen", i)
		fen, err := parseYuan(typed)
		if err != nil {
			f.wrong = append(f.wrong, fieldError{fmt.Sprintf("claims[%d].amount_fen", i), r.t("form.bad_amount")})
		}
		f.Amounts = append(f.Amounts, typed)
		f.Claims = append(f.Claims, complaint.Claim{Text: get("claims[%d].text", i), AmountFen: fen})
	}
	for i := 0; i < maxWitnesses && has("witnesses[%d].name", i); i++ {
		f.Witnesses = append(f.Witnesses, complaint.Witness{Name: get("witnesses[%d].name", i), Address: get("witnesses[%d].address", i)})
	}
	return f
}

// change adds or removes a row: what the form's own small buttons do without
// JavaScript. It reports the id of the part to show next.
func (f *filingForm) change(do string) string {
	what, arg, _ := strings.Cut(do, ":")
	n, err := strconv.Atoi(arg)
	in := func(length int) bool { return err == nil && n >= 0 && n < length }
	switch {
	case what == "add-party" && len(f.Parties) < maxParties:
		f.addParty(arg)
		return fmt.Sprintf("parties[%d].name", len(f.Parties)-1)
	case what == "add-claim" && len(f.Claims) < maxClaims:
		f.Claims = append(f.Claims, complaint.Claim{})
		f.Amounts = append(f.Amounts, "")
		return fmt.Sprintf("claims[%d].text", len(f.Claims)-1)
	case what == "add-witness" && len(f.Witnesses) < maxWitnesses:
		f.Witnesses = append(f.Witnesses, complaint.Witness{})
		return fmt.Sprintf("witnesses[%d].name", len(f.Witnesses)-1)
	case what == "remove-party" && in(len(f.Parties)):
		f.Parties, f.Births = slices.Delete(f.Parties, n, n+1), slices.Delete(f.Births, n, n+1)
		return "parties"
	case what == "remove-claim" && in(len(f.Claims)):
		f.Claims, f.Amounts = slices.Delete(f.Claims, n, n+1), slices.Delete(f.Amounts, n, n+1)
		return "claims"
	case what == "remove-witness" && in(len(f.Witnesses)):
		f.Witnesses = slices.Delete(f.Witnesses, n, n+1)
		return "witnesses"
	}
	return ""
}
