package inbox

import (
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
)

// Words are what a person reads of a mail.
type Words struct {
	Subject, From, Text, HTML string
}

// Read decodes a mail's header and its text and HTML parts.
func (m Mail) Read() (Words, error) {
	parsed, err := m.Parsed()
	if err != nil {
		return Words{}, err
	}
	words := Words{Subject: decoded(parsed.Header.Get("Subject")), From: decoded(parsed.Header.Get("From"))}
	err = words.take(textproto.MIMEHeader(parsed.Header), parsed.Body)
	return words, err
}

// decoded undoes RFC 2047; what is no encoded word stays as it is.
func decoded(text string) string {
	if plain, err := new(mime.WordDecoder).DecodeHeader(text); err == nil {
		return plain
	}
	return text
}

func (w *Words) take(header textproto.MIMEHeader, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		kind = "text/plain"
	}
	if boundary, many := params["boundary"]; many {
		return w.takeParts(multipart.NewReader(body, boundary))
	}
	text, err := io.ReadAll(plain(header.Get("Content-Transfer-Encoding"), body))
	if kind == "text/html" {
		w.HTML = string(text)
	} else {
		w.Text = string(text)
	}
	return err
}

func (w *Words) takeParts(parts *multipart.Reader) error {
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err = w.take(part.Header, part); err != nil {
			return err
		}
	}
}

func plain(encoding string, body io.Reader) io.Reader {
	switch encoding {
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, body)
	default:
		return body
	}
}
