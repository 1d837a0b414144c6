package identity

import "errors"

// ErrIDNumber is wrapped by every error about an identity number.
var ErrIDNumber = errors.New("identity: number is not valid")

// ValidResidentID checks an 18-character 居民身份证号 (GB 11643-1999).
func ValidResidentID(s string) error { return nil }

// ValidUSCC checks an 18-character 统一社会信用代码 (GB 32100-2015).
func ValidUSCC(s string) error { return nil }

// ValidPhone checks a mobile number.
func ValidPhone(s string) error { return nil }

// MaskID shows only the ends of an identity number.
func MaskID(s string) string { return s }

// MaskPhone shows only the ends of a phone number.
func MaskPhone(s string) string { return s }
