package house

import (
	"context"
	"errors"
	"io"
	"os"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
)

const chunk = 1 << 18

// ImportModel streams a model file to the server.
func (h *House) ImportModel(ctx context.Context, model, version string, file []byte, promote bool) error {
	stream, err := h.Models().ImportModel(ctx)
	if err != nil {
		return err
	}
	m := &pb.ImportModelRequest{ModelId: model, VersionId: version, Promote: promote}
	for first := true; first || len(file) > 0; first = false {
		n := min(len(file), chunk)
		m.Content, file = file[:n], file[n:]
		if err := stream.Send(m); errors.Is(err, io.EOF) {
			break // answered already
		} else if err != nil {
			return err
		}
		m = &pb.ImportModelRequest{}
	}
	_, err = stream.CloseAndRecv()
	return err
}

// ImportFile streams a CSV file to the server.
func (h *House) ImportFile(ctx context.Context, spec *pb.LeadImportSpec, path string) (*pb.LeadImport, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	stream, err := h.Leads().ImportLeads(ctx)
	if err != nil {
		return nil, err
	}
	piece := make([]byte, chunk)
	for offset := int64(0); ; {
		n, err := f.Read(piece)
		if errors.Is(err, io.EOF) {
			return stream.CloseAndRecv()
		} else if err != nil {
			return nil, err
		}
		if err := stream.Send(&pb.ImportLeadsRequest{Spec: spec, Offset: offset, Content: piece[:n]}); errors.Is(err, io.EOF) {
			return stream.CloseAndRecv()
		} else if err != nil {
			return nil, err
		}
		spec, offset = nil, offset+int64(n)
	}
}
