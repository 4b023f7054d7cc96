package passthrough

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that own services fall back to
	"google.golang.org/grpc/mem"
)

// frame is one message as it stands on the wire. It is received and sent, never read.
type frame struct {
	data mem.BufferSlice
}

// codec passes frames through by reference, without a copy, and leaves everything else (the gateway's own health service) to protobuf.
type codec struct {
	proto encoding.CodecV2
}

func newCodec() codec {
	return codec{encoding.GetCodecV2("proto")}
}

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if f, ok := v.(*frame); ok {
		data := f.data // gRPC frees what it is given
		f.data = nil
		return data, nil
	}
	return c.proto.Marshal(v)
}

func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if f, ok := v.(*frame); ok {
		if f.data != nil {
			return fmt.Errorf("a frame is received into once")
		}
		data.Ref() // gRPC frees its own reference when this returns
		f.data = data
		return nil
	}
	return c.proto.Unmarshal(data, v)
}

func (c codec) Name() string {
	return "proto"
}
