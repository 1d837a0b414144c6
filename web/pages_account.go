package web

import (
	"errors"
	"net/http"
	"net/url"

	"yunting/internal/identity"
)

type loginPage struct{ Login, Next string }

// next is where a log-in leads: a page of this server, never another.
func next(r *request, value string) string {
	if value == "" {
		return "/"
	}
	return localPath(value)
}

func (s *server) getLogin(r *request) error {
	return r.render(http.StatusOK, "login", "login.title", loginPage{Next: next(r, r.URL.Query().Get("next"))})
}

func (s *server) postLogin(r *request) error {
	data := loginPage{Login: r.PostFormValue("login"), Next: next(r, r.PostFormValue("next"))}
	token, actor, err := s.Identity.Login(r.Context(), data.Login, r.PostFormValue("password"), r.UserAgent())
	switch {
	case errors.Is(err, identity.ErrBadCredentials), errors.Is(err, identity.ErrThrottled):
		p := problemOf(err)
		return r.render(p.Status, "login", "login.title", data, withErrors([]fieldError{{"login", r.t("problem." + p.Code)}}))
	case err != nil:
		return err
	}
	return s.signIn(r, token, actor, data.Next)
}

// signIn gives the browser its session and the account's language.
func (s *server) signIn(r *request, token string, actor identity.Actor, to string) error {
	s.setSession(r.w, token)
	if _, err := r.Cookie(langCookie); errors.Is(err, http.ErrNoCookie) {
		person, err := s.Identity.Person(r.Context(), actor.Account)
		if err != nil {
			return err
		}
		if person.Locale != "" {
			s.setChoice(r.w, langCookie, person.Locale)
		}
	}
	return r.redirect(to, "")
}

func (s *server) postLogout(r *request) error {
	if err := s.Identity.Logout(r.Context(), bearer(r.Request)); err != nil {
		return err
	}
	s.clearSession(r.w)
	return r.redirect("/", "logged_out")
}

type registerPage struct {
	Login, Next string
	Person      identity.Person
}

func (s *server) getRegister(r *request) error {
	data := registerPage{Next: next(r, r.URL.Query().Get("next")), Person: identity.Person{IDKind: identity.IDResident}}
	return r.render(http.StatusOK, "register", "register.title", data)
}

func (s *server) postRegister(r *request) error {
	f := r.PostFormValue
	data := registerPage{Login: f("login"), Next: next(r, f("next")), Person: identity.Person{
		Name: f("name"), IDKind: identity.IDKind(f("id_kind")), IDNumber: f("id_number"),
		Phone: f("phone"), Email: f("email"), Locale: r.lang,
	}}
	again := func(list []fieldError) error {
		return r.render(http.StatusUnprocessableEntity, "register", "register.title", data, withErrors(list))
	}
	if f("password") != f("password2") {
		return again([]fieldError{{"password2", r.t("register.password_differs")}})
	}
	_, err := s.Identity.Register(r.Context(), identity.Registration{Login: data.Login, Password: f("password"), Person: data.Person})
	var wrong identity.FieldErrors
	if errors.As(err, &wrong) {
		var list []fieldError
		for _, e := range wrong {
			list = append(list, fieldError{e.Field, r.t("account." + e.Code)})
		}
		return again(list)
	}
	if err != nil {
		return err
	}
	token, actor, err := s.Identity.Login(r.Context(), data.Login, f("password"), r.UserAgent())
	if err != nil {
		return err
	}
	return s.signIn(r, token, actor, data.Next)
}

func (s *server) getAccount(r *request) error {
	account, err := s.Identity.Account(r.Context(), r.actor.Account)
	if err != nil {
		return err
	}
	return r.render(http.StatusOK, "account", "account.title", account)
}

func (s *server) postLanguage(r *request) error {
	lang := r.PostFormValue("lang")
	if lang != langZH && lang != langEN {
		return errBadForm
	}
	s.setChoice(r.w, langCookie, lang)
	if !r.actor.Anonymous() {
		if err := s.Identity.SetLocale(r.Context(), r.actor.Account, lang); err != nil {
			return err
		}
	}
	return r.redirect(r.back, "")
}

func (s *server) postTheme(r *request) error {
	theme := r.PostFormValue("theme")
	if theme != "" && theme != "light" && theme != "dark" {
		return errBadForm
	}
	s.setChoice(r.w, themeCookie, theme)
	return r.redirect(r.back, "")
}

// postDemoLogin signs in as a seeded person by one click; the route exists in
// demo mode only.
func (s *server) postDemoLogin(r *request) error {
	for _, p := range s.Demo.People {
		if p.Login == r.PostFormValue("login") {
			token, actor, err := s.Identity.Login(r.Context(), p.Login, p.Password, r.UserAgent())
			if err != nil {
				return err
			}
			to, err := url.Parse(next(r, r.PostFormValue("next")))
			if err != nil {
				return errBadForm
			}
			return s.signIn(r, token, actor, to.RequestURI())
		}
	}
	return errNotFound
}
