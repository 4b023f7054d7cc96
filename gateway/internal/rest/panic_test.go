package rest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/marketing-agents/marketing/gateway/internal/metrics"
)

// A handler that panics is answered for; a reply that it had begun must not look whole.
func TestPanics(t *testing.T) {
	s, err := New(Options{Metrics: metrics.New()})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s.observe(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/begun" {
			_, _ = io.WriteString(w, "half")
		}
		panic("a fault")
	})))
	defer web.Close()
	res, err := http.Get(web.URL)
	if err != nil || res.StatusCode != http.StatusInternalServerError {
		t.Fatal(res, err)
	}
	_ = res.Body.Close()
	if res, err = http.Get(web.URL + "/begun"); err == nil {
		_, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
	}
	if err == nil {
		t.Error("half a reply ends as a whole one does")
	}
	var text strings.Builder
	if _ = s.Metrics.WriteText(&text); !strings.Contains(text.String(), `gateway_requests_total{protocol="rest",route="other",code="INTERNAL"} 2`) {
		t.Error(text.String())
	}
}
