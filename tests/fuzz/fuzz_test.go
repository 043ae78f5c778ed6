package fuzz

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"comanda/infra/build"
	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// schemathesis is pinned: another version makes other requests.
const schemathesis = "schemathesis==4.32.5"

// cases is the number of requests. `make test` sends few, `make test-fuzz` many.
var cases = flag.Int("cases", 150, "send at least this many random requests")

// operations is the number of operations in docs/openapi.yaml, roughly: it spreads the requests over them.
const operations = 35

// sent matches the number of requests in the summary of schemathesis.
var sent = regexp.MustCompile(`(\d+) generated`)

func TestTheSystemAnswersRandomRequestsAsDocumented(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: it starts the whole system")
	}
	program := install(t)
	sys := system.Start(t, system.Options{Settings: map[string]string{
		"RATE_LIMIT_PER_SECOND": "0", "RATE_LIMIT_LOGIN_PER_SECOND": "0", "RATE_LIMIT_REGISTER_PER_HOUR": "0", "LOG_LEVEL": "warn",
	}})
	s := scenario.New(t, sys.URL, sys.AdminEmail, sys.AdminPassword)
	person := s.Customer()
	scenario.Try(s.Admin.SetRoles(t.Context(), person.ID, client.RoleCustomer, client.RoleStaff, client.RoleAdmin)).OrFail(t)
	session := scenario.Try(s.Anonymous.Login(t.Context(), person.Person.Email, person.Person.Password)).OrFail(t).Session

	folder, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), program, "--config-file", filepath.Join(folder, "schemathesis.toml"),
		"run", sys.URL+"/openapi.yaml", "--url", sys.URL, "--max-examples", strconv.Itoa(max(1, *cases/operations)),
		"--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--generation-database", "none", "--request-timeout", "45")
	command.Env = append(os.Environ(), append(resources(t, s, person.Client), "FUZZ_TOKEN="+longToken(t, sys, session.AccessToken),
		"SCHEMATHESIS_HOOKS=hooks", "PYTHONPATH="+folder, "PYTHONDONTWRITEBYTECODE=1")...)
	command.Dir, command.WaitDelay = t.TempDir(), 10*time.Second // it leaves a cache in its folder
	output, err := command.CombinedOutput()
	if testing.Verbose() || err != nil {
		t.Logf("%s", output)
	}
	if err != nil {
		t.Errorf("schemathesis: %v", err)
	}
	found := sent.FindSubmatch(output)
	if found == nil {
		t.Fatalf("schemathesis does not say how many requests it has sent:\n%s", output)
	}
	if count, _ := strconv.Atoi(string(found[1])); count < *cases {
		t.Errorf("requests: got %d, want at least %d", count, *cases)
	}
}

// longToken returns an access token that is valid for an hour: random requests may take longer than a token of the system lives.
func longToken(t *testing.T, sys *system.System, token string) string {
	t.Helper()
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		t.Fatal(err)
	}
	claims["exp"] = time.Now().Add(time.Hour).Unix()
	return scenario.Try(jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(sys.JWTSecret))).OrFail(t)
}

// resources creates the resources that the requests name, and returns their ids as settings of hooks.py.
func resources(t *testing.T, s *scenario.Scenario, customer *client.Client) []string {
	t.Helper()
	dish, other := s.Dish(1000, 500), s.Customer()
	order := scenario.Try(customer.Order(t.Context(), scenario.Basket(dish, 1))).OrFail(t)
	finished := scenario.Try(customer.Order(t.Context(), scenario.Basket(dish, 1))).OrFail(t)
	scenario.Try(customer.Cancel(t.Context(), finished.ID, "")).OrFail(t)
	return []string{"FUZZ_ORDER=" + order.ID, "FUZZ_FINISHED=" + finished.ID, "FUZZ_PRODUCT=" + dish.ID, "FUZZ_USER=" + other.ID}
}

// install returns the path of schemathesis, which it installs once below .comanda. Without Python or a package index it skips the test.
// In CI, which has both, that is a failure.
func install(t *testing.T) string {
	t.Helper()
	root, err := build.Root()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(root, ".comanda", "fuzz", schemathesis)
	program := filepath.Join(folder, "bin", "schemathesis")
	if _, err := os.Stat(program); err == nil {
		return program
	}
	if err := installInto(t.Context(), folder); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v: install Python 3.10 or later with venv, and allow its package index", err)
		}
		t.Skipf("skipped: %v", err)
	}
	return program
}

// installInto installs schemathesis in a new virtual environment. After an error the folder does not exist.
func installInto(ctx context.Context, folder string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for _, command := range [][]string{
		{"python3", "-m", "venv", folder},
		{filepath.Join(folder, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", schemathesis},
	} {
		if output, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			_ = os.RemoveAll(folder) // half an installation would be found next time
			return fmt.Errorf("%s: %w: %.300s", filepath.Base(command[0]), err, output)
		}
	}
	return nil
}
