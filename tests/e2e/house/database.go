package house

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// newDatabase makes an empty database and returns its URL and what removes it.
func newDatabase(store Store, folder string) (string, func(), error) {
	if store == SQLite {
		return "sqlite:///" + filepath.Join(folder, "data.sqlite"), func() {}, nil
	}
	admin, err := postgres()
	if err != nil {
		return "", nil, err
	}
	base, err := url.Parse(admin)
	if err != nil || base.Scheme == "" {
		return "", nil, fmt.Errorf("TEST_POSTGRES_URL=%q is no URL", admin)
	}
	name := fmt.Sprintf("house_%016x", rand.Uint64())
	if _, err := psql(admin, "CREATE DATABASE "+name); err != nil {
		return "", nil, err
	}
	base.Path = "/" + name
	drop := func() { _, _ = psql(admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") }
	return base.String(), drop, nil
}

// postgres is the URL of the PostgreSQL server that tests use: $TEST_POSTGRES_URL, else a private one that is started here and
// stopped by Main.
var postgres = sync.OnceValues(func() (string, error) {
	if at := os.Getenv("TEST_POSTGRES_URL"); at != "" {
		return at, nil
	}
	folder, err := os.MkdirTemp("", "house-postgres-")
	if err != nil {
		return "", err
	}
	atEnd = append(atEnd, func() {
		_, _ = postgresScript("remove", folder)
		_ = os.RemoveAll(folder)
	})
	if err := os.Chmod(folder, 0o755); err != nil { // the server runs as a user of its own
		return "", err
	}
	return postgresScript("start", folder)
})

func postgresScript(action, folder string) (string, error) {
	return script("postgres.sh", action, folder)
}

// script runs one of tests/lib.
func script(name, action, folder string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	out, err := output(exec.Command("bash", filepath.Join(root, "tests", "lib", name), action, folder))
	return strings.TrimSpace(out), err
}

// PostgresPid is the process id of the PostgreSQL server, where it is the one that was started here.
func PostgresPid() (int, error) {
	at, err := postgres()
	if err != nil {
		return 0, err
	}
	out, err := psql(at, "SELECT pg_read_file('postmaster.pid', 0, 20)")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.Fields(out)[0])
}

var atEnd []func()

// Main runs a package's tests, or a bench, and then stops what they share, also where it is interrupted or its reader goes away. TestMain
// of every package that uses PostgreSQL calls it.
func Main(run func() int) int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		end()
		os.Exit(1)
	}()
	code := run()
	end()
	return code
}

var end = sync.OnceFunc(func() {
	for _, stop := range atEnd {
		stop()
	}
})

func psql(at, sql string) (string, error) {
	return output(exec.Command("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-F", "|", "-d", at, "-c", sql))
}

func output(cmd *exec.Cmd) (string, error) {
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, errs.String())
	}
	return string(out), nil
}

// Query runs one SQL statement directly on the database, past the server, and returns its rows. Columns must hold no '|' or newline:
// wrap bytes in Hex.
func (h *House) Query(sql string) ([][]string, error) {
	var out string
	var err error
	if h.Options.Store == SQLite {
		out, err = output(exec.Command("sqlite3", "-batch", "-cmd", ".timeout 60000", "-separator", "|", h.DatabaseFile(), sql))
	} else {
		out, err = psql(h.DatabaseURL, sql)
	}
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, line := range strings.Split(strings.TrimRight(out, "\n"), "\n") {
		if line != "" {
			rows = append(rows, strings.Split(line, "|"))
		}
	}
	return rows, nil
}

// DatabaseFile is the path of the SQLite file.
func (h *House) DatabaseFile() string { return filepath.Join(h.Folder, "data.sqlite") }

// Hex is the SQL expression that shows a column of bytes in hexadecimal.
func (h *House) Hex(column string) string {
	if h.Options.Store == SQLite {
		return "hex(" + column + ")"
	}
	return "encode(" + column + ", 'hex')"
}

// Bytes reads what Hex wrote.
func Bytes(text string) ([]byte, error) { return hex.DecodeString(text) }

// CheckIntegrity asks the database whether it is sound.
func (h *House) CheckIntegrity() error {
	if h.Options.Store == PostgreSQL {
		_, err := h.Query("SELECT count(*) FROM lead")
		return err
	}
	rows, err := h.Query("PRAGMA integrity_check")
	if err != nil {
		return err
	}
	if len(rows) != 1 || rows[0][0] != "ok" {
		return fmt.Errorf("integrity_check: %v", rows)
	}
	return nil
}
