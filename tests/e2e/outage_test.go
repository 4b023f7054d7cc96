package e2e

import (
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// databaseReachable is what the status says.
func (s *story) databaseReachable() bool {
	s.Helper()
	now, err := s.h.System().GetSystemStatus(s.ctx, &pb.GetSystemStatusRequest{})
	want.OK(s, err)
	want.Equal(s, "dependency", now.Dependencies[0].Name, "database")
	return now.Dependencies[0].Reachable
}

// reachesDatabase waits until the status says so: it does not wait long for an answer.
func (s *story) reachesDatabase() {
	s.Helper()
	want.Soon(s, "the status says that the database is there", func() (bool, any) { return s.databaseReachable(), nil })
}

func TestPostgreSQLGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	database := house.NewPostgres(t)
	s := &story{T: t, h: house.New(t, house.Options{Store: house.PostgreSQL, Database: database.URL}), ctx: t.Context()}
	before := s.create(&pb.Lead{Email: "before@example.com"})
	s.reachesDatabase()

	want.OK(t, database.Stop())
	request := &pb.CreateLeadRequest{Lead: &pb.Lead{Email: "meanwhile@example.com"}, RequestId: requestID()}
	create := func() error {
		_, err := s.h.Leads().CreateLead(s.ctx, request)
		return err
	}
	began := time.Now()
	for range 20 {
		want.Equal(t, "code of a write without the database", status.Code(create()), codes.Unavailable)
		_, err := s.h.Leads().ListLeads(s.ctx, &pb.ListLeadsRequest{})
		want.Error(t, err, codes.Unavailable, "STORE_UNAVAILABLE")
	}
	want.True(t, time.Since(began) < 40*time.Second, "40 calls without the database took %v: they have to fail at once", time.Since(began))
	want.True(t, !s.databaseReachable(), "the status does not say that the database is away")

	want.OK(t, database.Start())
	want.Soon(t, "writes are served again", func() (bool, any) {
		err := create()
		want.True(t, err == nil || status.Code(err) == codes.Unavailable, "while the database starts: %v", err)
		return err == nil, err
	})
	s.reachesDatabase()
	s.get(before.Name)
	leads, err := s.h.Leads().ListLeads(s.ctx, &pb.ListLeadsRequest{})
	want.OK(t, err)
	want.Equal(t, "leads", len(leads.Leads), 2)
}

// A database that takes no connection for a while holds up a start; it does not end it.
func TestAStartWaitsForASlowDatabase(t *testing.T) {
	t.Parallel()
	database := house.NewPostgres(t)
	s := &story{T: t, h: house.New(t, house.Options{Store: house.PostgreSQL, Database: database.URL}), ctx: t.Context()}
	want.OK(t, s.h.Stop())
	database.Pause(t)
	want.OK(t, s.h.Spawn())
	time.Sleep(7 * time.Second) // more than a connection may take while the server runs
	database.GoOn(t)
	want.OK(t, s.h.Up())
	s.create(&pb.Lead{Email: "after@example.com"})
}
