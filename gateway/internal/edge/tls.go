package edge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
)

// Files are compared with what is in use at a handshake, at most this often: strangers pay for handshakes with less than we do.
const lookEvery = 200 * time.Millisecond

// keyring is a certificate with its key and, for talking to the server, the authorities to believe. It follows its files: once they have changed
// and belong together, the handshakes from then on use them. What cannot be used (half written, a key of another certificate, expired)
// changes nothing, and one log line says why.
type keyring struct {
	certFile, keyFile, rootsFile string // rootsFile may be ""

	mu     sync.Mutex
	now    material
	seen   [sha256.Size]byte // of the files when they were last looked at, usable or not
	looked time.Time
}

type material struct {
	cert  tls.Certificate
	roots *x509.CertPool
}

// openKeyring fails where the files cannot be used.
func openKeyring(certFile, keyFile, rootsFile string) (*keyring, error) {
	k := &keyring{certFile: certFile, keyFile: keyFile, rootsFile: rootsFile, looked: time.Now()}
	m, seen, err := k.read()
	if err != nil {
		return nil, err
	}
	k.now, k.seen = m, seen
	return k, nil
}

// get is what to use in a handshake now.
func (k *keyring) get() material {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.looked) < lookEvery {
		return k.now
	}
	k.looked = time.Now()
	m, seen, err := k.read()
	if seen == k.seen {
		return k.now
	}
	k.seen = seen
	if err != nil {
		slog.Warn("certificate refused", "file", k.certFile, "cause", err)
		return k.now
	}
	slog.Info("certificate renewed", "file", k.certFile, "expires", m.cert.Leaf.NotAfter)
	k.now = m
	return m
}

// read reads the files and checks them together. The digest is of what they hold, or of why they cannot be read.
func (k *keyring) read() (m material, digest [sha256.Size]byte, err error) {
	var texts [3][]byte
	all := sha256.New()
	for i, name := range []string{k.certFile, k.keyFile, k.rootsFile} {
		if name == "" {
			continue
		}
		if texts[i], err = os.ReadFile(name); err != nil {
			return m, sha256.Sum256([]byte(err.Error())), err
		}
		one := sha256.Sum256(texts[i])
		all.Write(one[:])
	}
	m, err = k.check(texts[0], texts[1], texts[2])
	return m, [sha256.Size]byte(all.Sum(nil)), err
}

func (k *keyring) check(cert, key, roots []byte) (m material, err error) {
	if err = whole(cert); err != nil {
		return m, fmt.Errorf("%s: %w", k.certFile, err)
	}
	if m.cert, err = tls.X509KeyPair(cert, key); err != nil {
		return m, fmt.Errorf("%s with %s: %w", k.certFile, k.keyFile, err)
	}
	if time.Now().After(m.cert.Leaf.NotAfter) {
		return m, fmt.Errorf("%s: the certificate has expired", k.certFile)
	}
	if k.rootsFile == "" {
		return m, nil
	}
	m.roots = x509.NewCertPool()
	if err = whole(roots); err == nil && !m.roots.AppendCertsFromPEM(roots) {
		err = errors.New("holds no certificate")
	}
	if err != nil {
		return m, fmt.Errorf("%s: %w", k.rootsFile, err)
	}
	return m, nil
}

// whole tells a file that was cut short: Go takes the blocks before the cut.
func whole(text []byte) error {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block != nil {
			continue
		}
		if bytes.Contains(text, []byte("-----BEGIN")) {
			return errors.New("holds half a certificate")
		}
		return nil
	}
}

func (k *keyring) forServer(protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: protocols,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			m := k.get()
			return &m.cert, nil
		},
	}
}

// upstreamCreds are for talking to the server: both sides show certificates. Connections opened after a renewal use what is new.
type upstreamCreds struct {
	credentials.TransportCredentials
	keys *keyring
	name string // that the server's certificate must bear; "": the host that is called
}

func newUpstreamCreds(keys *keyring, name string) credentials.TransportCredentials {
	return upstreamCreds{credentials.NewTLS(&tls.Config{ServerName: name}), keys, name}
}

func (c upstreamCreds) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	m := c.keys.get()
	return credentials.NewTLS(&tls.Config{
		MinVersion:   tls.VersionTLS12,
		ServerName:   c.name,
		RootCAs:      m.roots,
		Certificates: []tls.Certificate{m.cert},
	}).ClientHandshake(ctx, authority, raw)
}

func (c upstreamCreds) Clone() credentials.TransportCredentials {
	return upstreamCreds{c.TransportCredentials.Clone(), c.keys, c.name}
}
