// Package settings checks the sidecar's environment before the runtime starts, and reads secrets from files. Unmodified daprd does
// neither: it serves its API to every local process without a token, and takes a misspelt SASL mechanism for a plain password.
package settings

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// fromFile matches the variables that can come from a file: NAME_FILE names it. Dapr reads the two tokens by itself; our components
// refer to the others (components/).
var fromFile = regexp.MustCompile(`^((DAPR|APP)_API_TOKEN|[A-Z]+_DATABASE_URL|KAFKA_(SASL_PASSWORD|CA_CERT|CLIENT_CERT|CLIENT_KEY))_FILE$`)

// ReadFiles returns the variables to set: the content of each NAME_FILE as NAME, without the line break at its end. NAME and
// NAME_FILE together are an error.
func ReadFiles(environ []string) (map[string]string, error) {
	given, found := map[string]string{}, map[string]string{}
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		given[name] = value
	}
	for variable, path := range given {
		if path == "" || !fromFile.MatchString(variable) {
			continue
		}
		name := strings.TrimSuffix(variable, "_FILE")
		if given[name] != "" {
			return nil, fmt.Errorf("%s and %s are both set: set only one of them", name, variable)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", variable, err)
		}
		found[name] = strings.TrimRight(string(text), "\r\n")
	}
	return found, nil
}

// Check returns an error that names the setting to correct. It contains no value, because a value may be secret.
func Check(getenv func(string) string) error {
	if getenv("DAPR_API_TOKEN") == "" {
		return errors.New("DAPR_API_TOKEN is not set: set it to a random text, the same for the sidecar and its app")
	}
	for name, allowed := range map[string][]string{
		"KAFKA_AUTH_TYPE":      {"none", "certificate", "password", "mtls"},
		"KAFKA_SASL_MECHANISM": {"SHA-512", "SHA-256", "PLAINTEXT"},
		"KAFKA_DISABLE_TLS":    {"true", "false"},
	} {
		if value := getenv(name); value != "" && !slices.Contains(allowed, value) {
			return fmt.Errorf("%s must be one of %s", name, strings.Join(allowed, ", "))
		}
	}
	if getenv("KAFKA_AUTH_TYPE") == "password" && getenv("KAFKA_SASL_MECHANISM") == "" {
		return errors.New("KAFKA_SASL_MECHANISM is not set: KAFKA_AUTH_TYPE=password needs SHA-512, SHA-256 or PLAINTEXT")
	}
	return nil
}
