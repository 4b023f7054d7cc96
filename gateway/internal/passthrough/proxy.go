// Package passthrough is the gRPC edge: it carries calls of all four shapes to the server as raw bytes, message by message, and keeps
// the limits that the server's own transport lacks.
package passthrough

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/fault"
	"github.com/marketing-agents/marketing/gateway/internal/metrics"
	"github.com/marketing-agents/marketing/gateway/internal/upstream"
)

const (
	statusDetails = "grpc-status-details-bin"
	maxMethod     = 256 // bytes of "/package.Service/Method"
)

type proxy struct {
	pool     *upstream.Pool
	codec    codec
	metrics  *metrics.Set
	logCalls bool
	inFlight *atomic.Int64
}

// Every shape is a case of this one.
var anyShape = &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}

// call is one call of any method that the gateway does not serve itself.
type call struct {
	*proxy
	method string
	id     string // request id
	down   grpc.ServerStream
}

func (p *proxy) handle(_ any, down grpc.ServerStream) error {
	began := time.Now()
	method, _ := grpc.MethodFromServerStream(down)
	c := &call{proxy: p, method: method, down: down}
	p.inFlight.Add(1)
	defer p.inFlight.Add(-1)
	st := c.carry()
	c.done(st, time.Since(began))
	return st.Err()
}

func (c *call) done(st *status.Status, took time.Duration) {
	route, code := routeOf(c.method), fault.CodeName(st.Code())
	c.metrics.Done("grpc", route, code, took)
	if c.logCalls {
		slog.Info("call", "protocol", "grpc", "route", route, "code", code,
			"ms", took.Milliseconds(), "request", c.id, "caller", upstream.Caller(c.down.Context()))
	}
}

// carry opens the call to the server when the first message (or the half-close) is there and not before: calls that are reset as soon
// as they are opened, by whoever floods us with them, never reach the server.
func (c *call) carry() *status.Status {
	if len(c.method) > maxMethod {
		return fault.New(pb.Reason_REASON_METHOD_UNKNOWN, "no such method is served")
	}
	in, _ := metadata.FromIncomingContext(c.down.Context())
	md, refused := upstream.Metadata(in, upstream.Caller(c.down.Context()))
	if refused != nil {
		return refused
	}
	c.id = md[upstream.RequestID][0]
	_ = c.down.SetHeader(metadata.Pairs(upstream.RequestID, c.id)) // fails only once headers are sent
	first, firstErr := receive(c.down)
	if firstErr != nil && !errors.Is(firstErr, io.EOF) {
		return fault.FromServer(firstErr)
	}
	ctx, cancel := context.WithCancelCause(metadata.NewOutgoingContext(c.down.Context(), md))
	defer cancel(nil)
	up, err := c.pool.NewStream(ctx, anyShape, c.method, grpc.ForceCodecV2(c.codec))
	if err != nil {
		return c.explain(err)
	}
	go requests(first, firstErr, c.down, up, cancel)
	return c.answers(ctx, up)
}

// requests carries the caller's messages on. It reads the next one when the server has taken the last: a server that does not read makes the
// caller wait. It ends with the call, at the latest when carry cancels it.
func requests(f *frame, err error, down grpc.ServerStream, up grpc.ClientStream, cancel context.CancelCauseFunc) {
	for {
		switch {
		case errors.Is(err, io.EOF):
			_ = up.CloseSend() // always nil
			return
		case err != nil: // hung up, or a message over a limit: the server must not take the end for a half-close
			cancel(err)
			return
		}
		if up.SendMsg(f) != nil {
			return // the call has ended; answers learns how
		}
		f, err = receive(down)
	}
}

// receive takes the caller's next message. The transport's own limit lies a little higher and ends a call with a bare code, which callers
// of far too large messages get; what is just over is refused here, with a reason.
func receive(down grpc.ServerStream) (*frame, error) {
	f := new(frame)
	if err := down.RecvMsg(f); err != nil {
		return nil, err
	}
	if f.data.Len() > upstream.MaxMessage {
		f.data.Free()
		return nil, fault.New(pb.Reason_REASON_REQUEST_TOO_LARGE, "a message is larger than the limit of %d bytes", upstream.MaxMessage).Err()
	}
	return f, nil
}

// answers carries headers, messages, trailers and status back.
func (c *call) answers(ctx context.Context, up grpc.ClientStream) *status.Status {
	if header, err := up.Header(); err == nil && header != nil {
		delete(header, upstream.RequestID) // set already, equal
		_ = c.down.SendHeader(header)      // fails where the caller is gone, as will SendMsg
	}
	for {
		f := new(frame)
		if err := up.RecvMsg(f); err != nil {
			return c.ending(ctx, err, up)
		}
		if err := c.down.SendMsg(f); err != nil {
			return fault.FromServer(err)
		}
	}
}

// ending is the call's status. Details are handed on as the bytes they came as: grpc-go would encode them anew.
func (c *call) ending(ctx context.Context, err error, up grpc.ClientStream) *status.Status {
	if errors.Is(err, io.EOF) {
		c.down.SetTrailer(up.Trailer())
		return status.New(codes.OK, "")
	}
	if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
		return fault.FromServer(cause)
	}
	trailer := up.Trailer()
	c.down.SetTrailer(trailer)
	st := status.Convert(err)
	if len(trailer[statusDetails]) > 0 {
		return status.New(st.Code(), st.Message())
	}
	return c.explain(err)
}

// explain turns an error that was made on the way into a status of the API, and logs what that does not tell.
func (c *call) explain(err error) *status.Status {
	st := fault.FromServer(err)
	if st.Code() == codes.Internal || st.Code() == codes.Unavailable {
		slog.Warn("call failed", "protocol", "grpc", "route", routeOf(c.method), "code", fault.CodeName(st.Code()), "request", c.id, "cause", err.Error())
	}
	return st
}

// routeOf is a method as a metrics label. Only methods of known services are told apart: their number is bounded.
func routeOf(method string) string {
	name := strings.TrimPrefix(method, "/")
	if known(name) {
		return name
	}
	return "other"
}
