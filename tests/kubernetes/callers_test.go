package kubernetes

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffegrpc/grpccredentials"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"google.golang.org/grpc/peer"

	configapi "github.com/dapr/dapr/pkg/apis/configuration/v1alpha1"
)

// callerContexts returns for each of the five services the context of a request with its sidecar's certificate. The
// certificate's trust domain comes from the sidecar's own Configuration.
func callerContexts(t *testing.T, all objects) map[string]context.Context {
	t.Helper()
	contexts := map[string]context.Context{}
	for _, app := range serviceDeployments(all) {
		own := findObject[configapi.Configuration](t, all, app.Name).Spec.AccessControlSpec
		contexts[app.Name] = callerContext(t, own.TrustDomain, app.Namespace, app.Name)
	}
	return contexts
}

// callerContext returns the context of a request that an app's sidecar sends over mutual TLS. Its certificate names the app
// with a SPIFFE id, like the certificates of Dapr's sentry.
func callerContext(t *testing.T, domain, namespace, app string) context.Context {
	t.Helper()
	name := spiffeid.RequireFromSegments(spiffeid.RequireTrustDomainFromString(domain), "ns", namespace, app)
	id := selfSignedSVID(t, name)
	trust := x509bundle.FromX509Authorities(name.TrustDomain(), id.Certificates)
	clientConn, serverConn := net.Pipe()
	defer clientConn.Close()
	defer serverConn.Close()
	clientDone := make(chan error, 1)
	go func() {
		credentials := grpccredentials.MTLSClientCredentials(id, trust, tlsconfig.AuthorizeAny())
		_, _, err := credentials.ClientHandshake(t.Context(), "", clientConn)
		clientDone <- err
	}()
	_, info, err := grpccredentials.MTLSServerCredentials(id, trust, tlsconfig.AuthorizeAny()).ServerHandshake(serverConn)
	if err == nil {
		err = <-clientDone
	}
	if err != nil {
		t.Fatal(err)
	}
	return peer.NewContext(context.Background(), &peer.Peer{AuthInfo: info})
}

// selfSignedSVID returns a self-signed certificate for a SPIFFE id (an X.509 SVID).
func selfSignedSVID(t *testing.T, name spiffeid.ID) *x509svid.SVID {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), URIs: []*url.URL{name.URL()}, NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return &x509svid.SVID{ID: name, Certificates: []*x509.Certificate{certificate}, PrivateKey: key}
}
