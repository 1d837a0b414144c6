package main

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/ledger/bundle"
	"yunting/service/sign"
)

// stampFault says which hearing's time-stamp does not hold.
type stampFault struct {
	hearing string
	member  string // of the export
	err     error
}

func (e *stampFault) Error() string {
	return fmt.Sprintf("%s: time-stamp of the integrity value of hearing %s: %v", e.member, e.hearing, e.err)
}

func (e *stampFault) Unwrap() error { return e.err }

// stamps checks the RFC 3161 tokens that the case's entries name, each against the integrity record that it stamps, and
// puts what they prove into records. With roots the authority's chain must end in one of them.
func (x exported) stamps(entries []bundle.EntryReport, records []hearingRecord, roots *x509.CertPool) error {
	for _, e := range entries {
		if e.Kind != docket.EntryIntegrityStamped {
			continue
		}
		var payload struct {
			Data struct {
				Hearing string    `json:"hearing"`
				Root    blob.Hash `json:"root"`
			} `json:"data"`
			Files []docket.FileRef `json:"files"`
		}
		text, err := x.read(e.Name)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &payload); err != nil || len(payload.Files) != 1 {
			return errors.Join(fmt.Errorf("%s: not an entry of a time-stamp", e.Name), err)
		}
		member := memberName(payload.Files[0].Hash, payload.Files[0].Name)
		token, err := x.read(member)
		if err != nil {
			return err
		}
		found := false
		for i := range records {
			if records[i].Hearing != payload.Data.Hearing || records[i].Root != payload.Data.Root {
				continue
			}
			stamped, err := sign.CheckStamp(token, records[i].file, roots)
			if err != nil {
				return &stampFault{payload.Data.Hearing, member, err}
			}
			records[i].stamp, found = &stamped, true
		}
		if !found {
			return &stampFault{payload.Data.Hearing, member, fmt.Errorf("there is no integrity value %s", payload.Data.Root)}
		}
	}
	return nil
}
