package house

import (
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/marketing-agents/marketing/tests/lib/pki"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// Keys are the certificates of a house with TLS, all of one authority: the server's, the gateway's for its callers, the gateway's for the
// server. The house's own connections show one too. Each bears the Name of its place.
type Keys struct {
	Authority *pki.Authority
	folder    string
	own       tls.Certificate
	rest      *http.Client
}

// Places are what a certificate is for.
var Places = []string{"server", "gateway", "upstream"}

// Name is the URI in a place's certificate; the house's own place is "caller".
func Name(place string) string { return "spiffe://house.test/" + place }

func newKeys(folder string) (*Keys, error) {
	k := &Keys{Authority: pki.NewAuthority("house"), folder: folder}
	k.own = k.Authority.Issue(time.Hour, Name("caller")).TLS()
	k.rest = &http.Client{Timeout: client.Timeout, CheckRedirect: client.CheckRedirect, Transport: &http.Transport{TLSClientConfig: k.TLS(), ForceAttemptHTTP2: true}}
	if err := os.WriteFile(k.ca(), k.Authority.PEM, 0o600); err != nil {
		return nil, err
	}
	for _, place := range Places {
		cert, key := k.Files(place)
		if err := k.Authority.Issue(time.Hour, Name(place)).Write(cert, key); err != nil {
			return nil, err
		}
	}
	return k, nil
}

func (k *Keys) ca() string { return filepath.Join(k.folder, "ca.pem") }

// Files are where the certificate of a place and its key lie.
func (k *Keys) Files(place string) (cert, key string) {
	return filepath.Join(k.folder, place+".pem"), filepath.Join(k.folder, place+".key")
}

// TLS is a new configuration of a client that knows the house and that it knows.
func (k *Keys) TLS() *tls.Config {
	c := pki.Trust(k.Authority)
	c.Certificates = []tls.Certificate{k.own}
	return c
}

func (h *House) credentials() credentials.TransportCredentials {
	if h.Keys == nil {
		return insecure.NewCredentials()
	}
	return credentials.NewTLS(h.Keys.TLS())
}

func (h *House) restClient() *http.Client {
	if h.Keys == nil {
		return client
	}
	return h.Keys.rest
}

// serverKeys are the server's options for TLS, as environment.
func (h *House) serverKeys() []string {
	if h.Keys == nil {
		return nil
	}
	cert, key := h.Keys.Files("server")
	return []string{"TLS_CERT=" + cert, "TLS_KEY=" + key, "TLS_CLIENT_CA=" + h.Keys.ca()}
}

// gatewayKeys are the gateway's.
func (h *House) gatewayKeys() []string {
	if h.Keys == nil {
		return nil
	}
	cert, key := h.Keys.Files("gateway")
	upCert, upKey := h.Keys.Files("upstream")
	return []string{"--tls-cert", cert, "--tls-key", key, "--upstream-ca", h.Keys.ca(), "--upstream-cert", upCert, "--upstream-key", upKey}
}
