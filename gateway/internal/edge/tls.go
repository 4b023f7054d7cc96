package edge

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
)

// pair is a certificate that is read again when its files change, at most once a second.
type pair struct {
	certFile, keyFile string

	mu      sync.Mutex
	cert    *tls.Certificate
	read    time.Time // modification time of what was read
	checked time.Time
}

func newPair(certFile, keyFile string) (*pair, error) {
	p := &pair{certFile: certFile, keyFile: keyFile}
	return p, p.load()
}

func (p *pair) load() error {
	changed, err := p.modified()
	if err != nil {
		return err
	}
	cert, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	if err != nil {
		return fmt.Errorf("certificate %s: %w", p.certFile, err)
	}
	p.cert, p.read = &cert, changed
	return nil
}

func (p *pair) modified() (time.Time, error) {
	var last time.Time
	for _, f := range []string{p.certFile, p.keyFile} {
		info, err := os.Stat(f)
		if err != nil {
			return last, err
		}
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last, nil
}

// get is the certificate now. Where new files cannot be used (they are often written one after the other) the old ones serve on.
func (p *pair) get() *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.checked) < time.Second {
		return p.cert
	}
	p.checked = time.Now()
	if changed, err := p.modified(); err == nil && changed.Equal(p.read) {
		return p.cert
	}
	if err := p.load(); err != nil {
		slog.Warn("certificate not renewed", "cause", err)
	} else {
		slog.Info("certificate renewed", "file", p.certFile)
	}
	return p.cert
}

func (p *pair) forServer(protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     protocols,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.get(), nil },
	}
}

// upstreamCreds are for a server that is not on this machine: both sides show certificates.
func upstreamCreds(caFile, certFile, keyFile string) (credentials.TransportCredentials, error) {
	if caFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New(caFile + " holds no certificate")
	}
	own, err := newPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	return credentials.NewTLS(&tls.Config{
		MinVersion:           tls.VersionTLS12,
		RootCAs:              roots,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own.get(), nil },
	}), nil
}
