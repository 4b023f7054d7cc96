// Command gateway is the public edge of the system. It serves REST on one port and gRPC on another, and passes both to the C server,
// whose own port never faces strangers.
package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/marketing-agents/marketing/gateway/internal/config"
	"github.com/marketing-agents/marketing/gateway/internal/edge"
)

// Set by the build: -ldflags "-X main.version=1.2.3".
var version = "dev"

func main() {
	options, err := config.Parse(os.Args[1:], os.Getenv, os.Stdout)
	switch {
	case errors.Is(err, config.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(2)
	case options.Version:
		fmt.Println(version)
		return
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err := hideMemory(); err != nil {
		slog.Error("not started", "cause", err)
		os.Exit(1)
	}
	os.Exit(run(options))
}

// hideMemory keeps memory, where tokens pass through, out of core files and from other processes of the same user.
func hideMemory() error {
	return errors.Join(unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}), unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
}

// run serves until a signal or a broken listener, and returns the exit status.
func run(options *config.Options) int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	e, err := edge.Start(options, version)
	if err != nil {
		slog.Error("not started", "cause", err)
		return 1
	}
	slog.Info("serving", "http", e.HTTPAddress(), "grpc", e.GRPCAddress(), "upstream", options.Upstream, "tls", options.TLSCert != "", "version", version)
	select {
	case err = <-e.Failed():
		slog.Error("listener broke", "cause", err)
		e.Close()
		return 1
	case s := <-signals:
		slog.Info("draining", "signal", s.String())
	}
	go func() { // a second signal ends at once
		<-signals
		os.Exit(1)
	}()
	if !e.Drain() {
		slog.Warn("calls were cut", "after", options.DrainTimeout)
	}
	slog.Info("drained")
	return 0
}
