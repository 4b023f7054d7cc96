package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/bank"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/load"
)

// subject is a server that is measured.
type subject struct {
	name    string
	address string
	pids    []int // whose processor time counts
	lead    *load.Lead
	paced   bool // part of the open loop
	stop    func()
}

func (s *subject) resident() int64 { return load.Resident(s.pids[0]) }

func closeAll(subjects []*subject) {
	for _, s := range subjects {
		if s.stop != nil {
			s.stop()
		}
	}
}

func stored(*pb.TriageLeadRequest)      {}
func explained(r *pb.TriageLeadRequest) { r.Explain = true }

// dry stores nothing; with a request id the reply would be.
func dry(r *pb.TriageLeadRequest) { r.ValidateOnly, r.RequestId = true, "" }

// open starts everything: the echo is the first.
func open(o options) ([]*subject, error) {
	lead, err := load.NewLead(false, stored)
	if err != nil {
		return nil, err
	}
	var all []*subject
	for _, echo := range []struct {
		name string
		args []string
	}{{"C echo, bare C-core", nil}, {"C echo through server/rpc", []string{"--runtime"}}} {
		s, err := startEcho(o.echo, echo.name, echo.args, lead)
		if err != nil {
			return all, err
		}
		all = append(all, s)
	}
	for _, store := range house.Stores {
		more, err := openStore(store, lead)
		all = append(all, more...)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// openStore starts a server with a promoted model, to be measured in several ways.
func openStore(store house.Store, lead *load.Lead) ([]*subject, error) {
	models, err := bank.Models()
	if err != nil {
		return nil, err
	}
	h, err := house.Start(house.Options{Store: store, Env: []string{"AUTH=off", "LOG_CALLS=false", "MODEL_KEYS=" + models.Keys}})
	if err != nil {
		return nil, err
	}
	durable := &subject{name: "TriageLead durable on " + string(store), address: h.Address, pids: []int{h.Pid()}, lead: lead, paced: true, stop: func() {
		if err := h.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "triagebench:", err)
		}
	}}
	all := []*subject{durable}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := h.ImportModel(ctx, "bank", "bench", models.Files[0], true); err != nil {
		return all, err
	}
	if store == house.PostgreSQL {
		pid, err := house.PostgresPid()
		durable.pids = append(durable.pids, pid)
		return all, err
	}
	for _, variant := range []struct {
		name   string
		known  bool
		change func(*pb.TriageLeadRequest)
	}{
		{"TriageLead, nothing stored (validate_only)", false, dry},
		{"TriageLead durable on sqlite, known leads", true, stored},
		{"TriageLead explained, durable on sqlite", false, explained},
	} {
		lead, err := load.NewLead(variant.known, variant.change)
		if err != nil {
			return all, err
		}
		all = append(all, &subject{name: variant.name, address: h.Address, pids: durable.pids, lead: lead})
	}
	all[0], all[1] = all[1], all[0] // nothing stored comes first
	return all, nil
}

// startEcho starts an echo server and waits until it takes connections.
func startEcho(binary, name string, args []string, lead *load.Lead) (*subject, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	_ = l.Close()
	cmd := exec.Command(binary, append(args, "--listen", address)...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("the echo server: %w; run `./dev bench triage`", err)
	}
	s := &subject{name: name, address: address, pids: []int{cmd.Process.Pid}, lead: lead, stop: func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}}
	for limit := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return s, c.Close()
		}
		if time.Now().After(limit) {
			s.stop()
			return nil, fmt.Errorf("%s does not listen: %w", name, err)
		}
	}
}
