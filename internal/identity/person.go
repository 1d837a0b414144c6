package identity

import (
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
)

// IDKind says which document proves a person's name.
type IDKind string

// The kinds of identity document.
const (
	IDResident IDKind = "resident_id" // 居民身份证, GB 11643
	IDUSCC     IDKind = "uscc"        // 统一社会信用代码, GB 32100: a legal person
	IDPassport IDKind = "passport"    // 护照
)

// Person is a registered person. ID is the account's id.
type Person struct {
	ID       uuid.UUID
	Name     string
	IDKind   IDKind
	IDNumber string // in full; show MaskID of it outside the case's need
	Phone    string
	Email    string // "" when not given
	Locale   string // LocaleChinese or LocaleEnglish
}

// The languages of pages and letters.
const (
	LocaleChinese = "zh-CN"
	LocaleEnglish = "en"
)

// ValidLocale reports whether pages exist in that language.
func ValidLocale(locale string) bool { return locale == LocaleChinese || locale == LocaleEnglish }

// Registration is what a person gives to get an account.
type Registration struct {
	Login    string // 3 to 64 of a-z 0-9 . _ @ + -; upper case counts as lower
	Password string // minPassword characters or more
	Hash     Hash   // of HashPassword, in place of Password
	Person   Person // its ID is ignored; an empty Locale means LocaleChinese
}

const (
	minPassword = 8   // characters
	maxPassword = 256 // bytes; a bound on the work of hashing
	maxName     = 100 // characters
	maxEmail    = 254 // bytes, RFC 5321 4.5.3.1.3
)

// The codes of field errors; the web's dictionaries say them in words.
const (
	CodeRequired = "required"
	CodeInvalid  = "invalid"
	CodeTooShort = "too_short"
	CodeTooLong  = "too_long"
	CodeTaken    = "taken"
)

// FieldError says which field of a form is wrong and how.
type FieldError struct {
	Field string `json:"field"` // login, password, name, id_kind, id_number, phone, email or locale
	Code  string `json:"code"`  // one of the Code constants
}

// FieldErrors are all that is wrong with a form, in the form's order.
type FieldErrors []FieldError

// Error implements error. It names fields and codes, no values.
func (e FieldErrors) Error() string {
	parts := make([]string, len(e))
	for i, field := range e {
		parts[i] = field.Field + " " + field.Code
	}
	return "identity: the form has errors: " + strings.Join(parts, ", ")
}

var loginPattern = regexp.MustCompile(`^[a-z0-9._@+-]{3,64}$`)

func normalizeLogin(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// normalize brings the registration to the form that is stored.
func (r Registration) normalize() Registration {
	r.Login = normalizeLogin(r.Login)
	r.Person.Name = norm.NFC.String(strings.Join(strings.Fields(r.Person.Name), " "))
	r.Person.IDNumber = NormalizeID(r.Person.IDNumber)
	r.Person.Phone = NormalizePhone(r.Person.Phone)
	r.Person.Email = strings.TrimSpace(r.Person.Email)
	if r.Person.Locale == "" {
		r.Person.Locale = LocaleChinese
	}
	return r
}

// check finds what is wrong with a normalized registration. today is for the
// date of birth, which must have come.
func (r Registration) check(today time.Time) FieldErrors {
	var errs FieldErrors
	add := func(field, code string) {
		if code != "" {
			errs = append(errs, FieldError{Field: field, Code: code})
		}
	}
	add("login", checkLogin(r.Login))
	if r.Hash == "" {
		add("password", checkPassword(r.Password, r.Login))
	}
	add("name", checkName(r.Person.Name))
	kind, number := checkIDNumber(r.Person.IDKind, r.Person.IDNumber, today)
	add("id_kind", kind)
	add("id_number", number)
	switch {
	case r.Person.Phone == "":
		add("phone", CodeRequired)
	case ValidPhone(r.Person.Phone) != nil:
		add("phone", CodeInvalid)
	}
	if r.Person.Email != "" && !validEmail(r.Person.Email) {
		add("email", CodeInvalid)
	}
	if !ValidLocale(r.Person.Locale) {
		add("locale", CodeInvalid)
	}
	return errs
}

func checkLogin(login string) string {
	switch {
	case login == "":
		return CodeRequired
	case len(login) < 3:
		return CodeTooShort
	case len(login) > 64:
		return CodeTooLong
	case !loginPattern.MatchString(login):
		return CodeInvalid
	}
	return ""
}

func checkPassword(password, login string) string {
	switch {
	case password == "":
		return CodeRequired
	case utf8.RuneCountInString(password) < minPassword:
		return CodeTooShort
	case len(password) > maxPassword:
		return CodeTooLong
	case strings.EqualFold(password, login):
		return CodeInvalid
	}
	return ""
}

func checkName(name string) string {
	switch {
	case name == "":
		return CodeRequired
	case utf8.RuneCountInString(name) > maxName:
		return CodeTooLong
	case !utf8.ValidString(name) || !strings.ContainsFunc(name, unicode.IsLetter) ||
		strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return CodeInvalid
	}
	return ""
}

func checkIDNumber(kind IDKind, number string, today time.Time) (kindCode, numberCode string) {
	var err error
	switch kind {
	case IDResident:
		var birth time.Time
		birth, err = residentBirth(number)
		if err == nil && birth.After(today) {
			err = ErrIDNumber
		}
	case IDUSCC:
		err = ValidUSCC(number)
	case IDPassport:
		err = ValidPassport(number)
	case "":
		kindCode = CodeRequired
	default:
		kindCode = CodeInvalid
	}
	switch {
	case number == "":
		numberCode = CodeRequired
	case err != nil:
		numberCode = CodeInvalid
	}
	return kindCode, numberCode
}

// validEmail accepts a bare address that mail can be sent to.
func validEmail(s string) bool {
	address, err := mail.ParseAddress(s)
	return err == nil && address.Address == s && len(s) <= maxEmail
}
