package sendgate

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const folder = "/usr/share/zoneinfo"

// Zones lists every zone of the machine.
func Zones() (all []*time.Location, err error) {
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(folder, path)
		if d.IsDir() && (name == "right" || name == "posix") {
			return filepath.SkipDir
		}
		if d.IsDir() || strings.Contains(name, ".") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(text), "TZif") {
			return err
		}
		zone, err := time.LoadLocation(name)
		all = append(all, zone)
		return err
	})
	return all, err
}

// Random makes requests that come close to every rule: times around changes of the clock, caps nearly used up, pauses that end soon.
type Random struct {
	*rand.Rand
	zones []*time.Location
}

// NewRandom gives the same requests for the same seed.
func NewRandom(seed uint64, zones []*time.Location) *Random {
	return &Random{rand.New(rand.NewPCG(seed, 1)), zones}
}

func (r *Random) chance(percent int) bool { return r.IntN(100) < percent }

func (r *Random) within(low, high int64) int64 { return low + r.Int64N(high-low+1) }

func pick[T any](r *Random, of ...T) T { return of[r.IntN(len(of))] }

// moment is in 2020 to 2050; mostly within two days of a change of the zone's clock, where it has any.
func (r *Random) moment(z *time.Location) int64 {
	t := time.UnixMicro(r.within(1577836800*second, 2524608000*second))
	if _, end := t.In(z).ZoneBounds(); r.chance(70) && !end.IsZero() && end.Year() < 2100 {
		t = end.Add(time.Duration(r.within(-2*day, 2*day)) * time.Microsecond)
	}
	if r.chance(30) {
		t = t.Truncate(pick(r, time.Second, time.Minute, 30*time.Minute, time.Hour))
	}
	return t.UnixMicro()
}

// span is some length of time, round or not.
func (r *Random) span() int64 {
	if r.chance(70) {
		return pick(r, 3600*second, 6*3600*second, day, day, 3*day, 7*day, 7*day, 30*day)
	}
	return r.within(60*second, 92*day)
}

func (r *Random) quiet() []QuietRule {
	all := make([]QuietRule, pick(r, 0, 1, 1, 1, 1, 2, 3))
	for i := range all {
		q := QuietRule{Start: 1800 * r.IntN(48), End: 1800 * (1 + r.IntN(48)), Days: 127}
		if r.chance(60) {
			q = QuietRule{Start: 3600 * (19 + r.IntN(5)), End: 3600 * (5 + r.IntN(6)), Days: 127}
		}
		if r.chance(25) {
			q.Start, q.End = r.IntN(86400), 1+r.IntN(86400)
		}
		if r.chance(30) {
			q.Days = 1 + r.IntN(127)
		}
		if r.chance(5) {
			q.Start, q.End = 0, 86400
		}
		all[i] = q
	}
	return all
}

func (r *Random) caps() []CapRule {
	all := make([]CapRule, pick(r, 0, 1, 2, 3, 3, 4))
	for i := range all {
		all[i] = CapRule{Medium: pick(r, 0, 0, 0, 1, 1, 2, 3), Window: r.span(), Limit: pick(r, 1, 1, 2, 3, 3, 10)}
	}
	return all
}

func (r *Random) medium() int { return pick(r, 1, 1, 1, 2, 3, 4, 5, 6) }

func (r *Random) purpose() string {
	return pick(r, "marketing", "marketing", "marketing", "transactional", "survey")
}

func (r *Random) sends(f *Facts) {
	for range pick(r, 0, 0, 1, 2, 3, 5, 12) {
		back := r.within(0, pick(r, day, 7*day, 31*day, 92*day))
		if len(f.Caps) > 0 && r.chance(40) { // one that leaves a window soon, or just did
			back = max(0, f.Caps[r.IntN(len(f.Caps))].Window+pick(r, 0, 1, -1, r.within(-day, day)))
		}
		f.Sends = append(f.Sends, SendFact{f.Now - back, r.medium()})
	}
	slices.SortFunc(f.Sends, func(a, b SendFact) int { return int(a.Time - b.Time) })
}

func (r *Random) pending(f *Facts) {
	for range pick(r, 0, 0, 0, 1, 1, 2, 4) {
		due := f.Now + pick(r, 0, 1, -1, r.within(-day, day), r.within(0, 8*day), r.within(0, 40*day))
		if len(f.Caps) > 0 && r.chance(15) { // exactly a window away from now, or from what was sent
			due = f.Now + f.Caps[r.IntN(len(f.Caps))].Window + r.within(-1, 1)
		}
		f.Pending = append(f.Pending, PendingFact{due, r.medium(), 1 + r.IntN(4)})
	}
}

func (r *Random) permissions(f *Facts) {
	for _, medium := range []int{0, f.Medium, r.medium()} {
		if r.chance(60) && !slices.ContainsFunc(f.Consents, func(c ConsentFact) bool { return c.Medium == medium }) {
			state := pick(r, Granted, Granted, Granted, Granted, Granted, Paused, Withdrawn)
			f.Consents = append(f.Consents,
				ConsentFact{f.Purpose, medium, state, f.Now - r.within(0, 30*day), f.Now + r.within(-day, 5*day)})
		}
	}
	if r.chance(20) {
		f.Consents = append(f.Consents, ConsentFact{"survey2", f.Medium, Granted, f.Now, 0})
	}
	for range pick(r, 0, 0, 0, 0, 0, 0, 1, 2) {
		f.Suppressions = append(f.Suppressions, SuppressionFact{1 + r.IntN(5), pick(r, "", "", "marketing", "survey"),
			pick(r, 0, f.Medium, r.medium()), f.Now - r.within(0, 30*day)})
	}
}

func (r *Random) rules(f *Facts) {
	f.Known = !r.chance(2)
	f.NeedsConsent, f.HeedsOwner, f.HeedsHoldOut = !r.chance(40), !r.chance(30), !r.chance(30)
	f.HeedsQuiet, f.HeedsCaps = !r.chance(15), !r.chance(10)
	f.Paused, f.Owned, f.Address = r.chance(2), r.chance(4), !r.chance(2)
	f.HoldOutBelow, f.HoldOutPoint = 1<<59, r.Int64()
	f.MaxMedia, f.MediaWindow = 1+r.IntN(5), r.span()
}

// Facts are those of one request.
func (r *Random) Facts() *Facts {
	f := &Facts{Zones: []*time.Location{r.zones[r.IntN(len(r.zones))]}, Expire: Never}
	for r.chance(5) {
		f.Zones = append(f.Zones, r.zones[r.IntN(len(r.zones))])
	}
	f.Now, f.Purpose, f.Medium, f.Priority = r.moment(f.Zones[0]), r.purpose(), r.medium(), 1+r.IntN(4)
	if r.chance(15) {
		f.Expire = f.Now + pick(r, 0, 1, r.within(-day, 4*day), r.within(0, 30*day))
	}
	f.Caps, f.Quiet = r.caps(), r.quiet()
	r.rules(f)
	r.sends(f)
	r.pending(f)
	r.permissions(f)
	return f
}
