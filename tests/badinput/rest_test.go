package badinput

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/marketing-agents/marketing/tests/e2e/house"
)

// What a client's fault may be answered with over HTTP.
var lawfulHTTP = []int{200, 400, 404, 405, 409, 413, 414, 415, 429, 431}

func TestRESTRefusesBadInput(t *testing.T) {
	h := house.New(t, house.Options{Gateway: true, Env: []string{"LOG_CALLS=false"}})
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	w, err := prepare(ctx, h)
	if err != nil {
		t.Fatal(err)
	}
	total, bound := 0, 0
	for _, s := range seeds(w) {
		inputs, err := restCorpus(s)
		if err != nil {
			t.Fatal(err)
		}
		if len(inputs) > 0 {
			bound++
		}
		total += len(inputs)
		tryREST(t, h, inputs)
		stillServes(t, h)
	}
	t.Logf("%d bad REST calls to %d methods", total, bound)
	if bound < 30 || total < 1500 {
		t.Errorf("too few: %d calls to %d methods", total, bound)
	}
	if a, err := h.REST("GET", "/health", nil); err != nil || a.Code != 200 {
		t.Errorf("health at the end: %v %v", a, err)
	}
}

func tryREST(t *testing.T, h *house.House, inputs []httpInput) {
	var next atomic.Int64
	done := make(chan struct{})
	const workers = 4
	for range workers {
		go func() {
			for i := next.Add(1) - 1; int(i) < len(inputs); i = next.Add(1) - 1 {
				if _, fault := askREST(h, inputs[i]); fault != nil {
					t.Errorf("%s %.60s, %s: %v", inputs[i].verb, inputs[i].path, inputs[i].what, fault)
				}
			}
			done <- struct{}{}
		}()
	}
	for range workers {
		<-done
	}
}

// askREST makes the call and judges its answer, which is empty where Go's client refuses to send it.
func askREST(h *house.House, in httpInput) (*house.Answer, error) {
	a, err := h.REST(in.verb, in.path, in.body)
	if err != nil {
		if in.sendable() {
			return nil, err
		}
		return &house.Answer{}, nil
	}
	return a, judgeREST(a, in)
}

func judgeREST(a *house.Answer, in httpInput) error {
	// These carry one in their body.
	badCredential := a.Code == 401 && (strings.HasPrefix(in.path, "/v1/sessions") || strings.HasPrefix(in.path, "/v1/deliveryEvents:receive"))
	if !slices.Contains(lawfulHTTP, a.Code) && !badCredential {
		return fmt.Errorf("HTTP %d: %.300s", a.Code, a.Body)
	}
	if a.Code == 200 {
		if in.refused {
			return fmt.Errorf("it was taken: %.300s", a.Body)
		}
		return nil
	}
	p, err := a.Problem()
	if err != nil {
		return err
	}
	if p.Error.Code != a.Code || p.Error.Reason == "" || p.Error.Status == "" {
		return fmt.Errorf("HTTP %d with the error %+v", a.Code, p.Error)
	}
	return nil
}
