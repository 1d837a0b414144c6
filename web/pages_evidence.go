package web

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
)

type evidencePage struct {
	Case     docket.Case
	Items    []docket.Evidence
	Pending  []pendingUpload
	MayAdd   bool
	MaxPlain int64
	MaxTus   int64
}

func (s *server) getEvidenceList(r *request) error {
	return s.showEvidence(r, http.StatusOK, nil)
}

func (s *server) showEvidence(r *request, status int, wrong []fieldError) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	items, err := s.Docket.Evidence(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	data := evidencePage{Case: c, Items: items, MayAdd: r.can(identity.ActAddEvidence), MaxPlain: fileLimit, MaxTus: maxUpload}
	if data.MayAdd {
		if data.Pending, err = s.uploads.pending(r.Context(), r.actor.Account, r.caseID); err != nil {
			return err
		}
	}
	return r.render(status, "evidence", "evidence.title", data, in("cases"), withErrors(wrong))
}

// errNoFile and errNoName: an item of evidence needs a file and a name.
var (
	errNoFile  = errors.New("web: no file chosen")
	errNoName  = errors.New("web: the item has no name")
	errBadDate = errors.New("web: no such date")
)

// evidenceInput reads what was typed about an item.
func evidenceInput(r *request) (docket.EvidenceInput, error) {
	get := func(name string) string { return strings.TrimSpace(r.PostFormValue("evidence." + name)) }
	in := docket.EvidenceInput{Name: get("name"), Source: get("source"), Purpose: get("purpose")}
	if in.Name == "" {
		return in, errNoName
	}
	date, err := optionalDate(get("date"))
	if err != nil {
		return in, fmt.Errorf("%w: %w", errBadDate, err)
	}
	in.Date = date
	return in, nil
}

// addEvidence stores the file of a plain multipart form and adds the item.
func (s *server) addEvidence(r *request, c docket.Case) error {
	in, err := evidenceInput(r)
	if err != nil {
		return err
	}
	file, header, err := r.FormFile("evidence.file")
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		return errNoFile
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	defer file.Close()
	in.FileName, in.UploadID = fileName(header.Filename), r.PostFormValue("form_token")
	_, err = s.uploads.take(r.Context(), r.actor, c.ID, file, in)
	return err
}

// evidenceFailed turns what the person can mend into messages beside the
// fields; show renders their form again. Anything else is the error itself.
func (s *server) evidenceFailed(r *request, err error, show func([]fieldError) error) error {
	switch {
	case errors.Is(err, errNoFile):
		return show([]fieldError{{"evidence.file", r.t("evidence.no_file")}})
	case errors.Is(err, errNoName):
		return show([]fieldError{{"evidence.name", r.t("evidence.no_name")}})
	case errors.Is(err, errBadDate):
		return show([]fieldError{{"evidence.date", r.t("form.bad_date")}})
	}
	return err
}

func (s *server) postEvidence(r *request) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	if err := s.addEvidence(r, c); err != nil {
		return s.evidenceFailed(r, err, func(list []fieldError) error {
			return s.showEvidence(r, http.StatusUnprocessableEntity, list)
		})
	}
	return r.redirect(r.casePath("/evidence"), "evidence_added")
}

// postFinishUpload makes a completed resumable upload an item of evidence. A
// script asks with Accept: application/json and gets the item; a form leads
// back to its page.
func (s *server) postFinishUpload(r *request) error {
	in, err := evidenceInput(r)
	if err != nil {
		if r.wantsProblem() {
			return fmt.Errorf("%w: %w", errBadForm, err)
		}
		return s.evidenceFailed(r, err, func(list []fieldError) error {
			return s.showEvidence(r, http.StatusUnprocessableEntity, list)
		})
	}
	item, err := s.uploads.finish(r.Context(), r.actor, r.caseID, r.PostFormValue("upload"), in)
	if err != nil {
		return err
	}
	if r.wantsProblem() {
		r.written = true
		return writeJSON(r.w, item)
	}
	return r.redirect(r.back, "evidence_added")
}

func (s *server) getEvidence(r *request) error {
	c, err := s.Docket.Case(r.Context(), r.caseID)
	if err != nil {
		return err
	}
	return r.render(http.StatusOK, "evidenceitem", "evidence.title", struct {
		Case docket.Case
		Item docket.Evidence
		View string
		Mine bool
	}{c, r.evidence, viewer(r.evidence.MediaType), r.can(identity.ActEditDraft) && r.evidence.Owner == r.actor.Account}, in("cases"))
}

// viewer says how a page shows a file of that type; "" is by download only.
func viewer(mediaType string) string {
	kind, _, err := mime.ParseMediaType(mediaType)
	if err != nil {
		return ""
	}
	switch kind {
	case "application/pdf":
		return "frame"
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return "image"
	case "video/mp4", "video/webm", "video/quicktime", "video/ogg":
		return "video"
	case "audio/mpeg", "audio/ogg", "audio/wav", "audio/webm", "audio/mp4", "audio/x-wav":
		return "audio"
	case "text/plain":
		return "frame"
	}
	return ""
}

func (s *server) getEvidenceFile(r *request) error {
	e := r.evidence
	return s.serveBlob(r, e.Blob.Hash, e.FileName, e.MediaType, e.CreatedAt)
}

// serveBlob sends a stored file, whole or in ranges (RFC 9110 section 14). It
// is shown only when it is of a type that cannot act in the court's name;
// anything else is a download.
func (s *server) serveBlob(r *request, hash blob.Hash, name, mediaType string, at time.Time) error {
	f, err := s.Blobs.Open(r.Context(), hash)
	if err != nil {
		return err
	}
	defer f.Close()
	disposition := "inline"
	if r.URL.Query().Has("download") || viewer(mediaType) == "" {
		disposition = "attachment"
	}
	h := r.w.Header()
	h.Set("Content-Type", mediaType)
	if strings.HasPrefix(mediaType, "text/") {
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": name}))
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", `"`+hash.String()+`"`)
	if !strings.HasPrefix(mediaType, "application/pdf") {
		// Chromium's PDF viewer does not start in a sandbox; a PDF cannot script the page.
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'")
	} else {
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'")
	}
	r.written = true
	http.ServeContent(r.w, r.Request, "", at, f)
	return nil
}

func (s *server) postRemoveEvidence(r *request) error {
	if err := s.removeEvidence(r); err != nil {
		return err
	}
	return r.redirect(r.casePath("/edit?done=evidence_removed#evidence"), "")
}

// attachment is a Content-Disposition that saves the reply under name.
func attachment(name string) string {
	return mime.FormatMediaType("attachment", map[string]string{"filename": name})
}
