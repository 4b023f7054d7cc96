// Package house starts the real system for a test: the C server, and where asked for the gateway in front of it, on free ports, with a
// database and a state folder of their own. It can stop it, kill it and start it again on the same data, and it fails the test when the
// server's log shows a fatal line or a sanitizer's report.
//
// Nothing is simulated: the binaries are those that ./dev builds. A test without them fails and says which command makes them.
package house

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
)

// Store is the kind of database that a house keeps its data in.
type Store string

// The two databases that the server runs on.
const (
	SQLite     Store = "sqlite"
	PostgreSQL Store = "postgresql"
)

// Stores are both.
var Stores = []Store{SQLite, PostgreSQL}

// SecretKey is the SECRET_KEY of every house; tests look for it where it must never appear.
const SecretKey = "house-secret-key-0123456789abcdef-canary"

// Options say how to start a house. The zero value is a server on SQLite without a gateway.
type Options struct {
	Store   Store
	Gateway bool
	// TLS: callers speak TLS with the gateway, and the gateway and other callers of the server show it certificates.
	TLS bool
	// Env holds further options as NAME=value; they win over the house's own.
	Env []string
	// GatewayArgs holds further arguments of the gateway.
	GatewayArgs []string
	// Database is the URL of another house's database, to be a second replica on it. Empty: a database of the house's own.
	Database string
	// Server is the binary; empty: $MARKETING_SERVER, else .state/bin/server, as `./dev build` makes it.
	Server string
}

// House is a running system.
type House struct {
	Options     Options
	Folder      string // state: the database file, logs
	Address     string // of the C server's gRPC port
	Metrics     string // of its metrics port
	GatewayGRPC string // the edge's gRPC port; empty without a gateway
	GatewayREST string // the edge's http://host:port, https with TLS; empty without a gateway
	DatabaseURL string
	Token       string // the credential that calls carry; empty with AUTH=off
	Keys        *Keys  // nil without TLS

	server, gateway *process
	drop            func() // removes the database
	mu              sync.Mutex
	conns           map[string]*grpc.ClientConn
}

// New starts a house that ends with the test.
func New(t testing.TB, o Options) *House {
	t.Helper()
	h, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("end of the server's log:\n%s", tail(h.Log(), 8))
		}
		if err := h.Close(); err != nil {
			t.Errorf("closing the house: %v", err)
		}
	})
	return h
}

// EachStore runs the story once on SQLite and once on PostgreSQL, each in a fresh house.
func EachStore(t *testing.T, o Options, story func(t *testing.T, h *House)) {
	t.Helper()
	for _, s := range Stores {
		t.Run(string(s), func(t *testing.T) {
			t.Parallel()
			o := o
			o.Store = s
			story(t, New(t, o))
		})
	}
}

// Start starts a house; the caller closes it.
func Start(o Options) (*House, error) {
	if o.Store == "" {
		o.Store = SQLite
	}
	folder, err := os.MkdirTemp("", "house-")
	if err != nil {
		return nil, err
	}
	h := &House{Options: o, Folder: folder, conns: map[string]*grpc.ClientConn{}}
	if err := h.prepare(); err != nil {
		_ = os.RemoveAll(folder)
		return nil, err
	}
	if err := h.Up(); err != nil { // it holds the end of the log: nothing is kept
		_ = h.Close()
		_ = os.RemoveAll(folder)
		return nil, err
	}
	return h, nil
}

// prepare picks ports and makes the database.
func (h *House) prepare() error {
	ports, err := FreePorts(4)
	if err != nil {
		return err
	}
	h.Address, h.Metrics = ports[0], ports[1]
	scheme := "http"
	if h.Options.TLS {
		if h.Keys, err = newKeys(h.Folder); err != nil {
			return err
		}
		scheme = "https"
	}
	if h.Options.Gateway {
		h.GatewayGRPC, h.GatewayREST = ports[2], scheme+"://"+ports[3]
	}
	if err := h.writePassword(); err != nil {
		return err
	}
	if h.DatabaseURL = h.Options.Database; h.DatabaseURL != "" {
		return nil
	}
	h.DatabaseURL, h.drop, err = newDatabase(h.Options.Store, h.Folder)
	return err
}

// Spawn starts the server's process, if it is not running, and does not wait until it serves.
func (h *House) Spawn() error {
	if h.server != nil {
		return nil
	}
	h.hangUp() // connections to the server before
	binary, err := serverBinary(h.Options.Server)
	if err != nil {
		return err
	}
	h.server, err = spawn(exec.Command(binary), h.serverEnv(), h.logPath("server"))
	return err
}

// Up starts what is not running, on the data that is there, and waits until it serves.
func (h *House) Up() error {
	if err := h.Spawn(); err != nil {
		return err
	}
	if err := h.waitServing(h.Address, h.server); err != nil {
		return err
	}
	if err := h.login(); err != nil {
		return err
	}
	if !h.Options.Gateway || h.gateway != nil {
		return nil
	}
	binary, err := Binary("MARKETING_GATEWAY", ".state/bin/gateway", "./dev build")
	if err != nil {
		return err
	}
	if h.gateway, err = spawn(exec.Command(binary, h.gatewayArgs()...), nil, h.logPath("gateway")); err != nil {
		return err
	}
	return h.waitServing(h.GatewayGRPC, h.gateway)
}

func (h *House) serverEnv() []string {
	return slices.Concat([]string{
		"LISTEN=" + h.Address,
		"METRICS_LISTEN=" + h.Metrics,
		"DATABASE_URL=" + h.DatabaseURL,
		"SECRET_KEY=" + SecretKey,
		"ADMIN_PASSWORD_FILE=" + h.passwordFile(),
	}, h.serverKeys(), h.Options.Env)
}

func (h *House) gatewayArgs() []string {
	_, address, _ := strings.Cut(h.GatewayREST, "://")
	return slices.Concat([]string{"--http", address, "--grpc", h.GatewayGRPC, "--upstream", h.Address}, h.gatewayKeys(), h.Options.GatewayArgs)
}

// Stop asks the server to end (SIGTERM) and waits; an exit code other than 0 is an error.
func (h *House) Stop() error {
	err := h.stopGateway()
	if h.server != nil {
		err = errors.Join(err, h.server.terminate(patience))
		h.server = nil
	}
	return err
}

// Terminate sends SIGTERM to the server and returns at once; Wait tells how it ended.
func (h *House) Terminate() error { return h.server.signalTerm() }

// Wait waits for the server to end by itself.
func (h *House) Wait(limit time.Duration) error {
	err := h.server.wait(limit)
	h.server = nil
	return err
}

// Kill ends the server by SIGKILL and waits until it is gone. The gateway, if any, goes on.
func (h *House) Kill() error {
	if h.server == nil {
		return errors.New("the server is not running")
	}
	err := h.server.kill()
	h.server = nil
	return err
}

// Died waits until the server has killed itself at a fault point.
func (h *House) Died(limit time.Duration) error {
	err := h.server.died(limit)
	h.server = nil
	return err
}

// Restart stops the server and starts it again on the same data.
func (h *House) Restart() error {
	if err := h.Stop(); err != nil {
		return err
	}
	return h.Up()
}

// Pid is the server's process id.
func (h *House) Pid() int { return h.server.pid() }

// GatewayPid is the gateway's process id.
func (h *House) GatewayPid() int { return h.gateway.pid() }

// Close stops everything, looks through the log and removes what the house made.
func (h *House) Close() error {
	err := h.Stop()
	h.hangUp()
	if faults := h.Faults(); len(faults) > 0 {
		err = errors.Join(err, fmt.Errorf("the server's log shows %d faults, the first: %s", len(faults), faults[0]))
	}
	if h.drop != nil {
		h.drop()
	}
	if err == nil {
		return os.RemoveAll(h.Folder)
	}
	return fmt.Errorf("%w (the house's folder is kept: %s)", err, h.Folder)
}

func (h *House) stopGateway() error {
	if h.gateway == nil {
		return nil
	}
	err := h.gateway.terminate(patience)
	h.gateway = nil
	return err
}
