package kafka

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"comanda/services/secret"
)

// Settings say how to reach Kafka. Their names and values are those of Dapr's component pubsub.kafka
// (https://docs.dapr.io/reference/components-reference/supported-pubsub/setup-apache-kafka/), so that a sidecar and our own programs
// read the same variables. The zero value of everything but Brokers is a connection without TLS and without authentication.
type Settings struct {
	Brokers    string // KAFKA_BROKERS: host:port, or a comma-separated list of them
	AuthType   string // KAFKA_AUTH_TYPE: none, certificate, password or mtls; all but none use TLS
	Username   string // KAFKA_SASL_USERNAME, for password
	Password   string // KAFKA_SASL_PASSWORD, for password
	Mechanism  string // KAFKA_SASL_MECHANISM: SHA-512, SHA-256 or PLAINTEXT
	DisableTLS string // KAFKA_DISABLE_TLS: true sends everything, with PLAINTEXT the password too, unencrypted
	CACert     string // KAFKA_CA_CERT: PEM; empty means the certificates of the system
	ClientCert string // KAFKA_CLIENT_CERT: PEM, for mtls
	ClientKey  string // KAFKA_CLIENT_KEY: PEM, for mtls
}

// variables returns the settings with the names of their variables.
func (s *Settings) variables() map[string]*string {
	return map[string]*string{
		"KAFKA_BROKERS": &s.Brokers, "KAFKA_AUTH_TYPE": &s.AuthType, "KAFKA_SASL_USERNAME": &s.Username,
		"KAFKA_SASL_PASSWORD": &s.Password, "KAFKA_SASL_MECHANISM": &s.Mechanism, "KAFKA_DISABLE_TLS": &s.DisableTLS,
		"KAFKA_CA_CERT": &s.CACert, "KAFKA_CLIENT_CERT": &s.ClientCert, "KAFKA_CLIENT_KEY": &s.ClientKey,
	}
}

// personal lists the variables that each service can have for itself, such as ORDER_KAFKA_SASL_USERNAME.
var personal = []string{"KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD", "KAFKA_CLIENT_CERT", "KAFKA_CLIENT_KEY"}

// IsCredential reports whether a variable belongs to the identity of one program, and must not reach another one.
func IsCredential(name string) bool {
	return slices.ContainsFunc(personal, func(suffix string) bool {
		return name == suffix || strings.HasSuffix(name, "_"+suffix) || strings.HasSuffix(name, suffix+"_FILE")
	})
}

// ReadSettings reads the settings from environ. Each can also come from a file (NAME_FILE). With a service, that service's own
// variables come first. Its error names the settings to correct and contains no value.
func ReadSettings(environ map[string]string, service string) (Settings, error) {
	var s Settings
	var wrong []error
	for name, value := range s.variables() {
		text, err := "", error(nil)
		if service != "" && slices.Contains(personal, name) {
			text, err = secret.GivenText(environ, strings.ToUpper(service)+"_"+name)
		}
		if text == "" && err == nil {
			text, err = secret.GivenText(environ, name)
		}
		*value = text
		wrong = append(wrong, err)
	}
	if s.AuthType == "" {
		s.AuthType = "none"
	}
	return s, errors.Join(errors.Join(wrong...), s.check())
}

// Environ returns the variables that ReadSettings reads. The empty ones are included, so that they replace others.
func (s Settings) Environ() map[string]string {
	environ := map[string]string{}
	for name, value := range s.variables() {
		environ[name] = *value
	}
	environ["KAFKA_AUTH_TYPE"] = cmp.Or(s.AuthType, "none")
	return environ
}

// check returns an error that names a missing or wrong setting. It is stricter than Dapr, which treats an unknown mechanism as PLAINTEXT
// and would send the password in clear to a broker that expects a hash.
func (s Settings) check() error {
	need := map[string]string{}
	switch s.AuthType {
	case "none", "":
		return nil
	case "certificate":
		need["KAFKA_CA_CERT"] = s.CACert
	case "password":
		need["KAFKA_SASL_USERNAME"], need["KAFKA_SASL_PASSWORD"], need["KAFKA_SASL_MECHANISM"] = s.Username, s.Password, s.Mechanism
	case "mtls":
		need["KAFKA_CLIENT_CERT"], need["KAFKA_CLIENT_KEY"] = s.ClientCert, s.ClientKey
	default:
		return errors.New("KAFKA_AUTH_TYPE must be none, certificate, password or mtls")
	}
	for _, name := range slices.Sorted(maps.Keys(need)) {
		if need[name] == "" {
			return fmt.Errorf("%s is not set: KAFKA_AUTH_TYPE=%s needs it", name, s.AuthType)
		}
	}
	if !slices.Contains([]string{"", "SHA-512", "SHA-256", "PLAINTEXT"}, s.Mechanism) {
		return errors.New("KAFKA_SASL_MECHANISM must be SHA-512, SHA-256 or PLAINTEXT")
	}
	if !slices.Contains([]string{"", "true", "false"}, s.DisableTLS) {
		return errors.New("KAFKA_DISABLE_TLS must be true or false")
	}
	return nil
}

// ClientOptions returns the options of a client with these settings. It opens no connection.
func (s Settings) ClientOptions() ([]kgo.Opt, error) {
	addresses, err := brokerAddresses(s.Brokers)
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	options := []kgo.Opt{kgo.SeedBrokers(addresses...)}
	if s.AuthType == "none" || s.AuthType == "" {
		return options, nil
	}
	if s.DisableTLS != "true" {
		config, err := s.tlsConfig()
		if err != nil {
			return nil, err
		}
		options = append(options, kgo.DialTLSConfig(config))
	}
	if s.AuthType == "password" {
		options = append(options, kgo.SASL(s.mechanism()))
	}
	return options, nil
}

func (s Settings) mechanism() sasl.Mechanism {
	switch s.Mechanism {
	case "SHA-512":
		return scram.Auth{User: s.Username, Pass: s.Password}.AsSha512Mechanism()
	case "SHA-256":
		return scram.Auth{User: s.Username, Pass: s.Password}.AsSha256Mechanism()
	}
	return plain.Auth{User: s.Username, Pass: s.Password}.AsMechanism()
}

func (s Settings) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CACert != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(s.CACert)) {
			return nil, errors.New("KAFKA_CA_CERT must be a certificate in PEM")
		}
	}
	if s.AuthType == "mtls" {
		pair, err := tls.X509KeyPair([]byte(s.ClientCert), []byte(s.ClientKey))
		if err != nil {
			return nil, errors.New("KAFKA_CLIENT_CERT and KAFKA_CLIENT_KEY must be a certificate and its key in PEM")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
