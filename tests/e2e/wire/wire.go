// Package wire sends and receives the bytes of messages as they are, past Go's own encoding and checks.
package wire

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
)

// codec passes byte slices through.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) ([]byte, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("wire: %T is not *[]byte", v)
	}
	return *b, nil
}

func (codec) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("wire: %T is not *[]byte", v)
	}
	*b = append((*b)[:0], data...)
	return nil
}

// Option makes a call carry *[]byte instead of messages.
func Option() grpc.CallOption { return grpc.ForceCodec(codec{}) }

// Call makes a unary call with these bytes and returns the reply's. method is "/package.Service/Method".
func Call(ctx context.Context, conn grpc.ClientConnInterface, method string, request []byte, options ...grpc.CallOption) ([]byte, error) {
	var reply []byte
	err := conn.Invoke(ctx, method, &request, &reply, append(options, Option())...)
	return reply, err
}
