package load

import (
	"sync"
	"time"
)

// Awake is a clock that stands still while the machine does, or has no moment to spare for a process that asks for one every few milliseconds.
// Limits on how long something may take, or how much must get done in a time, hold by it: what nobody could have done then is nobody's fault.
type Awake struct {
	mu     sync.Mutex
	passed time.Duration
	looked time.Time
	stop   chan struct{}
}

const (
	look = 2 * time.Millisecond
	nap  = 20 * time.Millisecond // a longer time between two looks counts as this
)

// NewAwake starts one; the caller stops it.
func NewAwake() *Awake {
	a := &Awake{looked: time.Now(), stop: make(chan struct{})}
	go func() {
		for {
			select {
			case <-a.stop:
				return
			case <-time.After(look):
				a.Now()
			}
		}
	}()
	return a
}

// Stop ends it.
func (a *Awake) Stop() { close(a.stop) }

// Now is the time that has passed on it.
func (a *Awake) Now() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.passed += min(now.Sub(a.looked), nap)
	a.looked = now
	return a.passed
}
