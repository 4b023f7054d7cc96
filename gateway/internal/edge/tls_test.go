package edge_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/double"
)

// selfSigned writes a fresh certificate for 127.0.0.1 to two files.
func selfSigned(t *testing.T, certFile, keyFile string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "test"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err = os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func trusting(cert *x509.Certificate) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{RootCAs: roots}
}

func TestTLSOnBothListenersAndItsRenewal(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	old := selfSigned(t, certFile, keyFile)
	s := start(t, "--tls-cert", certFile, "--tls-key", keyFile)

	conn, err := grpc.NewClient(s.edge.GRPCAddress(), grpc.WithTransportCredentials(credentials.NewTLS(trusting(old))))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err = pb.NewLeadServiceClient(conn).GetLead(within(t, 5*time.Second), &pb.GetLeadRequest{Name: "leads/a"}); err != nil {
		t.Error(err)
	}
	get := func(cert *x509.Certificate) (*http.Response, error) {
		transport := &http.Transport{TLSClientConfig: trusting(cert), ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		r, err := http.NewRequestWithContext(context.Background(), "GET", "https://"+s.edge.HTTPAddress()+"/health/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := (&http.Client{Transport: transport, Timeout: 5 * time.Second}).Do(r)
		if err == nil {
			_ = res.Body.Close()
		}
		return res, err
	}
	res, err := get(old)
	if err != nil || res.ProtoMajor != 2 || res.Header.Get("Strict-Transport-Security") == "" {
		t.Fatalf("%v %v", res, err)
	}
	if _, err = tls.Dial("tcp", s.edge.HTTPAddress(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is taken")
	}

	time.Sleep(1100 * time.Millisecond) // files are looked at once a second
	renewed := selfSigned(t, certFile, keyFile)
	if _, err = get(renewed); err != nil {
		t.Errorf("after the renewal: %v", err)
	}
	if _, err = pb.NewLeadServiceClient(conn).GetLead(within(t, 5*time.Second), &pb.GetLeadRequest{Name: "leads/a"}); err != nil {
		t.Errorf("the connection from before: %v", err)
	}
	time.Sleep(1100 * time.Millisecond)
	if err = os.WriteFile(certFile, []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = get(renewed); err != nil {
		t.Errorf("with a broken file the old certificate serves on: %v", err)
	}
}

func TestServerOnAUnixSocket(t *testing.T) {
	s := startBefore(t, double.StartUnix(t))
	if a := s.call("GET", "/v1/leads/a", ""); a.StatusCode != 200 {
		t.Error(a.StatusCode, a.body)
	}
	if a := s.call("GET", "/health", ""); a.StatusCode != 200 {
		t.Error(a.StatusCode, a.body)
	}
}

func TestMutualTLSWithTheServer(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	cert := selfSigned(t, certFile, keyFile) // both sides show it and trust it
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(cert)
	server := double.Start(t, grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert,
	})))
	s := startBefore(t, server, "--upstream-ca", certFile, "--upstream-cert", certFile, "--upstream-key", keyFile)
	if a := s.call("GET", "/v1/leads/a", ""); a.StatusCode != 200 {
		t.Error(a.StatusCode, a.body)
	}
	plain := startBefore(t, server)
	if a := plain.call("GET", "/v1/leads/a", ""); a.StatusCode != 503 {
		t.Errorf("without a certificate: %d %s", a.StatusCode, a.body)
	}
}
