// Package sendgate holds the send gate (agents/engage/gate) against a second reading of its rules, docs/sending.md: other language, other
// method, other reader of time zones.
package sendgate

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Never is no instant.
const Never = math.MaxInt64

// Gates in the order in which they decide.
const (
	Pause = iota
	Expiry
	Purpose
	Address
	Suppression
	Consent
	Owner
	HoldOut
	QuietHours
	Cap
	MaxMedia
	Priority
	Gates
)

// Answers of a gate.
const (
	Pass = iota
	Defer
	Refuse
)

// Causes of a suppression, and states of a consent, as far as a rule tells them apart.
const (
	Unsubscribe = 3
	Granted     = 1
	Withdrawn   = 2
	Paused      = 3
)

// Facts are what the gate is asked about. Times are microseconds since 1970 UTC.
type Facts struct {
	Now                   int64
	Purpose               string
	Medium, Priority      int
	Expire                int64
	Address, Owned        bool
	HoldOutPoint          int64
	Zones                 []*time.Location
	Paused                bool
	MaxMedia              int
	MediaWindow           int64
	HoldOutBelow          int64
	Caps                  []CapRule
	Quiet                 []QuietRule
	Known                 bool
	NeedsConsent          bool
	HeedsOwner            bool
	HeedsHoldOut          bool
	HeedsQuiet, HeedsCaps bool
	Consents              []ConsentFact
	Suppressions          []SuppressionFact
	Sends                 []SendFact
	Pending               []PendingFact
}

// CapRule allows Limit messages in any Window.
type CapRule struct {
	Medium int
	Window int64
	Limit  int
}

// QuietRule is from Start to End on the clock, in seconds of the day, where it begins on one of Days.
type QuietRule struct{ Start, End, Days int }

// ConsentFact is what the lead last said of a purpose and medium.
type ConsentFact struct {
	Purpose       string
	Medium, State int
	Time, Until   int64
}

// SuppressionFact forbids an address.
type SuppressionFact struct {
	Cause   int
	Purpose string
	Medium  int
	Time    int64
}

// SendFact went out.
type SendFact struct {
	Time   int64
	Medium int
}

// PendingFact waits.
type PendingFact struct {
	Due              int64
	Medium, Priority int
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Line is the request as tests/sendgate/decide reads it.
func (f *Facts) Line() string {
	var b strings.Builder
	put := func(values ...any) {
		for _, v := range values {
			fmt.Fprintf(&b, " %v", v)
		}
	}
	b.WriteString("d")
	put(f.Now, dash(f.Purpose), f.Medium, f.Priority, f.Expire, bit(f.Address), bit(f.Owned), f.HoldOutPoint, len(f.Zones))
	for _, z := range f.Zones {
		put(z)
	}
	put(bit(f.Paused), f.MaxMedia, f.MediaWindow, f.HoldOutBelow, len(f.Caps))
	for _, c := range f.Caps {
		put(c.Medium, c.Window, c.Limit)
	}
	put(len(f.Quiet))
	for _, q := range f.Quiet {
		put(q.Start, q.End, q.Days)
	}
	put(bit(f.Known), bit(f.NeedsConsent), bit(f.HeedsOwner), bit(f.HeedsHoldOut), bit(f.HeedsQuiet), bit(f.HeedsCaps), len(f.Consents))
	for _, c := range f.Consents {
		put(dash(c.Purpose), c.Medium, c.State, c.Time, c.Until)
	}
	put(len(f.Suppressions))
	for _, s := range f.Suppressions {
		put(s.Cause, dash(s.Purpose), s.Medium, s.Time)
	}
	put(len(f.Sends))
	for _, s := range f.Sends {
		put(s.Time, s.Medium)
	}
	put(len(f.Pending))
	for _, p := range f.Pending {
		put(p.Due, p.Medium, p.Priority)
	}
	return b.String() + "\n"
}
