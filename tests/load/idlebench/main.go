// Command idlebench measures what idle connections cost at every port. tests/bench/idle.sh calls it; docs/benchmarks.md says what it
// measured where.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/load"
	"github.com/marketing-agents/marketing/tests/load/idle"
)

func main() {
	size := flag.Int("connections", 10000, "connections to one port, a quarter with TLS; this program and the one that is measured need a descriptor for each")
	only := flag.String("port", "", "measure only where the name holds this text")
	hold := flag.Duration("hold", 5*time.Second, "how long all of them are there")
	flag.Parse()
	os.Exit(house.Main(func() int {
		if err := bench(*only, *size, *hold); err != nil {
			fmt.Fprintln(os.Stderr, "idlebench:", err)
			return 1
		}
		return 0
	}))
}

func bench(only string, size int, hold time.Duration) error {
	fmt.Println(load.Machine(os.TempDir()))
	fmt.Print("| port | connections | lost | opened a second | KiB of RSS each | p99 ms before | while they come | with them | honest calls lost |\n",
		"|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range idle.Subjects {
		if !strings.Contains(s.Name, only) {
			continue
		}
		r, err := s.Measure(s.Share(size), hold)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		fmt.Printf("| %s | %d | %d | %.0f | %.1f | %.1f | %.1f | %.1f | %d |\n", s.Name, r.Opened, r.Lost, float64(r.Opened)/r.Opening.Seconds(),
			float64(r.PerConnection)/1024, load.Milliseconds(load.P99(r.Quiet)), load.Milliseconds(load.P99(r.Arriving)), load.Milliseconds(load.P99(r.Crowded)), r.Failed)
	}
	return nil
}
