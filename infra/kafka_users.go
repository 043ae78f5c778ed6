package infra

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"

	"comanda/services"
	"comanda/services/comanda/kafka"
	"comanda/services/event"
)

// kafkaAdmin is the user of the broker itself and of this package. The broker grants it everything.
const kafkaAdmin = "admin"

// apacheUserSettings replace the listeners of apacheSettings: clients need TLS and a password, and may do only what an ACL allows.
// The admin's password is in the settings (PLAIN), because the broker needs a user before it can store any. The other users are
// stored in the broker (SCRAM).
const apacheUserSettings = `
listeners=SASL://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=SASL://127.0.0.1:%[1]d
listener.security.protocol.map=SASL:SASL_SSL,CONTROLLER:SASL_PLAINTEXT
inter.broker.listener.name=SASL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.mechanism.controller.protocol=PLAIN
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="%[3]s" password="%[4]s" user_%[3]s="%[4]s";
listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="%[3]s" password="%[4]s" user_%[3]s="%[4]s";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:%[3]s
allow.everyone.if.no.acl.found=false
ssl.keystore.type=PEM
ssl.keystore.location=%[5]s
ssl.truststore.type=PEM
ssl.truststore.location=%[6]s
`

// kafkaUsers are the users of a broker with authentication, and the certificate that its clients check.
type kafkaUsers struct {
	passwords map[string]string // by user
	cert      string            // PEM
	key       string            // PEM
}

// newKafkaUsers returns new passwords for the admin and for every user of event.AllRights, and a new certificate for 127.0.0.1.
func newKafkaUsers() (*kafkaUsers, error) {
	u := &kafkaUsers{passwords: map[string]string{kafkaAdmin: rand.Text()}}
	for user := range event.AllRights() {
		u.passwords[user] = rand.Text()
	}
	var err error
	u.cert, u.key, err = newCertificate()
	return u, err
}

// write writes the certificate and its key, and returns the broker's further settings.
func (u *kafkaUsers) write(a apache, port, controller int) (settings string, err error) {
	keystore, truststore := a.path("server.pem"), a.path("ca.pem")
	return fmt.Sprintf(apacheUserSettings, port, controller, kafkaAdmin, u.passwords[kafkaAdmin], keystore, truststore), errors.Join(
		os.WriteFile(keystore, []byte(u.key+u.cert), 0o600),
		os.WriteFile(truststore, []byte(u.cert), 0o600),
	)
}

// settings returns the settings of a user's clients.
func (u *kafkaUsers) settings(brokers, user string) kafka.Settings {
	mechanism := "SHA-512"
	if user == kafkaAdmin {
		mechanism = "PLAINTEXT"
	}
	return kafka.Settings{Brokers: brokers, AuthType: "password", Username: user, Password: u.passwords[user],
		Mechanism: mechanism, CACert: u.cert}
}

// create stores the users in the broker and gives each its rights.
func (u *kafkaUsers) create(ctx context.Context, admin kafka.Settings) error {
	client, err := kafka.Connect(admin)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for user, password := range u.passwords {
		if user == kafkaAdmin {
			continue
		}
		if err := kafka.AddUser(ctx, client, user, password); err != nil {
			return fmt.Errorf("create the user %s: %w", user, err)
		}
	}
	_, _, err = kafka.SetRights(ctx, client, event.AllRights())
	return err
}

// serviceSettings returns a function that returns the settings of a service's sidecar.
func (u *kafkaUsers) serviceSettings(brokers string) func(string) (kafka.Settings, error) {
	return func(service string) (kafka.Settings, error) { return u.settings(brokers, service), nil }
}

// newCertificate returns a certificate for 127.0.0.1 that is its own authority, and its key.
func newCertificate() (cert, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "comanda's broker"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return "", "", err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	block := func(kind string, bytes []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", encoded), err
}

// SidecarEnvirons returns the settings for Kafka of each service's sidecar. No other program may get them.
func (s *Servers) SidecarEnvirons() (map[string]map[string]string, error) {
	environs := map[string]map[string]string{}
	for _, service := range services.Names {
		settings, err := s.Kafka.ServiceSettings(service)
		if err != nil {
			return nil, err
		}
		environs[service] = settings.Environ()
	}
	return environs, nil
}
