package secret

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGivenReadsAValueOrAFileButNotBoth(t *testing.T) {
	t.Parallel()
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, tc := range map[string]struct {
		environ    map[string]string
		want, fail string
	}{
		"a value":                      {map[string]string{"A": "1"}, "1", ""},
		"a file":                       {map[string]string{"A_FILE": file("1\n")}, "1", ""},
		"a value beside an empty file": {map[string]string{"A": "1", "A_FILE": file("")}, "1", ""},
		"an empty value and a file":    {map[string]string{"A": "", "A_FILE": file("1")}, "1", ""},
		"neither":                      {map[string]string{}, "", ""},
		"both":                         {map[string]string{"A": "hunter2", "A_FILE": file("hunter3")}, "", "A and A_FILE are both set: set only one of them"},
		"two lines":                    {map[string]string{"A_FILE": file("hunter2\nhunter3")}, "", "A must be one line"},
		"a missing file":               {map[string]string{"A_FILE": "/not/there"}, "", "A_FILE: open /not/there: no such file or directory"},
	} {
		got, err := Given(tc.environ, "A")
		if got != tc.want || err == nil != (tc.fail == "") || err != nil && err.Error() != tc.fail {
			t.Errorf("%s: got %q, %v, want %q, %s", name, got, err, tc.want, tc.fail)
		}
	}
	if got, err := GivenText(map[string]string{"A_FILE": file("1\n2\n")}, "A"); got != "1\n2" || err != nil {
		t.Errorf("a text of two lines: got %q, %v", got, err)
	}
}

func TestCheckModeRefusesAFileThatOthersCanRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), ".env")
	if err := CheckMode(path); err != nil {
		t.Errorf("a missing file: got %v", err)
	}
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o644: false} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		err := CheckMode(path)
		if err == nil != ok || err != nil && !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %04o: got %v, want accepted %t", mode, err, ok)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}
