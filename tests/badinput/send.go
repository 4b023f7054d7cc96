package badinput

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/wire"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// patience is how long anything may take that takes moments on a machine with no other work.
const patience = 2 * time.Minute

// descriptor finds a method by its path "/package.Service/Method".
func descriptor(path string) (protoreflect.MethodDescriptor, error) {
	service, method, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil, err
	}
	m := d.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(method))
	if m == nil {
		return nil, fmt.Errorf("no method %s", path)
	}
	return m, nil
}

func newMessage(d protoreflect.MessageDescriptor) (proto.Message, error) {
	t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		return nil, err
	}
	return t.New().Interface(), nil
}

// methods lists every method of our package.
func methods() []string {
	var all []string
	protoregistry.GlobalFiles.RangeFilesByPackage("marketing.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			s := f.Services().Get(i)
			for j := range s.Methods().Len() {
				all = append(all, fmt.Sprintf("/%s/%s", s.FullName(), s.Methods().Get(j).Name()))
			}
		}
		return true
	})
	return all
}

// send makes the call and returns all replies and how it ended. A stream gets the bad message as its first one or, after the seed, as its
// second.
func send(conn *grpc.ClientConn, in input, s seed, asSecond bool) ([][]byte, error) {
	return sendWith(context.Background(), conn, in, s, asSecond)
}

// sendAs makes the call with another credential than the house's.
func sendAs(conn *grpc.ClientConn, token string, s seed, message []byte) ([][]byte, error) {
	return sendWith(house.As(context.Background(), token), conn, input{method: s.method, bytes: message}, s, false)
}

func sendWith(ctx context.Context, conn *grpc.ClientConn, in input, s seed, asSecond bool) ([][]byte, error) {
	m, err := descriptor(in.method)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience) // a password takes seconds on a busy machine
	defer cancel()
	if !m.IsStreamingClient() && !m.IsStreamingServer() {
		reply, err := wire.Call(ctx, conn, in.method, in.bytes)
		return [][]byte{reply}, err
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{StreamName: string(m.Name()), ClientStreams: m.IsStreamingClient(), ServerStreams: m.IsStreamingServer()},
		in.method, wire.Option())
	if err != nil {
		return nil, err
	}
	messages := [][]byte{in.bytes}
	if asSecond {
		messages = [][]byte{s.valid(), in.bytes}
	}
	for _, b := range messages {
		if err := stream.SendMsg(&b); errors.Is(err, io.EOF) {
			break // it has ended already: receiving tells how
		} else if err != nil {
			return nil, err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	return receive(stream, strings.HasPrefix(string(m.Name()), "Watch"))
}

// receive takes all replies; of a watch, which has no end, the first.
func receive(stream grpc.ClientStream, endless bool) ([][]byte, error) {
	var replies [][]byte
	for {
		var b []byte
		if err := stream.RecvMsg(&b); errors.Is(err, io.EOF) {
			return replies, nil
		} else if err != nil {
			return replies, err
		}
		replies = append(replies, b)
		if endless {
			return replies, nil
		}
	}
}

// streams says whether the method takes a stream of messages.
func streams(method string) bool {
	m, err := descriptor(method)
	return err == nil && m.IsStreamingClient()
}
