package identity

import (
	"github.com/google/uuid"
)

// IDKind says which document proves a person's name.
type IDKind string

// The kinds of identity document.
const (
	IDResident IDKind = "resident_id" // 居民身份证, GB 11643
	IDUSCC     IDKind = "uscc"        // 统一社会信用代码, GB 32100
	IDPassport IDKind = "passport"    // 护照
)

// Person is a registered person. ID is the account's id.
type Person struct {
	ID       uuid.UUID
	Name     string
	IDKind   IDKind
	IDNumber string // in full; show MaskID of it outside the case's need
	Phone    string
	Email    string
	Locale   string // "zh-CN" or "en"
}

// FieldError says which field of a form is wrong and how. Codes name messages
// of the web's dictionaries.
type FieldError struct {
	Field string // "login", "password", "name", "id_kind", "id_number", "phone", "email", "locale"
	Code  string // see the Code constants
}

// Error implements error.
func (e *FieldError) Error() string { return "identity: " + e.Field + ": " + e.Code }

// FieldErrors are all that is wrong with a form, in the form's order.
type FieldErrors []FieldError

// Error implements error.
func (e FieldErrors) Error() string { return "identity: the form has errors" }
