package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/bank"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
)

// withModels tells a story in a house that trusts the test models' key.
func withModels(t *testing.T, body func(s *story, m *bank.Trained)) {
	t.Helper()
	m, err := bank.Models()
	want.OK(t, err)
	tellWith(t, house.Options{Env: []string{"MODEL_KEYS=" + m.Keys}}, func(s *story) { body(s, m) })
}

// importModel streams a model file.
func (s *story) importModel(model, version string, file []byte, promote bool) (*pb.ModelVersion, error) {
	stream, err := s.h.Models().ImportModel(s.ctx)
	if err != nil {
		return nil, err
	}
	for first := true; first || len(file) > 0; first = false {
		n := min(len(file), 100_000)
		m := &pb.ImportModelRequest{Content: file[:n]}
		if first {
			m.ModelId, m.VersionId, m.Promote = model, version, promote
		}
		if err := stream.Send(m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		file = file[n:]
	}
	return stream.CloseAndRecv()
}

func (s *story) importedModel(model, version string, file []byte, promote bool) *pb.ModelVersion {
	s.Helper()
	v, err := s.importModel(model, version, file, promote)
	want.OK(s, err)
	want.Equal(s, "name", v.Name, "models/"+model+"/versions/"+version)
	return v
}

func (s *story) promote(name string) *pb.ModelVersion {
	s.Helper()
	v, err := s.h.Models().PromoteModel(s.ctx, &pb.PromoteModelRequest{Name: name, Force: true})
	want.OK(s, err)
	want.Equal(s, "state", v.State, pb.ModelVersion_STATE_PROMOTED)
	return v
}

func TestAModelIsImportedPromotedAndRolledBack(t *testing.T) {
	withModels(t, func(s *story, m *bank.Trained) {
		lead := s.bankLeads("m", 3, 1)[0]
		cold := s.score(lead)
		_, err := s.h.Models().RollbackModel(s.ctx, &pb.RollbackModelRequest{})
		want.Error(s, err, codes.FailedPrecondition, "MODEL_STATE")

		first := s.importedModel("bank", "full", m.Files[0], false)
		want.Equal(s, "digest", first.Digest, bank.Digest(m.Files[0]))
		want.Equal(s, "size", first.FileBytes, int64(len(m.Files[0])))
		want.Equal(s, "state", first.State, pb.ModelVersion_STATE_IMPORTED)
		want.True(s, first.TrainingRows > 0 && len(first.Columns) > 5 && first.Metrics.RocAuc > 0.6 && first.Signer != "", "version: %v", first)
		want.Equal(s, "source before the promotion", s.score(lead).Fit.Source, pb.FitScore_SOURCE_PRIOR_SCORECARD)
		s.promote(first.Name)
		d := s.triage(lead).Decision
		want.Equal(s, "source", d.Fit.Source, pb.FitScore_SOURCE_MODEL)
		want.Equal(s, "model in the decision", d.Fit.ModelVersion, first.Name)
		want.Equal(s, "digest in the decision", d.Fit.ModelDigest, first.Digest)

		second := s.importedModel("bank", "few", m.Files[1], false)
		_, err = s.h.Models().PromoteModel(s.ctx, &pb.PromoteModelRequest{Name: second.Name})
		want.Error(s, err, codes.FailedPrecondition, "MODEL_GATE_FAILED")
		want.Equal(s, "model after the gate said no", s.score(lead).Fit.ModelVersion, first.Name)
		s.promote(second.Name)
		want.Equal(s, "model", s.score(lead).Fit.ModelVersion, second.Name)
		got, err := s.h.Models().GetModelVersion(s.ctx, &pb.GetModelVersionRequest{Name: first.Name})
		want.OK(s, err)
		want.Equal(s, "state of the first", got.State, pb.ModelVersion_STATE_RETIRED)
		for _, parent := range []string{"models/bank", "models/-"} {
			page, err := s.h.Models().ListModelVersions(s.ctx, &pb.ListModelVersionsRequest{Parent: parent})
			want.OK(s, err)
			want.Equal(s, "versions of "+parent, len(page.ModelVersions), 2)
		}

		want.OK(s, s.h.Restart())
		want.Equal(s, "model after a restart", s.score(lead).Fit.ModelVersion, second.Name)
		back, err := s.h.Models().RollbackModel(s.ctx, &pb.RollbackModelRequest{})
		want.OK(s, err)
		want.Equal(s, "rolled back to", back.ModelVersion.GetName(), first.Name)
		want.Same(s, "fit by the first again", s.score(lead).Fit, d.Fit)
		back, err = s.h.Models().RollbackModel(s.ctx, &pb.RollbackModelRequest{})
		want.OK(s, err)
		want.True(s, back.ModelVersion == nil, "rolled back to %v", back.ModelVersion)
		want.Same(s, "fit by the prior again", s.score(lead).Fit, cold.Fit)
	})
}

func TestForeignAndDamagedModelsAreRefused(t *testing.T) {
	withModels(t, func(s *story, m *bank.Trained) {
		file := m.Files[0]
		refused := func(what string, file []byte) {
			s.Helper()
			_, err := s.importModel("bad", "v", file, true)
			if err == nil {
				s.Fatalf("%s was taken", what)
			}
			if codes.FailedPrecondition == want.Code(err) {
				want.Error(s, err, codes.FailedPrecondition, "MODEL_UNSIGNED")
				return
			}
			want.Error(s, err, codes.InvalidArgument, "MODEL_INVALID")
		}
		refused("text", bytes.Repeat([]byte("not a model "), 1000))
		refused("an empty file", nil)
		for _, n := range []int{1, 8, 100, len(file) / 2, len(file) - 1} {
			refused(fmt.Sprintf("the first %d bytes", n), file[:n])
		}
		refused("bytes after the end", append(bytes.Clone(file), 0))
		for i := range 40 {
			changed := bytes.Clone(file)
			changed[i*(len(file)-1)/39] ^= 0x10
			refused(fmt.Sprintf("a bit changed at %d", i*(len(file)-1)/39), changed)
		}
		s.importedModel("bank", "v", file, false)
		_, err := s.importModel("bank", "v", m.Files[1], false)
		want.Error(s, err, codes.AlreadyExists, "MODEL_ALREADY_EXISTS")
		_, err = s.importModel("Not An Id", "v", file, false)
		want.Violation(s, err, "FIELD_INVALID", "model_id")
		_, err = s.h.Models().PromoteModel(s.ctx, &pb.PromoteModelRequest{Name: "models/bank/versions/none"})
		want.Error(s, err, codes.NotFound, "MODEL_NOT_FOUND")
		_, err = s.h.Models().GetModelVersion(s.ctx, &pb.GetModelVersionRequest{Name: "models/none/versions/v"})
		want.Error(s, err, codes.NotFound, "MODEL_NOT_FOUND")
		want.Equal(s, "source after all that", s.score(&pb.Lead{Email: "a@b.example"}).Fit.Source, pb.FitScore_SOURCE_PRIOR_SCORECARD)
	})
}

func TestAModelOfAStrangersKeyIsUnsigned(t *testing.T) {
	m, err := bank.Models()
	want.OK(t, err)
	tell(t, func(s *story) { // a house that trusts no key
		_, err := s.importModel("bank", "v", m.Files[0], false)
		want.Error(s, err, codes.FailedPrecondition, "MODEL_UNSIGNED")
	})
}

// Models are swapped a hundred times under load. No call may fail, and each answer's probability is the one of the version that it names.
func TestModelsAreSwappedUnderLoad(t *testing.T) {
	withModels(t, func(s *story, m *bank.Trained) {
		leads := s.bankLeads("swap", 0, 8)
		expected := map[string]string{} // version -> fits of all leads, bit for bit
		fits := func(decide func(*pb.Lead) *pb.FitScore) string {
			text := ""
			for _, lead := range leads {
				text += fmt.Sprintf("%x ", decide(lead).Probability)
			}
			return text
		}
		byScore := func(lead *pb.Lead) *pb.FitScore { return s.score(lead).Fit }
		var names []string
		for i, id := range []string{"full", "few"} {
			v := s.importedModel("bank", id, m.Files[i], false)
			s.promote(v.Name)
			expected[v.Name] = fits(byScore)
			names = append(names, v.Name)
		}
		want.True(s, expected[names[0]] != expected[names[1]], "the two models score alike: the test would see no mixture")

		var stop atomic.Bool
		var calls atomic.Int64
		var seen [2]atomic.Int64
		done := make(chan struct{})
		go func() {
			defer close(done)
			inParallel(s, 8, func(worker int) {
				for !stop.Load() {
					s.swapProbe(leads, expected, names, &seen, worker)
					calls.Add(1)
				}
			})
		}()
		loaded := func() bool { return calls.Load() >= 50 && seen[0].Load() > 0 && seen[1].Load() > 0 }
		for i := 0; i < 100 || (!loaded() && !s.Failed() && s.ctx.Err() == nil); i++ {
			s.promote(names[i%2])
		}
		stop.Store(true)
		<-done
		want.True(s, loaded(), "too little load: %d calls, %d and %d answers",
			calls.Load(), seen[0].Load(), seen[1].Load())
	})
}

// swapProbe has one batch scored and checks that every row was scored by the version that it names.
func (s *story) swapProbe(leads []*pb.Lead, expected map[string]string, names []string, seen *[2]atomic.Int64, worker int) {
	for i, lead := range leads {
		var fit *pb.FitScore
		if (i+worker)%2 == 0 {
			reply, err := s.h.Triage().ScoreLead(s.ctx, &pb.ScoreLeadRequest{Lead: lead})
			if err != nil {
				s.Errorf("score: %v", err)
				return
			}
			fit = reply.Decision.Fit
		} else {
			reply, err := s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{Lead: lead})
			if err != nil && want.Code(err) != codes.Aborted {
				s.Errorf("triage: %v", err)
				return
			} else if err != nil {
				continue // eight workers write the same eight leads: a conflict that outlasted all attempts is a lawful answer
			}
			fit = reply.Decision.Fit
		}
		probabilities := bytes.Fields([]byte(expected[fit.ModelVersion]))
		if len(probabilities) != len(leads) || string(probabilities[i]) != fmt.Sprintf("%x", fit.Probability) {
			s.Errorf("lead %d: %x by %s, which scores it otherwise", i, fit.Probability, fit.ModelVersion)
			return
		}
		for j, name := range names {
			if fit.ModelVersion == name {
				seen[j].Add(1)
			}
		}
	}
}
