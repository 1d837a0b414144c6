package web

import (
	"github.com/google/uuid"

	"yunting/docket"
	"yunting/internal/identity"
	"yunting/service"
)

// apiAccount is an account as the API shows it; the identity number is masked (PIPL 6, 28).
type apiAccount struct {
	ID     uuid.UUID       `json:"id"`
	Login  string          `json:"login"`
	Name   string          `json:"name"`
	IDKind string          `json:"id_kind"`
	IDMask string          `json:"id_mask"`
	Phone  string          `json:"phone_mask"`
	Email  string          `json:"email"`
	Locale string          `json:"locale"`
	Roles  []identity.Role `json:"roles"`
}

func accountOut(a identity.Account) apiAccount {
	p := a.Person
	return apiAccount{ID: a.ID, Login: a.Login, Name: p.Name, IDKind: string(p.IDKind), IDMask: identity.MaskID(p.IDNumber),
		Phone: identity.MaskPhone(p.Phone), Email: p.Email, Locale: p.Locale, Roles: a.Roles}
}

type registerIn struct {
	Body struct {
		Login    string `json:"login"`
		Password string `json:"password"`
		Name     string `json:"name" doc:"The real name, as on the document"`
		IDKind   string `json:"id_kind" enum:"resident_id,uscc,passport"`
		IDNumber string `json:"id_number" doc:"Checked by its check digit (GB 11643, GB 32100)"`
		Phone    string `json:"phone"`
		Email    string `json:"email"`
		Locale   string `json:"locale" enum:"zh-CN,en" default:"zh-CN"`
	}
}

func (s *server) apiRegister(r *request, in *registerIn) (*body[apiAccount], error) {
	b := in.Body
	account, err := s.Identity.Register(r.Context(), identity.Registration{Login: b.Login, Password: b.Password, Person: identity.Person{
		Name: b.Name, IDKind: identity.IDKind(b.IDKind), IDNumber: b.IDNumber, Phone: b.Phone, Email: b.Email, Locale: b.Locale}})
	return reply(accountOut(account), err)
}

type signInIn struct {
	Body struct {
		Login    string `json:"login"`
		Password string `json:"password"`
	}
}

type signInOut struct {
	Token   string          `json:"token"`
	Account uuid.UUID       `json:"account"`
	Name    string          `json:"name"`
	Roles   []identity.Role `json:"roles"`
}

func (s *server) apiSignIn(r *request, in *signInIn) (*body[signInOut], error) {
	token, actor, err := s.Identity.Login(r.Context(), in.Body.Login, in.Body.Password, r.UserAgent())
	return reply(signInOut{token, actor.Account, actor.Name, actor.Roles}, err)
}

func (s *server) apiSignOut(r *request, _ *none) (*none, error) {
	return nil, s.Identity.Logout(r.Context(), bearer(r.Request))
}

func (s *server) apiMe(r *request, _ *none) (*body[apiAccount], error) {
	account, err := s.Identity.Account(r.Context(), r.actor.Account)
	return reply(accountOut(account), err)
}

func (s *server) apiDesk(r *request, _ *none) (*body[docket.Desk], error) {
	desk, err := s.desk(r)
	for i := range desk.Todo {
		desk.Todo[i].Case = r.masked(desk.Todo[i].Case)
		if p := desk.Todo[i].Party; p != nil {
			m := maskParty(*p)
			desk.Todo[i].Party = &m
		}
	}
	for i := range desk.Cases {
		desk.Cases[i] = r.masked(desk.Cases[i])
	}
	return reply(desk, err)
}

func (s *server) apiMailbox(r *request, _ *none) (*body[[]service.Delivery], error) {
	return reply(s.Service.Mailbox(r.Context(), r.actor.Account))
}

func (s *server) apiNotices(r *request, _ *none) (*body[[]docket.DraftNotice], error) {
	return reply(s.Docket.DraftNotices(r.Context(), r.actor))
}

type linkIn struct {
	Body struct {
		Code string `json:"code" doc:"The one-time code of the invitation, XXXX-XXXX-XXXX"`
	}
}

func (s *server) apiLink(r *request, in *linkIn) (*body[docket.Case], error) {
	kase, err := s.Docket.Link(r.Context(), r.actor, in.Body.Code)
	return reply(r.masked(kase), err)
}

type grantIn struct {
	Body struct {
		Account uuid.UUID     `json:"account"`
		Role    identity.Role `json:"role" enum:"user,filing_clerk,clerk,judge,supervisor,administrator"`
	}
}

func (s *server) apiGrant(r *request, in *grantIn) (*none, error) {
	return nil, s.Identity.Grant(r.Context(), in.Body.Account, in.Body.Role)
}

// masked hides the parties' identity numbers and phones from everyone but the filer of a form that is still open,
// who needs them to go on writing.
func (r *request) masked(c docket.Case) docket.Case {
	if c.Filer == r.actor.Account && (c.Stage == docket.StageDraft || c.Stage == docket.StageCorrecting) {
		return c
	}
	parties := make([]docket.Party, len(c.Parties))
	for i, p := range c.Parties {
		parties[i] = maskParty(p)
	}
	c.Parties = parties
	return c
}

func maskParty(p docket.Party) docket.Party {
	p.IDNumber, p.Phone = identity.MaskID(p.IDNumber), identity.MaskPhone(p.Phone)
	return p
}
