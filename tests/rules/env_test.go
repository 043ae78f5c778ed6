package rules

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// `make env` writes a .env that only its owner can read, regardless of the umask. `make up` refuses a .env that others can read.
func TestOnlyTheOwnerCanReadDotEnv(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("make"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("skipped: %v", err)
	}
	folder := t.TempDir()
	file := filepath.Join(folder, ".env")
	run := func(target string) (string, error) {
		command := exec.Command("sh", "-c", `umask 000 && exec make -f "$1" "$2" COMPOSE=true`, "sh", filepath.Join(root(t), "Makefile"), target)
		command.Dir = folder
		output, err := command.CombinedOutput()
		return string(output), err
	}
	if output, err := run("env"); err != nil {
		t.Fatalf("make env: %v\n%s", err, output)
	}
	written, err := os.ReadFile(file)
	name, key, _ := strings.Cut(strings.TrimSpace(string(written)), "=")
	if err != nil || name != "JWT_SECRET_KEY" || len(key) < 32 {
		t.Errorf("got %d bytes as %s (error: %v), want a JWT_SECRET_KEY of 32 or more", len(key), name, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %v, want 0600 (error: %v)", info.Mode().Perm(), err)
	}
	for _, target := range []string{"env", "up", "scale"} {
		if output, err := run(target); err != nil {
			t.Errorf("make %s with the mode 0600: %v\n%s", target, err, output)
		}
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"env", "up", "scale"} {
		if output, err := run(target); err == nil || !strings.Contains(output, "chmod 600 .env") {
			t.Errorf("make %s with the mode 0640: got %v, want a failure that says what to do\n%s", target, err, output)
		}
	}
	if again, err := os.ReadFile(file); err != nil || string(again) != string(written) {
		t.Errorf("the file has changed (error: %v)", err)
	}
}
