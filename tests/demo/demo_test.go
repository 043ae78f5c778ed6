package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/system"
)

// The play goes well, twice on the same system.
func TestDemo(t *testing.T) {
	s := system.Start(t, system.Options{})
	nobody := client.New(s.URL)
	var admin *client.Client
	for late := time.After(patience); admin == nil; {
		found, err := nobody.Login(t.Context(), s.AdminEmail, s.AdminPassword)
		if err == nil {
			admin = found
			break
		}
		select {
		case <-late:
			t.Fatal(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	cook := client.Person{Email: "kitchen@example.com", Password: "a good long password", Name: "The kitchen"}
	begun, err := nobody.Register(t.Context(), cook)
	if err == nil {
		_, err = nobody.Registration(t.Context(), begun.UserID, patience)
	}
	if err == nil {
		_, err = admin.SetRoles(t.Context(), begun.UserID, client.RoleCustomer, client.RoleStaff)
	}
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{"COMANDA_URL": s.URL, "KITCHEN_EMAIL": cook.Email, "KITCHEN_PASSWORD": cook.Password}
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
				t.Errorf("the demo said nothing of %s", said)
			}
		}
	}

	settings["KITCHEN_PASSWORD"] = "wrong"
	if err := run(t.Context(), getenv, 0, &bytes.Buffer{}); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("with a wrong password it ends with %v", err)
	}
}

func TestDemoWithNothingRunning(t *testing.T) {
	settings := map[string]string{"COMANDA_URL": "http://127.0.0.1:1", "KITCHEN_EMAIL": "x", "KITCHEN_PASSWORD": "x"}
	err := run(t.Context(), func(name string) string { return settings[name] }, 0, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "make run") || strings.Contains(err.Error(), "\n") {
		t.Errorf("it ends with %v, want one line that says `make run`", err)
	}
}
