package web

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"strings"
)

// Bounds of a mail that the demo shows.
const (
	maxMailText  = 1 << 20
	maxMailDepth = 5
)

// mailText finds the plain text of a mail body and the names of its
// attachments.
func mailText(contentType, encoding string, body io.Reader) (string, []string, error) {
	return mailPart(contentType, encoding, body, 0)
}

func mailPart(contentType, encoding string, body io.Reader, depth int) (string, []string, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && depth < maxMailDepth {
		return mailParts(multipart.NewReader(body, params["boundary"]), depth)
	}
	if kind != "text/plain" {
		return "", nil, nil
	}
	switch strings.ToLower(encoding) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(io.LimitReader(body, maxMailText))
	return string(text), nil, err
}

func mailParts(parts *multipart.Reader, depth int) (text string, names []string, err error) {
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return text, names, nil
		}
		if err != nil {
			return text, names, err
		}
		if name := part.FileName(); name != "" {
			if decoded, err := new(mime.WordDecoder).DecodeHeader(name); err == nil {
				name = decoded
			}
			names = append(names, name)
			continue
		}
		inner, more, err := mailPart(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part, depth+1)
		if err != nil {
			return text, names, err
		}
		if text == "" {
			text = inner
		}
		names = append(names, more...)
	}
}
