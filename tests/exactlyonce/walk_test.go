package exactlyonce

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/marketing-agents/marketing/tests/e2e/house"
)

func TestMain(m *testing.M) { os.Exit(house.Main(m.Run)) }

// How many messages are sent at least; EXACTLY_ONCE_SQLITE and EXACTLY_ONCE_POSTGRESQL choose another number.
var sends = map[house.Store]int{house.SQLite: 400, house.PostgreSQL: 200}

func TestEachSendTakesEffectOnce(t *testing.T) {
	for _, store := range []house.Store{house.SQLite, house.PostgreSQL} {
		t.Run(string(store), func(t *testing.T) {
			t.Parallel()
			n := sends[store]
			if text := os.Getenv("EXACTLY_ONCE_" + strings.ToUpper(string(store))); text != "" {
				var err error
				if n, err = strconv.Atoi(text); err != nil || n < 1 {
					t.Fatalf("%q is no number of messages", text)
				}
			}
			newWalk(t, store).prove(n)
		})
	}
}
