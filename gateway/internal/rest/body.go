package rest

import (
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc/status"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/fault"
)

const (
	bodyTimeout  = 30 * time.Second // for a body that is read whole
	chunkSize    = 256 << 10        // bytes of a file in one message
	chunkTimeout = 60 * time.Second // for a chunk to arrive: 4 kB/s at least
)

// readBody reads a body to its end.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *status.Status) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, bodyLost(err)
	}
	_ = control.SetReadDeadline(time.Time{}) // the rest of the call has its own limits
	return body, nil
}

// chunks reads a body and hands it on piece by piece. It reads the next piece when send has taken the last, so a server that is busy makes
// the uploader wait. It returns nil only at the body's true end.
func chunks(w http.ResponseWriter, r *http.Request, limit int64, send func(at int64, piece []byte) error) (error, *status.Status) {
	control := http.NewResponseController(w)
	body := http.MaxBytesReader(w, r.Body, limit)
	piece := make([]byte, chunkSize)
	for at := int64(0); ; {
		_ = control.SetReadDeadline(time.Now().Add(chunkTimeout))
		n, err := fill(body, piece)
		if err == nil || errors.Is(err, io.EOF) { // sending has no deadline; what broke off keeps its own, or net/http would wait for the rest
			_ = control.SetReadDeadline(time.Time{})
		}
		if n > 0 || at == 0 {
			if failed := send(at, piece[:n]); failed != nil {
				return failed, nil
			}
			at += int64(n)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, bodyLost(err)
		}
	}
}

// fill reads until buf is full. Unlike io.ReadFull it tells a body that ended (io.EOF) from one that was cut off (anything else).
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

// contentType refuses another media type than the one wanted, other charsets than UTF-8, and every coding: what is never inflated
// cannot be a bomb.
func contentType(r *http.Request, want string) *status.Status {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return fault.New(pb.Reason_REASON_MEDIA_TYPE_UNSUPPORTED, "Content-Encoding is not taken; send the body as it is")
	}
	got, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || got != want {
		return fault.New(pb.Reason_REASON_MEDIA_TYPE_UNSUPPORTED, "Content-Type must be %s", want)
	}
	if charset, ok := parameters["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return fault.New(pb.Reason_REASON_MEDIA_TYPE_UNSUPPORTED, "the charset must be utf-8")
	}
	return nil
}

// bodyLost explains a body that could not be read to its end.
func bodyLost(err error) *status.Status {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return fault.New(pb.Reason_REASON_REQUEST_TOO_LARGE, "the body is larger than the limit of %d bytes", large.Limit)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fault.New(pb.Reason_REASON_DEADLINE_PASSED, "the body did not arrive in time")
	}
	return fault.New(pb.Reason_REASON_CALL_CANCELLED, "the body ended before its end")
}
