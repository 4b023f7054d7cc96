package exactlyonce

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/wire"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	duplicates = 3
	engage     = "/marketing.v1.EngageService/"
	leads      = "/marketing.v1.LeadService/"
	triage     = "/marketing.v1.TriageService/"
)

// clients are several programs that all make the same calls at the same time, each until it is answered. Their connection lasts over all
// starts of the server.
type clients struct {
	conn *grpc.ClientConn

	mu       sync.Mutex
	answered []call
	cut      map[string]int // calls of a method that a server took its answer to into its grave
}

// call is a call with a request id, to the byte.
type call struct {
	method         string
	request, reply []byte
}

func newClients(h *house.House) (*clients, error) {
	often := backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1.5, MaxDelay: 100 * time.Millisecond}
	conn, err := h.Dial(h.Address, grpc.WithConnectParams(grpc.ConnectParams{Backoff: often, MinConnectTimeout: time.Second}))
	return &clients{conn: conn, cut: map[string]int{}}, err
}

// until makes the call again and again until a server has answered it. One that comes in at the moment at which a server stops is CANCELLED.
func (c *clients) until(ctx context.Context, method string, request []byte) ([]byte, error) {
	for {
		limited, cancel := context.WithTimeout(ctx, patience)
		reply, err := wire.Call(limited, c.conn, method, request, grpc.WaitForReady(true))
		cancel()
		if code := status.Code(err); code != codes.Unavailable && code != codes.Canceled {
			return reply, err
		}
		c.mu.Lock()
		c.cut[method]++
		c.mu.Unlock()
	}
}

// all makes the call by every client at once and returns their replies.
func (c *clients) all(ctx context.Context, method string, m proto.Message) (request []byte, replies [][]byte, err error) {
	if request, err = proto.Marshal(m); err != nil {
		return nil, nil, err
	}
	replies = make([][]byte, duplicates)
	errs := make([]error, duplicates)
	var calls sync.WaitGroup
	for i := range duplicates {
		calls.Go(func() { replies[i], errs[i] = c.until(ctx, method, request) })
	}
	calls.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", method, err)
		}
	}
	return request, replies, nil
}

// ask makes a call that bears a request id: all get the same reply.
func (c *clients) ask(ctx context.Context, method string, m, reply proto.Message) error {
	request, replies, err := c.all(ctx, method, m)
	if err != nil {
		return err
	}
	for _, other := range replies[1:] {
		if !bytes.Equal(other, replies[0]) {
			return fmt.Errorf("%s was answered in two ways:\n%x\n%x", method, replies[0], other)
		}
	}
	c.mu.Lock()
	c.answered = append(c.answered, call{method, request, replies[0]})
	c.mu.Unlock()
	return proto.Unmarshal(replies[0], reply)
}

// askAgain makes all those calls once more: they are answered as they were.
func (c *clients) askAgain(ctx context.Context) error {
	for _, one := range c.answered {
		reply, err := c.until(ctx, one.method, one.request)
		if err != nil {
			return fmt.Errorf("%s again: %w", one.method, err)
		}
		if !bytes.Equal(reply, one.reply) {
			return fmt.Errorf("%s again was answered otherwise:\n%x\n%x", one.method, reply, one.reply)
		}
	}
	return nil
}

// happens reports a lead's event. It bears an id of its own, and no request id.
func (c *clients) happens(ctx context.Context, e *pb.LeadEvent) error {
	_, replies, err := c.all(ctx, leads+"IngestEvents", &pb.IngestEventsRequest{Events: []*pb.LeadEvent{e}})
	if err != nil {
		return err
	}
	reply := &pb.IngestEventsResponse{}
	return fits(replies, reply, func() []*pb.RowStatus { return reply.Statuses })
}

// arrived reports that a message was delivered.
func (c *clients) arrived(ctx context.Context, transportID string) error {
	e := &pb.DeliveryEvent{EventId: "arrived-" + transportID, TransportId: transportID, Type: pb.DeliveryEvent_TYPE_DELIVERED}
	_, replies, err := c.all(ctx, engage+"RecordDeliveryEvents", &pb.RecordDeliveryEventsRequest{Events: []*pb.DeliveryEvent{e}})
	if err != nil {
		return err
	}
	reply := &pb.RecordDeliveryEventsResponse{}
	return fits(replies, reply, func() []*pb.RowStatus { return reply.Statuses })
}

// fits checks that every reply took its one row, now or before.
func fits(replies [][]byte, reply proto.Message, statuses func() []*pb.RowStatus) error {
	for _, b := range replies {
		if err := proto.Unmarshal(b, reply); err != nil {
			return err
		}
		if s := statuses(); len(s) != 1 || s[0].GetCode() != 0 {
			return fmt.Errorf("an event was refused: %v", s)
		}
	}
	return nil
}
