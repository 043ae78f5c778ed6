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

// callers returns a request context for each of the five services, on a connection with its sidecar's certificate. The
// certificate's trust domain comes from the sidecar's own Configuration.
func callers(t *testing.T, all objects) map[string]context.Context {
	t.Helper()
	people := map[string]context.Context{}
	for _, app := range apps(all) {
		own := named[configapi.Configuration](t, all, app.Name).Spec.AccessControlSpec
		people[app.Name] = caller(t, own.TrustDomain, app.Namespace, app.Name)
	}
	return people
}

// caller returns the context of a request over mutual TLS from the app with that name. Its certificate names the app with a
// SPIFFE id, as Dapr's sentry does.
func caller(t *testing.T, domain, namespace, app string) context.Context {
	t.Helper()
	who := spiffeid.RequireFromSegments(spiffeid.RequireTrustDomainFromString(domain), "ns", namespace, app)
	id := certified(t, who)
	trust := x509bundle.FromX509Authorities(who.TrustDomain(), id.Certificates)
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	failed := make(chan error, 1)
	go func() {
		_, _, err := grpccredentials.MTLSClientCredentials(id, trust, tlsconfig.AuthorizeAny()).ClientHandshake(t.Context(), "", near)
		failed <- err
	}()
	_, info, err := grpccredentials.MTLSServerCredentials(id, trust, tlsconfig.AuthorizeAny()).ServerHandshake(far)
	if err == nil {
		err = <-failed
	}
	if err != nil {
		t.Fatal(err)
	}
	return peer.NewContext(context.Background(), &peer.Peer{AuthInfo: info})
}

// certified returns a self-signed certificate.
func certified(t *testing.T, who spiffeid.ID) *x509svid.SVID {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), URIs: []*url.URL{who.URL()}, NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	raw, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return &x509svid.SVID{ID: who, Certificates: []*x509.Certificate{certificate}, PrivateKey: key}
}
