package main

import (
	"context"
	"fmt"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/load"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// An account takes five attempts at once, so each round guesses at accounts of its own.
const attempts = 4

// guess is a login that must fail, and what it took. Processor time is compared: on a busy machine the clock tells of the others' work.
type guess struct {
	name    string
	request func(round int) *pb.CreateSessionRequest
	cpu     []float64 // milliseconds a login, one for each round
}

func login(user string, workspace string) *pb.CreateSessionRequest {
	return &pb.CreateSessionRequest{User: user, Password: "nobody-has-this-password", Workspace: workspace}
}

// logins measures whether the time of a failed login tells why it failed, and prints that.
func logins(h *house.House, token string, rounds int) error {
	if err := accounts(house.As(context.Background(), token), h, rounds); err != nil {
		return err
	}
	guesses := []*guess{
		{name: "wrong password", request: func(n int) *pb.CreateSessionRequest { return login(fmt.Sprint("users/known", n), "") }},
		{name: "unknown user", request: func(n int) *pb.CreateSessionRequest { return login(fmt.Sprint("users/unknown", n), "") }},
		{name: "disabled user", request: func(n int) *pb.CreateSessionRequest { return login(fmt.Sprint("users/disabled", n), "") }},
		{name: "unknown workspace", request: func(n int) *pb.CreateSessionRequest { return login(fmt.Sprint("users/known", n), "workspaces/nowhere") }},
	}
	for round := range rounds {
		for _, g := range guesses {
			if err := g.measure(h, round); err != nil {
				return err
			}
		}
	}
	fmt.Print("| login that fails | CPU ms | against a wrong password |\n|---|---|---|\n")
	for _, g := range guesses {
		fmt.Printf("| %s | %.1f | %+.1f %% |\n", g.name, load.Median(g.cpu), 100*load.MedianDifference(g.cpu, guesses[0].cpu)/load.Median(guesses[0].cpu))
	}
	return nil
}

// accounts makes an enabled and a disabled user for each round.
func accounts(ctx context.Context, h *house.House, rounds int) error {
	for n := range rounds {
		for _, kind := range []string{"known", "disabled"} {
			id := fmt.Sprint(kind, n)
			if _, err := h.Auth().CreateUser(ctx, &pb.CreateUserRequest{UserId: id, User: &pb.User{}, Password: "password-of-" + id}); err != nil {
				return err
			}
		}
		_, err := h.Auth().UpdateUser(ctx, &pb.UpdateUserRequest{User: &pb.User{Name: fmt.Sprint("users/disabled", n), Disabled: true},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"disabled"}}})
		if err != nil {
			return err
		}
	}
	return nil
}

// measure logs in some times, from an address that nobody used before.
func (g *guess) measure(h *house.House, round int) error {
	before, err := load.CPU(h.Pid())
	if err != nil {
		return err
	}
	for range attempts {
		ctx := metadata.AppendToOutgoingContext(context.Background(), "x-forwarded-for", fmt.Sprintf("%s %d", g.name, round))
		if _, err := h.Auth().CreateSession(ctx, g.request(round)); status.Code(err) != codes.Unauthenticated {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	after, err := load.CPU(h.Pid())
	g.cpu = append(g.cpu, load.Milliseconds(after-before)/attempts)
	return err
}
