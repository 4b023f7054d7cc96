package sendgate

import (
	"slices"
	"time"
)

const (
	second = int64(1_000_000)
	day    = 86400 * second
)

// Verdict is what the gate says, gate by gate.
type Verdict struct {
	Answer, DecidedBy int
	Next              int64
	Answers           [Gates]int
	Until             [Gates]int64
}

// The rules, each a question about one instant. Nothing here reckons when something will be allowed.

func (f *Facts) needs(flag bool) bool { return flag || !f.Known }

func (f *Facts) consent() *ConsentFact {
	var general *ConsentFact
	for i := range f.Consents {
		switch c := &f.Consents[i]; {
		case c.Purpose != f.Purpose:
		case c.Medium == f.Medium:
			return c
		case c.Medium == 0:
			general = c
		}
	}
	return general
}

func (f *Facts) suppressed() bool {
	return slices.ContainsFunc(f.Suppressions, func(s SuppressionFact) bool {
		if s.Medium != 0 && s.Medium != f.Medium || s.Purpose != "" && s.Purpose != f.Purpose {
			return false
		}
		if s.Cause != Unsubscribe {
			return true
		}
		c := f.consent()
		return f.needs(f.NeedsConsent) && (c == nil || c.State == Withdrawn || c.Time <= s.Time)
	})
}

func (f *Facts) consentAt(t int64) int {
	switch c := f.consent(); {
	case !f.needs(f.NeedsConsent):
		return Pass
	case c == nil || c.State == Withdrawn:
		return Refuse
	case c.State == Paused && t < c.Until:
		return Defer
	}
	return Pass
}

// onDay: whether the clock time is quiet by a period that began on this weekday.
func (q QuietRule) onDay(w time.Weekday) bool { return q.Days>>int(w)&1 == 1 }

func (q QuietRule) at(local time.Time) bool {
	s := local.Hour()*3600 + local.Minute()*60 + local.Second()
	if q.Start < q.End {
		return q.onDay(local.Weekday()) && q.Start <= s && s < q.End
	}
	return q.onDay(local.Weekday()) && s >= q.Start || q.onDay((local.Weekday()+6)%7) && s < q.End
}

func (f *Facts) quietAt(t int64) bool {
	if !f.needs(f.HeedsQuiet) {
		return false
	}
	for _, z := range f.Zones {
		local := time.UnixMicro(t).In(z)
		for _, q := range f.Quiet {
			if q.at(local) {
				return true
			}
		}
	}
	return false
}

func (c CapRule) counts(medium int) bool { return c.Medium == 0 || c.Medium == medium }

func (f *Facts) sent(c CapRule, t int64) (n int) {
	for _, s := range f.Sends {
		if c.counts(s.Medium) && s.Time > t-c.Window {
			n++
		}
	}
	return n
}

func (f *Facts) capAt(t int64) bool {
	return f.needs(f.HeedsCaps) && slices.ContainsFunc(f.Caps, func(c CapRule) bool {
		return c.counts(f.Medium) && f.sent(c, t) >= c.Limit
	})
}

func (f *Facts) mediaAt(t int64) bool {
	media := map[int]bool{f.Medium: true}
	for _, s := range f.Sends {
		if s.Time > t-f.MediaWindow {
			media[s.Medium] = true
		}
	}
	return f.needs(f.HeedsCaps) && len(media) > f.MaxMedia
}

// important: when each more important message that counts for the cap goes.
func (f *Facts) important(c CapRule) (times []int64) {
	for _, p := range f.Pending {
		if p.Priority > f.Priority && c.counts(p.Medium) {
			times = append(times, max(p.Due, f.Now))
		}
	}
	return times
}

func (f *Facts) takesSlot(c CapRule, t int64) bool {
	times := f.important(c)
	full := func(at int64) bool { // what was sent, and all that goes first
		n := f.sent(c, at)
		for _, other := range times {
			if at-c.Window < other && other <= at {
				n++
			}
		}
		return n >= c.Limit
	}
	if f.sent(c, t) < c.Limit && full(t) {
		return true
	}
	return slices.ContainsFunc(times, func(at int64) bool { return t < at && at < t+c.Window && full(at) })
}

func (f *Facts) priorityAt(t int64) bool {
	return f.needs(f.HeedsCaps) && slices.ContainsFunc(f.Caps, func(c CapRule) bool {
		return c.counts(f.Medium) && f.takesSlot(c, t)
	})
}

func when(bad bool, answer int) int {
	if bad {
		return answer
	}
	return Pass
}

func (f *Facts) answer(gate int, t int64) int {
	switch gate {
	case Pause:
		return when(f.Paused, Defer)
	case Expiry:
		return when(t >= f.Expire, Refuse)
	case Purpose:
		return when(!f.Known, Refuse)
	case Address:
		return when(!f.Address, Refuse)
	case Suppression:
		return when(f.suppressed(), Refuse)
	case Consent:
		return f.consentAt(t)
	case Owner:
		return when(f.Owned && f.needs(f.HeedsOwner), Defer)
	case HoldOut:
		return when(f.needs(f.HeedsHoldOut) && f.HoldOutPoint < f.HoldOutBelow, Refuse)
	case QuietHours:
		return when(f.quietAt(t), Defer)
	case Cap:
		return when(f.capAt(t), Defer)
	case MaxMedia:
		return when(f.mediaAt(t), Defer)
	default:
		return when(f.priorityAt(t), Defer)
	}
}

// The instants at which any answer may become better: found by listing what can happen, not by reasoning about what does.

func (f *Facts) happenings() (all []int64) {
	windows := []int64{f.MediaWindow}
	for _, c := range f.Caps {
		windows = append(windows, c.Window)
	}
	for _, c := range f.Consents {
		all = append(all, c.Until)
	}
	for _, p := range f.Pending {
		at := max(p.Due, f.Now)
		all = append(all, at)
		for _, w := range windows {
			all = append(all, at+w)
		}
	}
	for _, s := range f.Sends {
		for _, w := range windows {
			all = append(all, s.Time+w)
		}
	}
	all = slices.DeleteFunc(all, func(t int64) bool { return t <= f.Now })
	slices.Sort(all)
	return slices.Compact(all)
}

// openings are the instants after t and up to `to` at which quiet hours may end in one of the zones: each end on each date, in both offsets
// where the clock shows it twice, and each change of offset.
func (f *Facts) openings(t, to int64) (all []int64) {
	for _, z := range f.Zones {
		for at := nextChange(time.UnixMicro(t).In(z)); at.UnixMicro() <= to; at = nextChange(at) {
			all = append(all, at.UnixMicro())
		}
		for d := t - day; d <= to+day; d += day {
			y, m, date := time.UnixMicro(d).UTC().Date()
			for _, q := range f.Quiet {
				all = append(all, f.readings(z, y, m, date, q.End)...)
			}
		}
	}
	all = slices.DeleteFunc(all, func(at int64) bool { return at <= t || at > to })
	slices.Sort(all)
	return slices.Compact(all)
}

// nextChange is when the zone's offset may change next; a year later where nothing is known.
func nextChange(at time.Time) time.Time {
	_, end := at.ZoneBounds()
	switch {
	case end.IsZero():
		return at.AddDate(1, 0, 0)
	case !end.After(at): // Go's reader errs around New Year
		return at.Add(24 * time.Hour)
	}
	return end
}

// readings are the instants at which the clock shows this second of this day, under every offset in force near it.
func (f *Facts) readings(z *time.Location, y int, m time.Month, date, s int) (all []int64) {
	utc := time.Date(y, m, date, 0, 0, s, 0, time.UTC)
	for _, hours := range []int{-36, -12, 0, 12, 36} {
		_, offset := utc.Add(time.Duration(hours) * time.Hour).In(z).Zone()
		all = append(all, utc.Add(-time.Duration(offset)*time.Second).UnixMicro())
	}
	return all
}

const quietMax = 400 * day // quiet hours that last longer never end

// first is the earliest instant from f.Now on and before `limit` at which `holds`, looked for at every happening and opening.
func (f *Facts) first(holds func(int64) bool, happenings []int64, limit int64) int64 {
	if holds(f.Now) {
		return f.Now
	}
	if len(f.Quiet) == 0 || !f.needs(f.HeedsQuiet) {
		return firstOf(happenings, holds)
	}
	last := f.Now
	if n := len(happenings); n > 0 {
		last = max(last, happenings[n-1])
	}
	for from, step := f.Now, 2*day; from < limit && from <= last+quietMax; from, step = from+step, min(step*2, 64*day) {
		to := from + step
		all := f.openings(from, to)
		for _, t := range happenings {
			if from < t && t <= to {
				all = append(all, t)
			}
		}
		slices.Sort(all)
		if t := firstOf(all, holds); t != Never {
			return t
		}
	}
	return Never
}

func firstOf(times []int64, holds func(int64) bool) int64 {
	for _, t := range times {
		if holds(t) {
			return t
		}
	}
	return Never
}

// Decide answers by trying.
func (f *Facts) Decide() (v Verdict) {
	v.DecidedBy, v.Next = Gates, Never
	var happenings []int64
	closed := false
	for gate := range Gates {
		v.Answers[gate] = f.answer(gate, f.Now)
		closed = closed || v.Answers[gate] != Pass
	}
	if closed {
		happenings = f.happenings()
	}
	for gate, a := range v.Answers {
		if a == Defer {
			v.Until[gate] = f.first(func(t int64) bool { return f.answer(gate, t) == Pass }, happenings, Never)
		} else if a == Refuse {
			v.Until[gate] = Never
		}
	}
	for _, a := range []int{Refuse, Defer} {
		if gate := slices.Index(v.Answers[:], a); gate >= 0 && v.DecidedBy == Gates {
			v.Answer, v.DecidedBy = a, gate
		}
	}
	if v.Answer != Refuse && !f.Paused && !(f.Owned && f.HeedsOwner) {
		v.Next = f.first(f.Passes, happenings, f.Expire)
	}
	return v
}

// Passes says whether every gate passes at t.
func (f *Facts) Passes(t int64) bool {
	for gate := range Gates {
		if f.answer(gate, t) != Pass {
			return false
		}
	}
	return true
}
