// Command authbench measures what a credential costs a call, and a login that fails. tests/bench/auth.sh calls it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/load"
	"google.golang.org/protobuf/proto"
)

const concurrent = 50

// subject is a server and what its callers send.
type subject struct {
	name, authorization string
	h                   *house.House
	cpu                 []float64 // microseconds a call, one for each round
}

func main() {
	rounds := flag.Int("rounds", 7, "rounds; figures are medians over them")
	seconds := flag.Float64("seconds", 3, "seconds of each measurement")
	flag.Parse()
	os.Exit(house.Main(func() int {
		if err := bench(*rounds, time.Duration(*seconds*float64(time.Second))); err != nil {
			fmt.Fprintln(os.Stderr, "authbench:", err)
			return 1
		}
		return 0
	}))
}

func bench(rounds int, length time.Duration) error {
	open, err := house.Start(house.Options{Env: []string{"LOG_CALLS=false", "AUTH=off"}})
	if err != nil {
		return err
	}
	defer open.Close()
	closed, err := house.Start(house.Options{Env: []string{"LOG_CALLS=false"}})
	if err != nil {
		return err
	}
	defer closed.Close()
	session, err := closed.Auth().CreateSession(context.Background(), &pb.CreateSessionRequest{User: "users/admin", Password: house.AdminPassword})
	if err != nil {
		return err
	}
	subjects := []*subject{{name: "none", h: open}, {name: "access token", h: closed, authorization: "Bearer " + session.AccessToken},
		{name: "API key", h: closed, authorization: "Bearer " + closed.Token}}
	fmt.Println(load.Machine(os.TempDir()))
	for range rounds {
		for _, s := range subjects {
			if err := s.measure(length); err != nil {
				return err
			}
		}
	}
	report(subjects)
	return logins(closed, session.AccessToken, rounds)
}

func (s *subject) measure(length time.Duration) error {
	request, err := proto.Marshal(&pb.TestPermissionsRequest{Scopes: []string{"leads.read"}})
	if err != nil {
		return err
	}
	before, err := load.CPU(s.h.Pid())
	if err != nil {
		return err
	}
	r, err := load.Run(load.Plan{Address: s.h.Address, Method: "/marketing.v1.AuthService/TestPermissions", Authorization: s.authorization, Connections: concurrent,
		Concurrent: concurrent, Duration: length, Maker: func(int) load.Maker { return func(into []byte) []byte { return append(into, request...) } }})
	if err != nil {
		return err
	}
	after, err := load.CPU(s.h.Pid())
	if err != nil {
		return err
	}
	s.cpu = append(s.cpu, float64((after-before).Microseconds())/float64(r.Calls))
	return r.Err()
}

// report prints medians.
func report(subjects []*subject) {
	fmt.Print("| credential | CPU us/request | more than none |\n|---|---|---|\n")
	for _, s := range subjects {
		fmt.Printf("| %s | %.2f | %+.2f |\n", s.name, load.Median(s.cpu), load.MedianDifference(s.cpu, subjects[0].cpu))
	}
}
