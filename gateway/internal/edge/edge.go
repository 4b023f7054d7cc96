// Package edge puts the gateway together: two listeners, one pool of connections to the server, one drain.
package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/marketing-agents/marketing/gateway/internal/config"
	"github.com/marketing-agents/marketing/gateway/internal/health"
	"github.com/marketing-agents/marketing/gateway/internal/metrics"
	"github.com/marketing-agents/marketing/gateway/internal/passthrough"
	"github.com/marketing-agents/marketing/gateway/internal/rest"
	"github.com/marketing-agents/marketing/gateway/internal/upstream"
)

// Edge is a running gateway.
type Edge struct {
	options *config.Options
	pool    *upstream.Pool
	health  *health.Service
	metrics *metrics.Set
	keys    *keyring // nil: plain text

	room         *room
	http         *http.Server
	grpc         *grpc.Server
	httpListener net.Listener
	grpcListener net.Listener
	failed       chan error
}

// Start listens and serves. The options were checked by config.Parse.
func Start(o *config.Options, version string) (*Edge, error) {
	e := &Edge{options: o, metrics: metrics.New(), failed: make(chan error, 2)}
	if err := e.openKeys(); err != nil {
		return nil, err
	}
	e.health = health.New(e.pool)
	if err := e.makeServers(version); err != nil {
		return nil, err
	}
	if err := e.listen(); err != nil {
		return nil, err
	}
	e.gauges()
	go e.serve(func() error { return e.grpc.Serve(e.grpcListener) })
	go e.serve(func() error { return e.http.Serve(e.httpListener) })
	return e, nil
}

// openKeys reads the certificates for both sides and makes the pool of connections to the server.
func (e *Edge) openKeys() (err error) {
	o := e.options
	if o.TLSCert != "" {
		if e.keys, err = openKeyring(o.TLSCert, o.TLSKey, ""); err != nil {
			return err
		}
	}
	var creds credentials.TransportCredentials // nil: plain text
	if o.UpstreamCA != "" {
		keys, err := openKeyring(o.UpstreamCert, o.UpstreamKey, o.UpstreamCA)
		if err != nil {
			return err
		}
		creds = newUpstreamCreds(keys, o.UpstreamName)
	}
	e.pool, err = upstream.NewPool(o.Upstream, creds, o.UpstreamConns)
	return err
}

func (e *Edge) makeServers(version string) error {
	o := e.options
	grpcOptions := passthrough.Options{Pool: e.pool, Metrics: e.metrics, Health: e.health, LogCalls: o.LogCalls}
	if e.keys != nil {
		grpcOptions.Creds = meteredCreds{credentials.NewTLS(e.keys.forServer("h2"))}
	}
	e.grpc = passthrough.NewServer(grpcOptions)
	hosts := o.Hosts
	if len(hosts) == 0 && config.Loopback(o.HTTP) {
		hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	handler, err := rest.New(rest.Options{
		Pool: e.pool, Health: e.health, Metrics: e.metrics, Hosts: hosts, Origins: o.CORSOrigins, TLS: e.keys != nil,
		CallTimeout: o.CallTimeout, MaxUpload: int64(o.MaxUploadMB) << 20, LogCalls: o.LogCalls, Version: version,
	})
	if err != nil {
		return err
	}
	// TLS is the listener's, so what is inside can be metered; HTTP/2 is told by its preface on either kind of connection.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	e.http = &http.Server{
		Handler:           handler.Handler(),
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second, // bodies and replies have limits of their own, by route
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          100,
			MaxReceiveBufferPerConnection: 1 << 20,
			MaxReceiveBufferPerStream:     64 << 10,
			SendPingTimeout:               20 * time.Second,
			PingTimeout:                   10 * time.Second,
			WriteByteTimeout:              30 * time.Second,
		},
	}
	return nil
}

func (e *Edge) listen() error {
	var err error
	e.room = newRoom(e.options.MaxConnections)
	if asked := int64(e.options.MaxConnections); e.room.each < asked || e.room.both < 2*asked {
		slog.Info("fewer connections than asked for: the limit of open files is too low", "each", e.room.each, "both", e.room.both)
	}
	wrapHTTP, wrapGRPC := meter, meter
	if e.keys != nil {
		config := e.keys.forServer("h2", "http/1.1")
		wrapHTTP = func(c net.Conn) net.Conn { return meter(tls.Server(c, config)) } // the first read shakes hands
		wrapGRPC = func(c net.Conn) net.Conn { return c }                            // meteredCreds
	}
	if e.httpListener, err = e.listenOn("http", e.options.HTTP, wrapHTTP); err != nil {
		return err
	}
	if e.grpcListener, err = e.listenOn("grpc", e.options.GRPC, wrapGRPC); err != nil {
		_ = e.httpListener.Close()
		return err
	}
	return nil
}

func (e *Edge) listenOn(name, address string, wrap func(net.Conn) net.Conn) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", name, err)
	}
	open := new(atomic.Int64)
	e.metrics.Gauge(fmt.Sprintf("gateway_connections{listener=%q}", name),
		"Connections open. At --max-connections new ones are closed at once.", func() float64 { return float64(open.Load()) })
	return &limited{Listener: l, room: e.room, open: open, wrap: wrap}, nil
}

func (e *Edge) gauges() {
	e.metrics.Gauge("gateway_upstream_connections", "Connections to the server. At --upstream-connections calls queue.",
		func() float64 { return float64(e.pool.Conns()) })
	e.metrics.Gauge("gateway_goroutines", "Goroutines. Growth without more connections is a leak.",
		func() float64 { return float64(runtime.NumGoroutine()) })
	e.metrics.Gauge("gateway_draining", "1 from SIGTERM on.", func() float64 {
		if e.health.Draining() {
			return 1
		}
		return 0
	})
}

func (e *Edge) serve(run func() error) {
	if err := run(); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
		e.failed <- err
	}
}

// Failed yields the error of a listener that broke.
func (e *Edge) Failed() <-chan error {
	return e.failed
}

// HTTPAddress is where REST is served.
func (e *Edge) HTTPAddress() string {
	return e.httpListener.Addr().String()
}

// GRPCAddress is where gRPC is served.
func (e *Edge) GRPCAddress() string {
	return e.grpcListener.Addr().String()
}

// Drain stops without dropping a call: health fails first, then, after the delay, no new connections and calls are taken, and those under way
// may end. What has not ended at the timeout is cut; Drain then returns false.
func (e *Edge) Drain() bool {
	e.health.Drain()
	end, cancel := context.WithTimeout(context.Background(), e.options.DrainTimeout)
	defer cancel()
	select {
	case <-time.After(e.options.DrainDelay):
	case <-end.Done():
	}
	grpcDone := make(chan struct{})
	go func() {
		e.grpc.GracefulStop()
		close(grpcDone)
	}()
	clean := e.http.Shutdown(end) == nil
	select {
	case <-grpcDone:
	case <-end.Done():
		clean = false
	}
	e.Close()
	return clean
}

// Close stops at once.
func (e *Edge) Close() {
	e.grpc.Stop()
	_ = e.http.Close()
	e.pool.Close()
}
