package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/system"
)

// The demo succeeds twice on the same system. In the first run the kitchen has no account yet.
func TestDemoRunsTwiceOnOneSystem(t *testing.T) {
	sys := system.Start(t, system.Options{})
	anonymous := client.New(sys.URL)
	for late := time.After(patience); ; {
		_, err := anonymous.Login(t.Context(), sys.AdminEmail, sys.AdminPassword)
		if err == nil {
			break
		}
		select {
		case <-late:
			t.Fatal(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	settings := map[string]string{"COMANDA_URL": sys.URL,
		"KITCHEN_EMAIL": "kitchen@example.com", "KITCHEN_PASSWORD": "a good long password",
		"ADMIN_EMAIL": sys.AdminEmail, "ADMIN_PASSWORD": sys.AdminPassword}
	getenv := func(name string) string { return settings[name] }
	for range 2 {
		var out bytes.Buffer
		err := run(t.Context(), getenv, 0, &out)
		t.Log("\n" + out.String())
		if err != nil {
			t.Fatal(err)
		}
		for _, said := range []string{"ACTIVE", "CONFIRMED", "DELIVERED", "REJECTED", "CANCELLED", "All as it should be"} {
			if !strings.Contains(out.String(), said) {
				t.Errorf("the demo's output lacks %q", said)
			}
		}
	}

	settings["KITCHEN_PASSWORD"] = "a wrong password"
	if err := run(t.Context(), getenv, 0, &bytes.Buffer{}); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("with a wrong password: got error %v, want one line", err)
	}
}

func TestDemoWithoutASystemSaysWhatToDo(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	for url, want := range map[string]string{
		"http://127.0.0.1:1": "make run",
		"127.0.0.1:8080":     "set COMANDA_URL",
		other.URL:            "correct COMANDA_URL",
	} {
		settings := map[string]string{"COMANDA_URL": url, "KITCHEN_EMAIL": "x", "KITCHEN_PASSWORD": "x"}
		err := run(t.Context(), func(name string) string { return settings[name] }, 0, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got error %v, want one line with %q", url, err, want)
		}
	}
}
