package journey

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"comanda/services"
)

// No process of the running system has a secret among its arguments, which every local user can read.
func TestNoSecretIsOnACommandLine(t *testing.T) {
	t.Parallel()
	sys := sharedSystem(t)
	secrets := map[string]string{"JWT_SECRET_KEY": sys.JWTSecret, "APP_API_TOKEN": sys.AppToken, "DAPR_API_TOKEN": sys.APIToken,
		"ADMIN_PASSWORD": sys.AdminPassword}
	for _, service := range services.Stateful {
		address, err := url.Parse(sys.DatabaseURL(service))
		if err != nil {
			t.Fatal(err)
		}
		if password, set := address.User.Password(); set {
			secrets[service+"'s database password"] = password
		}
	}
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Fatalf("this test needs /proc: found %d processes (error: %v)", len(files), err)
	}
	read := 0
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil {
			continue // the process has ended
		}
		read++
		for name, value := range secrets {
			if value != "" && strings.Contains(string(line), value) {
				program, _, _ := strings.Cut(string(line), "\x00")
				t.Errorf("%s is among the arguments of %s", name, program)
			}
		}
	}
	if running := len(sys.Programs()); read < running {
		t.Errorf("read %d command lines, want those of the %d programs of the system", read, running)
	}
}
