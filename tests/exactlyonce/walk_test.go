package exactlyonce

import (
	"os"
	"strings"
	"testing"

	"github.com/marketing-agents/marketing/tests/e2e/house"
)

func TestMain(m *testing.M) { os.Exit(house.Main(m.Run)) }

// How many messages are sent at least; EXACTLY_ONCE_SQLITE and EXACTLY_ONCE_POSTGRESQL choose another number.
var sends = map[house.Store]int{house.SQLite: 400, house.PostgreSQL: 200}

func eachStore(t *testing.T, story func(t *testing.T, store house.Store)) {
	t.Helper()
	for _, store := range house.Stores {
		t.Run(string(store), func(t *testing.T) {
			t.Parallel()
			story(t, store)
		})
	}
}

func TestEachSendTakesEffectOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, store house.Store) {
		n := house.Number(t, "EXACTLY_ONCE_"+strings.ToUpper(string(store)), sends[store], 1)
		newWalk(t, store).prove(n)
	})
}

// A server that is stopped in order, however much is under way, leaves nothing half and in doubt.
func TestAStopLeavesNothingHalf(t *testing.T) {
	eachStore(t, func(t *testing.T, store house.Store) { newWalk(t, store).proveStops(20, 4) })
}
