package metrics

import (
	"strings"
	"testing"
	"time"
)

func TestText(t *testing.T) {
	s := New()
	s.Done("rest", "GET /v1/leads", "OK", 3*time.Millisecond)
	s.Done("rest", "GET /v1/leads", "OK", time.Minute)
	s.Done("grpc", "a.B/C", "NOT_FOUND", time.Microsecond)
	s.Number(`x{a="1"}`, "Help.").Add(7)
	s.Number("lost_total", "Help.").Add(1)
	s.Gauge(`x{a="2"}`, "Help.", func() float64 { return 0.5 })
	var out strings.Builder
	if err := s.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`gateway_requests_total{protocol="rest",route="GET /v1/leads",code="OK"} 2`,
		`gateway_requests_total{protocol="grpc",route="a.B/C",code="NOT_FOUND"} 1`,
		`gateway_request_seconds_bucket{protocol="rest",route="GET /v1/leads",le="0.0025"} 0`,
		`gateway_request_seconds_bucket{protocol="rest",route="GET /v1/leads",le="0.005"} 1`,
		`gateway_request_seconds_bucket{protocol="rest",route="GET /v1/leads",le="30"} 1`,
		`gateway_request_seconds_bucket{protocol="rest",route="GET /v1/leads",le="+Inf"} 2`,
		`gateway_request_seconds_count{protocol="rest",route="GET /v1/leads"} 2`,
		`gateway_request_seconds_bucket{protocol="grpc",route="a.B/C",le="0.0005"} 1`,
		`x{a="1"} 7`,
		`x{a="2"} 0.5`,
	} {
		if !strings.Contains(out.String(), line+"\n") {
			t.Errorf("missing: %s", line)
		}
	}
	for _, line := range []string{"# TYPE x gauge", "# TYPE lost_total counter"} {
		if strings.Count(out.String(), line+"\n") != 1 {
			t.Errorf("not once: %s", line)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
}
