package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// send streams bytes of a file from an offset on, cut into chunks, and ends the stream.
func (s *story) send(spec *pb.LeadImportSpec, file string, offset, chunk int) (*pb.LeadImport, error) {
	stream, err := s.h.Leads().ImportLeads(s.ctx)
	if err != nil {
		return nil, err
	}
	for first := true; first || offset < len(file); first = false {
		end := min(offset+chunk, len(file))
		m := &pb.ImportLeadsRequest{Offset: int64(offset), Content: []byte(file[offset:end])}
		if first {
			m.Spec = spec
		}
		if err := stream.Send(m); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		} else if err != nil {
			break // the server has answered: CloseAndRecv tells how
		}
		offset = end
	}
	return stream.CloseAndRecv()
}

func (s *story) imports(spec *pb.LeadImportSpec, file string) *pb.LeadImport {
	s.Helper()
	state, err := s.send(spec, file, 0, 1<<20)
	want.OK(s, err)
	want.Equal(s, "state", state.State, pb.LeadImport_STATE_DONE)
	return state
}

func (s *story) importState(id string) *pb.LeadImport {
	s.Helper()
	state, err := s.h.Leads().GetLeadImport(s.ctx, &pb.GetLeadImportRequest{Name: "leadImports/" + id})
	want.OK(s, err)
	return state
}

const smallFile = "email,external_id,company,age,note\r\n" +
	"m1@example.com,crm-1,Acme,30,plain\r\n" +
	"\"M2@Example.com\",crm-2,\"Globex, Inc\",31,\"two\nlines and a \"\"quote\"\"\"\r\n" +
	"not an address,crm-3,Initech,32,bad email\r\n" +
	",,Nobody,33,no identity\r\n" +
	"m5@example.com,crm-5,Umbrella,34,note,one cell too many\r\n" +
	"m6@example.com,crm-6,,,\r\n"

func TestImportTakesGoodRowsAndNamesBadOnes(t *testing.T) {
	tell(t, func(s *story) {
		state := s.imports(&pb.LeadImportSpec{ImportId: "small"}, smallFile)
		want.Equal(s, "name", state.Name, "leadImports/small")
		want.Equal(s, "committed bytes", state.CommittedBytes, int64(len(smallFile)))
		want.Equal(s, "rows", state.RowCount, 6)
		want.Equal(s, "rows in all", state.CreatedCount+state.UpdatedCount+state.UnchangedCount+state.RejectedCount, 6)
		want.Same(s, "state read", s.importState("small"), state)

		page, err := s.h.Leads().ListLeadImportRejects(s.ctx, &pb.ListLeadImportRejectsRequest{Parent: "leadImports/small"})
		want.OK(s, err)
		want.Equal(s, "rejects", int64(len(page.Rejects)), state.RejectedCount)
		lines := map[int64]*pb.LeadImportReject{}
		for _, r := range page.Rejects {
			lines[r.Line] = r
			want.True(s, r.Status.GetCode() != 0 && r.Status.GetReason() != "", "reject without a reason: %v", r)
		}
		bad := lines[5] // the quoted newline makes the third row start on line 5
		want.True(s, bad != nil && strings.HasPrefix(bad.Row, "not an address,crm-3"), "rejects: %v", page.Rejects)
		want.Row(s, bad.Status, codes.InvalidArgument, "FIELD_INVALID", "email")
		want.True(s, lines[7] != nil, "the row with a cell too many was taken: %v", page.Rejects)

		leads := s.allLeads(`external_id = "crm-2"`, 0)
		want.Equal(s, "leads of crm-2", len(leads), 1)
		want.Equal(s, "email", leads[0].Email, "m2@example.com")
		want.Equal(s, "company", leads[0].Company, "Globex, Inc")
		want.Equal(s, "note", leads[0].Attributes["note"], "two\nlines and a \"quote\"")
	})
}

func TestTheSameFileTwiceChangesNothing(t *testing.T) {
	tell(t, func(s *story) {
		first := s.imports(&pb.LeadImportSpec{ImportId: "one"}, smallFile)
		before := s.allLeads("", 0)
		again := s.imports(&pb.LeadImportSpec{ImportId: "two"}, smallFile)
		want.Equal(s, "created", again.CreatedCount, 0)
		want.Equal(s, "updated", again.UpdatedCount, 0)

		_, err := s.send(&pb.LeadImportSpec{ImportId: "one"}, smallFile, 0, 64)
		if err != nil {
			want.Error(s, err, codes.FailedPrecondition, "IMPORT_MISMATCH")
		}
		want.Same(s, "the import sent again under its own id", s.importState("one"), first)
		for _, lead := range before {
			want.Same(s, "lead", s.get(lead.Name), lead)
		}
	})
}

// bigFile is a CSV of n rows, with a reject every 50.
func bigFile(n int) string {
	var b strings.Builder
	b.WriteString("Mail;CRM id;age;job\n")
	for i := range n {
		mail := fmt.Sprintf("big%d@example.com", i)
		if i%50 == 7 {
			mail = "broken"
		}
		fmt.Fprintf(&b, "%s;id-%d;%d;\"job; %d\"\n", mail, i, 20+i%50, i%7)
	}
	return b.String()
}

var bigColumns = map[string]string{"Mail": "email", "CRM id": "external_id"}

func TestChunksMayBeCutAnywhere(t *testing.T) {
	tell(t, func(s *story) {
		file := bigFile(60)
		for _, chunk := range []int{1, 7, 100, len(file)} {
			id := fmt.Sprint("cut-", chunk)
			state, err := s.send(&pb.LeadImportSpec{ImportId: id, Columns: bigColumns}, file, 0, chunk)
			want.OK(s, err)
			want.True(s, state.RowCount == 60 && state.RejectedCount == 2, "chunks of %d: %v", chunk, state)
		}
		want.Equal(s, "leads", len(s.allLeads("", 1000)), 58)
		state, err := s.send(&pb.LeadImportSpec{ImportId: "no-end", Columns: bigColumns}, strings.TrimSuffix(file, "\n"), 0, 1000)
		want.OK(s, err)
		want.Equal(s, "rows without a last newline", state.RowCount, 60)
	})
}

// More than the memory of a call holds at a time.
func TestAChunkOfTinyRowsIsTakenInParts(t *testing.T) {
	tell(t, func(s *story) {
		const rows = 40_000
		var file strings.Builder
		file.WriteString("external_id\n")
		for i := range rows {
			fmt.Fprintln(&file, i)
		}
		state := s.imports(&pb.LeadImportSpec{ImportId: "tiny", Triage: true}, file.String())
		want.True(s, state.RowCount == rows && state.CreatedCount == rows, "state: %v", state)
		want.Equal(s, "committed bytes", state.CommittedBytes, int64(file.Len()))
	})
}

// Rows of one lead stand in chunks side by side, and another caller triages the same leads meanwhile.
func TestImportMeetsItsOwnLeadsAndOtherWriters(t *testing.T) {
	tell(t, func(s *story) {
		const leads, rounds = 300, 20
		var file strings.Builder
		file.WriteString("external_id,email,visits\n")
		for round := range rounds {
			for i := range leads {
				fmt.Fprintf(&file, "own-%d,own%d@example.com,%d\n", i, i, round)
				if i%10 == 0 { // at once again, so that chunks end between the two
					fmt.Fprintf(&file, "own-%d,,%d\n", i, round)
				}
			}
			fmt.Fprintf(&file, "own-%d,no address,%d\n", round, round)
		}
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for i := 0; ; i = (i + 25) % leads {
				select {
				case <-stop:
					return
				case <-time.After(50 * time.Millisecond):
					s.triage(&pb.Lead{ExternalId: fmt.Sprint("own-", i), Attributes: map[string]string{"other": fmt.Sprint(i)}})
				}
			}
		}()
		state, err := s.send(&pb.LeadImportSpec{ImportId: "own", Triage: true}, file.String(), 0, 5000)
		close(stop)
		<-stopped
		want.OK(s, err)
		want.Equal(s, "rows", state.RowCount, rounds*(leads+leads/10+1))
		want.Equal(s, "rows in all", state.CreatedCount+state.UpdatedCount+state.UnchangedCount+state.RejectedCount, state.RowCount)
		want.Equal(s, "bytes", state.CommittedBytes, int64(file.Len()))
		all := s.allLeads("", 1000)
		want.Equal(s, "leads", len(all), leads)
		for _, lead := range all {
			want.Equal(s, "the last round's value of "+lead.ExternalId, lead.Attributes["visits"], fmt.Sprint(rounds-1))
		}
	})
}

func TestImportRefusals(t *testing.T) {
	tell(t, func(s *story) {
		refused := func(code codes.Code, reason string, spec *pb.LeadImportSpec, file string, offset int) {
			s.Helper()
			_, err := s.send(spec, file, offset, 1<<20)
			want.Error(s, err, code, reason)
		}
		refused(codes.InvalidArgument, "FIELD_REQUIRED", nil, smallFile, 0)
		refused(codes.InvalidArgument, "FIELD_INVALID", &pb.LeadImportSpec{ImportId: "Not An Id"}, smallFile, 0)
		refused(codes.InvalidArgument, "FIELD_INVALID", &pb.LeadImportSpec{ImportId: "x", Separator: "ab"}, smallFile, 0)
		refused(codes.InvalidArgument, "FIELD_INVALID", &pb.LeadImportSpec{ImportId: "y", Columns: map[string]string{"age": "etag"}}, smallFile, 0)
		refused(codes.InvalidArgument, "CSV_INVALID", &pb.LeadImportSpec{ImportId: "z"}, "email,email\na@b.example,c\n", 0)
		refused(codes.FailedPrecondition, "IMPORT_MISMATCH", &pb.LeadImportSpec{ImportId: "w"}, smallFile, 5)
		_, err := s.h.Leads().GetLeadImport(s.ctx, &pb.GetLeadImportRequest{Name: "leadImports/none"})
		want.Error(s, err, codes.NotFound, "IMPORT_NOT_FOUND")
		_, err = s.h.Leads().ListLeadImportRejects(s.ctx, &pb.ListLeadImportRejectsRequest{Parent: "leadImports/none"})
		want.Error(s, err, codes.NotFound, "IMPORT_NOT_FOUND")
	})
}

func TestImportGoesOnAfterAKill(t *testing.T) {
	tell(t, func(s *story) {
		file := bigFile(20000)
		spec := &pb.LeadImportSpec{ImportId: "killed", Columns: bigColumns, Triage: true}
		ctx, cancel := context.WithCancel(s.ctx)
		defer cancel()
		stream, err := s.h.Leads().ImportLeads(ctx)
		want.OK(s, err)
		for offset := 0; offset < len(file)/2; offset += 8192 { // half of the file, and no end of the stream
			m := &pb.ImportLeadsRequest{Offset: int64(offset), Content: []byte(file[offset : offset+8192])}
			if offset == 0 {
				m.Spec = spec
			}
			want.OK(s, stream.Send(m))
		}
		acknowledged := s.waitForProgress("killed", 100_000)
		want.OK(s, s.h.Kill())
		want.OK(s, s.h.Up())

		state := s.importState("killed")
		want.Equal(s, "state", state.State, pb.LeadImport_STATE_RUNNING)
		want.True(s, state.CommittedBytes >= acknowledged, "committed %d, acknowledged before the kill %d", state.CommittedBytes, acknowledged)
		state, err = s.send(spec, file, int(state.CommittedBytes), 1<<18)
		want.OK(s, err)
		want.True(s, state.RowCount == 20000 && state.CreatedCount == 19600 && state.RejectedCount == 400 && state.UpdatedCount == 0, "state: %v", state)
		leads := s.allLeads("", 1000)
		want.Equal(s, "leads", len(leads), 19600)
		for _, lead := range leads {
			want.Prefix(s, "the decision made in the same commit", lead.Triage.GetDecision(), "decisions/")
		}
		want.Equal(s, "decisions", len(s.allDecisions("", "")), 19600)
	})
}

// waitForProgress waits until at least n bytes of the import are committed.
func (s *story) waitForProgress(id string, n int64) int64 {
	s.Helper()
	var state *pb.LeadImport
	want.Soon(s, fmt.Sprint(n, " bytes of ", id, " are committed"), func() (bool, any) {
		var err error
		if state, err = s.h.Leads().GetLeadImport(s.ctx, &pb.GetLeadImportRequest{Name: "leadImports/" + id}); status.Code(err) != codes.NotFound {
			want.OK(s, err)
		}
		return state.GetCommittedBytes() >= n, state
	})
	return state.CommittedBytes
}
