package house

import (
	"os"
	"strconv"
	"syscall"
	"testing"
)

// Postgres is a PostgreSQL server of the test's own, which it may stop.
type Postgres struct {
	URL    string
	folder string
}

// NewPostgres starts one that ends with the test.
func NewPostgres(t testing.TB) *Postgres {
	t.Helper()
	folder, err := os.MkdirTemp("", "postgres-")
	if err != nil {
		t.Fatal(err)
	}
	p := &Postgres{folder: folder}
	t.Cleanup(func() {
		if _, err := postgresScript("remove", folder); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(folder)
	})
	if err := os.Chmod(folder, 0o755); err != nil { // the server runs as a user of its own
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// Pause has it answer nobody until GoOn is called, or the test ends.
func (p *Postgres) Pause(t testing.TB) {
	t.Helper()
	t.Cleanup(func() { p.GoOn(t) })
	p.signal(t, syscall.SIGSTOP)
}

// GoOn ends a pause.
func (p *Postgres) GoOn(t testing.TB) {
	t.Helper()
	p.signal(t, syscall.SIGCONT)
}

// signal sends it to the process that takes connections.
func (p *Postgres) signal(t testing.TB, what syscall.Signal) {
	t.Helper()
	text, err := postgresScript("pid", p.folder)
	if err == nil {
		var pid int
		if pid, err = strconv.Atoi(text); err == nil {
			err = syscall.Kill(pid, what)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// Start starts it where it is not running, on the data and the port that it had.
func (p *Postgres) Start() error {
	url, err := postgresScript("start", p.folder)
	p.URL = url
	return err
}

// Stop ends it, and the connections to it.
func (p *Postgres) Stop() error {
	_, err := postgresScript("stop", p.folder)
	return err
}
