package idle

import (
	"os"
	"testing"
	"time"

	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/load"
)

func TestMain(m *testing.M) { os.Exit(house.Main(m.Run)) }

func TestIdleConnectionsCostLittle(t *testing.T) {
	t.Setenv("GOMAXPROCS", "2") // of the gateway: what it holds in reserve for each core is no connection's cost
	for _, s := range Subjects {
		t.Run(s.Name, func(t *testing.T) {
			size := s.Share(2000)
			r, err := s.Measure(size, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d opened in %v, %.1f KiB each; p99 of honest calls %v, meanwhile %v, then %v", r.Opened, r.Opening.Round(time.Millisecond),
				float64(r.PerConnection)/1024, load.P99(r.Quiet), load.P99(r.Arriving), load.P99(r.Crowded))
			if err := r.Kept(size, s.KiB<<10); err != nil {
				t.Error(err)
			}
		})
	}
}
