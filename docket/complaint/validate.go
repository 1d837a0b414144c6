package complaint

// Finding is one missing or wrong item.
type Finding struct {
	Field   string `json:"field"`   // like "parties[1].address"; "" for the whole complaint
	Code    string `json:"code"`    // one of Codes; messages are keyed by it
	Article string `json:"article"` // the provision that asks for it, in Chinese
	Warning bool   `json:"warning"` // the complaint may be filed all the same; the reviewer decides
}

// Validate lists everything that is missing or wrong, in the order of the form. An empty list means that the
// complaint may be submitted.
func Validate(d Draft) []Finding { return nil }
