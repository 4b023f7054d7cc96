package house

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Answer is what a REST call came back with.
type Answer struct {
	Code   int
	Header http.Header
	Body   []byte
}

// Problem is the one shape of every REST error.
type Problem struct {
	Error struct {
		Code    int               `json:"code"`
		Status  string            `json:"status"`
		Reason  string            `json:"reason"`
		Message string            `json:"message"`
		Details []json.RawMessage `json:"details"`
	} `json:"error"`
}

var client = &http.Client{Timeout: 60 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// REST makes a call at the gateway. A body that starts with { or [ is sent as JSON; headers are "Name: value". It carries the house's credential unless a header
// says otherwise.
func (h *House) REST(method, path string, body []byte, headers ...string) (*Answer, error) {
	request, err := http.NewRequest(method, h.GatewayREST+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if len(body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	if h.Token != "" {
		request.Header.Set("Authorization", "Bearer "+h.Token)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
		if value == "" {
			request.Header.Del(name)
		}
	}
	reply, err := h.restClient().Do(request)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	return &Answer{reply.StatusCode, reply.Header, text}, err
}

// Problem reads the error's body.
func (a *Answer) Problem() (*Problem, error) {
	p := &Problem{}
	d := json.NewDecoder(bytes.NewReader(a.Body))
	d.DisallowUnknownFields()
	if err := d.Decode(p); err != nil {
		return nil, fmt.Errorf("HTTP %d without the documented error body: %w: %.200q", a.Code, err, a.Body)
	}
	return p, nil
}
