package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"google.golang.org/grpc"
)

// callers call in many ways until they are told to stop, and count what failed.
type callers struct {
	h     *house.House
	stop  chan struct{}
	all   sync.WaitGroup
	calls atomic.Int64
	mu    sync.Mutex
	lost  []string
}

// each runs one kind of call over and over.
func (c *callers) each(kind string, call func(context.Context) error) {
	c.all.Go(func() {
		for {
			select {
			case <-c.stop:
				return
			default:
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			if err := call(ctx); err != nil {
				c.mu.Lock()
				c.lost = append(c.lost, kind+": "+err.Error())
				c.mu.Unlock()
			}
			c.calls.Add(1)
			cancel()
			time.Sleep(5 * time.Millisecond)
		}
	})
}

func systemStatus(ctx context.Context, conn grpc.ClientConnInterface) error {
	_, err := pb.NewSystemServiceClient(conn).GetSystemStatus(ctx, &pb.GetSystemStatusRequest{})
	return err
}

// anew calls over a connection of its own.
func (c *callers) anew(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := c.h.Dial(address)
		if err != nil {
			return err
		}
		defer conn.Close()
		return systemStatus(ctx, conn)
	}
}

// chat keeps one stream open and sends it a row each time.
func (c *callers) chat(t *testing.T, conn grpc.ClientConnInterface) func(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	stream, err := pb.NewTriageServiceClient(conn).StreamTriage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	return func(context.Context) error {
		rows++
		row := &pb.StreamTriageRequest{CorrelationId: fmt.Sprint(rows), Lead: &pb.Lead{Email: fmt.Sprintf("r%d@tls.example", rows)}}
		if err := stream.Send(row); err != nil {
			return err
		}
		reply, err := stream.Recv()
		if err == nil && reply.GetCorrelationId() != row.GetCorrelationId() {
			err = fmt.Errorf("row %s is answered by %s", row.GetCorrelationId(), reply.GetCorrelationId())
		}
		return err
	}
}

// shown is the serial number of the certificate that a new connection meets.
func shown(h *house.House, address string) (string, error) {
	config := h.Keys.TLS()
	config.NextProtos = []string{"h2"}
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String(), nil
}

// renew replaces the certificate of a place as badly as can be: first half of it, later the rest, then the key.
func renew(t *testing.T, h *house.House, place string) (serial string) {
	t.Helper()
	certFile, keyFile := h.Keys.Files(place)
	pair := h.Keys.Authority.Issue(time.Hour)
	for _, step := range []struct {
		file string
		text []byte
	}{{certFile, pair.Cert[:len(pair.Cert)/2]}, {certFile, pair.Cert}, {keyFile, pair.Key}} {
		time.Sleep(30 * time.Millisecond)
		if err := os.WriteFile(step.file, step.text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return pair.TLS().Leaf.SerialNumber.String()
}

// spoil leaves half a certificate in a place until the program has met it, which its log tells.
func spoil(t *testing.T, h *house.House, place string, log func() string) {
	t.Helper()
	certFile, _ := h.Keys.Files(place)
	text := h.Keys.Authority.Issue(time.Hour).Cert
	if err := os.WriteFile(certFile, text[:len(text)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	want.Soon(t, "the log of "+place+" tells of a file that is not to be taken", func() (bool, any) { return strings.Contains(log(), "refused"), nil })
}

// becomes waits until new connections meet the certificate.
func becomes(t *testing.T, h *house.House, address, serial string) {
	t.Helper()
	want.Soon(t, address+" shows "+serial, func() (bool, any) {
		got, err := shown(h, address)
		return got == serial, fmt.Sprint(got, err)
	})
}

func TestCertificatesAreRenewedWithoutALostCall(t *testing.T) {
	h := house.New(t, house.Options{Gateway: true, TLS: true, Env: []string{"LOG_CALLS=false"}})
	rest := strings.TrimPrefix(h.GatewayREST, "https://")
	c := &callers{h: h, stop: make(chan struct{})}
	c.each("server", func(ctx context.Context) error { return systemStatus(ctx, h.Conn()) })
	c.each("server, new connection", c.anew(h.Address))
	c.each("server, stream", c.chat(t, h.Conn()))
	c.each("gateway", func(ctx context.Context) error { return systemStatus(ctx, h.GatewayConn()) })
	c.each("gateway, new connection", c.anew(h.GatewayGRPC))
	c.each("gateway, stream", c.chat(t, h.GatewayConn()))
	c.each("REST", func(context.Context) error {
		a, err := h.REST(http.MethodGet, "/v1/systemStatus", nil)
		if err == nil && a.Code != http.StatusOK {
			err = fmt.Errorf("HTTP %d: %s", a.Code, a.Body)
		}
		return err
	})
	spoil(t, h, "server", h.Log)
	spoil(t, h, "gateway", h.GatewayLog)
	for range 20 {
		server, gateway := renew(t, h, "server"), renew(t, h, "gateway")
		renew(t, h, "upstream")
		becomes(t, h, h.Address, server)
		becomes(t, h, h.GatewayGRPC, gateway)
		becomes(t, h, rest, gateway)
	}
	close(c.stop)
	c.all.Wait()
	if len(c.lost) > 0 {
		t.Errorf("%d of %d calls were lost, the first: %s", len(c.lost), c.calls.Load(), c.lost[0])
	}
	t.Logf("%d calls", c.calls.Load())
	for program, log := range map[string]string{"server": h.Log(), "gateway": h.GatewayLog()} {
		if strings.Contains(log, "PRIVATE KEY") {
			t.Errorf("the %s's log shows a private key", program)
		}
	}
}

func TestTheServerTakesOnlyClientsWithItsAuthoritysCertificate(t *testing.T) {
	h := house.New(t, house.Options{TLS: true})
	for name, change := range map[string]func(*tls.Config){
		"TLS 1.1":        func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
		"no certificate": func(c *tls.Config) { c.Certificates = nil },
	} {
		config := h.Keys.TLS()
		config.NextProtos = []string{"h2"}
		change(config)
		conn, err := tls.Dial("tcp", h.Address, config)
		if err == nil { // with TLS 1.3 the refusal comes with the first read
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			_, err = conn.Read(make([]byte, 1))
			_ = conn.Close()
		}
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := systemStatus(t.Context(), h.Conn()); err != nil {
		t.Error(err)
	}
}
