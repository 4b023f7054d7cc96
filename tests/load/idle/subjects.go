// Package idle holds connections open that do nothing, at every port, and looks at what they cost. The story in it is part of the suite; the
// bench tests/bench/idle.sh does the same at full size.
package idle

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/load"
	"google.golang.org/grpc"
)

// Subject is a port and the way in which callers are silent there.
type Subject struct {
	Name   string
	TLS    bool
	KiB    int64 // that a connection may cost; TLS alone takes 20 in Go, 80 in OpenSSL under the C-core, where only peers with a certificate come
	manner load.Manner
	port   func(h *house.House) (pid int, address string)
}

func server(h *house.House) (int, string)      { return h.Pid(), h.Address }
func gatewayGRPC(h *house.House) (int, string) { return h.GatewayPid(), h.GatewayGRPC }
func gatewayREST(h *house.House) (int, string) {
	_, address, _ := strings.Cut(h.GatewayREST, "://")
	return h.GatewayPid(), address
}

// Subjects are all of them.
var Subjects = []Subject{
	{"server, gRPC", false, 40, load.HTTP2, server},
	{"server, gRPC with TLS", true, 128, load.HTTP2, server},
	{"gateway, gRPC", false, 40, load.HTTP2, gatewayGRPC},
	{"gateway, gRPC with TLS", true, 64, load.HTTP2, gatewayGRPC},
	{"gateway, REST kept alive", false, 40, load.KeepAlive, gatewayREST},
	{"gateway, REST kept alive with TLS", true, 64, load.KeepAlive, gatewayREST},
	{"gateway, REST over HTTP/2 with TLS", true, 64, load.HTTP2, gatewayREST},
	{"gateway, REST with half a header", false, 40, load.HalfHeaders, gatewayREST},
}

// Share is how many of `size` connections a port gets: with TLS a quarter, for two cores shake a few hundred hands a second, and the first comers
// would be sent away for their silence before the last are there.
func (s Subject) Share(size int) int {
	if s.TLS {
		return size / 4
	}
	return size
}

// Measure starts a system of its own and gathers so many connections.
func (s Subject) Measure(size int, hold time.Duration) (*load.IdleResult, error) {
	h, err := house.Start(house.Options{Gateway: true, TLS: s.TLS, Env: []string{"LOG_CALLS=false"}})
	if err != nil {
		return nil, err
	}
	pid, address := s.port(h)
	manner := s.manner
	if s.TLS {
		manner = manner.Over(h.Keys.TLS())
	}
	result, err := load.Idle{Pid: pid, Address: address, Manner: manner, Size: size, Hold: hold, Victim: victim(h, pid), Comer: comer(h, address)}.Run()
	if closing := h.Close(); err == nil {
		err = closing
	}
	return result, err
}

const patience = time.Minute // with an honest call

func status(conn grpc.ClientConnInterface) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := pb.NewSystemServiceClient(conn).GetSystemStatus(ctx, &pb.GetSystemStatusRequest{})
	return err
}

// victim calls the process over connections that last.
func victim(h *house.House, pid int) func() error {
	if pid == h.Pid() {
		return func() error { return status(h.Conn()) }
	}
	return func() error {
		if err := status(h.GatewayConn()); err != nil {
			return err
		}
		return rest(h.REST("GET", "/health/live", nil))
	}
}

func rest(a *house.Answer, err error) error {
	if err == nil && a.Code != http.StatusOK {
		err = fmt.Errorf("HTTP %d", a.Code)
	}
	return err
}

// comer calls the port over a new connection.
func comer(h *house.House, address string) func() error {
	if address != strings.TrimPrefix(strings.TrimPrefix(h.GatewayREST, "https://"), "http://") {
		return func() error {
			conn, err := h.Dial(address)
			if err != nil {
				return err
			}
			defer conn.Close()
			return status(conn)
		}
	}
	var config *tls.Config
	if h.Keys != nil {
		config = h.Keys.TLS()
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: config}}
	return func() error {
		reply, err := client.Get(h.GatewayREST + "/health/live")
		if err != nil {
			return err
		}
		defer reply.Body.Close()
		_, err = io.Copy(io.Discard, reply.Body)
		return err
	}
}
