package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckNamesTheSettingToCorrect(t *testing.T) {
	for name, tc := range map[string]struct {
		environ map[string]string
		want    string // the beginning of the error
	}{
		"no token":             {map[string]string{}, "DAPR_API_TOKEN is not set"},
		"a token":              {map[string]string{"DAPR_API_TOKEN": "t"}, ""},
		"a misspelt mechanism": {map[string]string{"DAPR_API_TOKEN": "t", "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512"}, "KAFKA_SASL_MECHANISM must be"},
		"no mechanism":         {map[string]string{"DAPR_API_TOKEN": "t", "KAFKA_AUTH_TYPE": "password"}, "KAFKA_SASL_MECHANISM is not set"},
		"SCRAM":                {map[string]string{"DAPR_API_TOKEN": "t", "KAFKA_AUTH_TYPE": "password", "KAFKA_SASL_MECHANISM": "SHA-512"}, ""},
		"an unknown type":      {map[string]string{"DAPR_API_TOKEN": "t", "KAFKA_AUTH_TYPE": "hunter2"}, "KAFKA_AUTH_TYPE must be"},
		"an unknown switch":    {map[string]string{"DAPR_API_TOKEN": "t", "KAFKA_DISABLE_TLS": "hunter2"}, "KAFKA_DISABLE_TLS must be"},
	} {
		err := Check(func(name string) string { return tc.environ[name] })
		if err == nil != (tc.want == "") || err != nil && (!strings.HasPrefix(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: got %v, want %q", name, err, tc.want)
		}
	}
}

func TestReadFilesReadsSecretsOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("line 1\nline 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFiles([]string{"DAPR_API_TOKEN_FILE=" + path, "ORDER_DATABASE_URL_FILE=" + path, "KAFKA_CA_CERT_FILE=" + path,
		"AWS_WEB_IDENTITY_TOKEN_FILE=/not/there", "APP_API_TOKEN_FILE="})
	if err != nil || len(got) != 3 || got["DAPR_API_TOKEN"] != "line 1\nline 2" || got["ORDER_DATABASE_URL"] == "" || got["KAFKA_CA_CERT"] == "" {
		t.Errorf("got %v, %v, want the three secrets", got, err)
	}
	for _, environ := range [][]string{
		{"DAPR_API_TOKEN=t", "DAPR_API_TOKEN_FILE=" + path}, {"APP_API_TOKEN_FILE=/not/there"},
	} {
		if _, err := ReadFiles(environ); err == nil {
			t.Errorf("%v: got no error", environ)
		}
	}
}
