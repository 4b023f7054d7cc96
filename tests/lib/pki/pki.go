// Package pki makes throw-away certificate authorities, and certificates of theirs, for tests.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"strings"
	"time"
)

// Authority signs certificates.
type Authority struct {
	PEM  []byte // its own certificate
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Pair is a certificate and its private key, in PEM.
type Pair struct {
	Cert, Key []byte
}

// NewAuthority makes one.
func NewAuthority(name string) *Authority {
	key := newKey()
	template := template(name)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	der := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	return &Authority{PEM: encode("CERTIFICATE", der), cert: must(x509.ParseCertificate(der)), key: key}
}

// Issue makes a certificate for this machine, good for servers and clients, that is valid for so long from now on. Names are further names:
// URIs where they have a colon, else DNS names.
func (a *Authority) Issue(valid time.Duration, names ...string) Pair {
	key := newKey()
	template := template("test")
	template.NotAfter = time.Now().Add(valid)
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	template.DNSNames = []string{"localhost"}
	for _, name := range names {
		if strings.Contains(name, ":") {
			template.URIs = append(template.URIs, must(url.Parse(name)))
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der := must(x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key))
	return Pair{Cert: encode("CERTIFICATE", der), Key: encode("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key)))}
}

// Trust is a configuration that believes these authorities.
func Trust(authorities ...*Authority) *tls.Config {
	roots := x509.NewCertPool()
	for _, a := range authorities {
		roots.AddCert(a.cert)
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// TLS is the pair as a program's own.
func (p Pair) TLS() tls.Certificate {
	return must(tls.X509KeyPair(p.Cert, p.Key))
}

// Write writes both parts, one after the other.
func (p Pair) Write(certFile, keyFile string) error {
	if err := os.WriteFile(certFile, p.Cert, 0o600); err != nil {
		return err
	}
	return os.WriteFile(keyFile, p.Key, 0o600)
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: must(rand.Int(rand.Reader, big.NewInt(1<<62))),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
}

func newKey() *ecdsa.PrivateKey {
	return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// Nothing here fails but by our own mistake.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
