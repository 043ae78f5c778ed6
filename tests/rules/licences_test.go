package rules

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// licences are the licences that a program under Apache-2.0 may contain or link, each with texts that identify it. The first match
// counts: the text of MPL-2.0 names the GPL, and the text of Apache-2.0 is part of some others.
var licences = []struct {
	name  string
	texts []string
}{
	{"MPL-2.0", []string{"mozilla public license", "version 2.0", "covered software"}},
	{"Apache-2.0", []string{"apache license", "version 2.0, january 2004"}},
	{"MIT", []string{"permission is hereby granted, free of charge, to any person obtaining a copy"}},
	{"BSD", []string{"redistribution and use in source and binary forms, with or without modification, are permitted"}},
	{"ISC", []string{"permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted"}},
	{"Unlicense", []string{"this is free and unencumbered software released into the public domain"}},
	{"CC0-1.0", []string{"cc0 1.0 universal"}},
	{"public domain", []string{"put into the public domain", "you can do whatever you want with these files"}},
}

// unlicensed are modules without a licence that we cannot leave out yet, each with the reason.
var unlicensed = map[string]string{
	"github.com/aavaz-ai/pii-scrubber": "dapr/dapr 1.18.1 imports it for its conversation API, which is not allowed here (dapr/config.yaml)",
}

// refused matches licences that a program under Apache-2.0 cannot satisfy, or that limit its use.
var refused = regexp.MustCompile(`gnu (affero |lesser |library )?general public license|server side public license|business source license|commons clause|elastic license`)

// licenceOf returns the name of the allowed licence with this text; "" for an unknown one. It reports a licence that refused matches as
// forbidden.
func licenceOf(text string) (name string, forbidden bool) {
	text = strings.ToLower(strings.Join(strings.Fields(strings.ReplaceAll(text, "\n>", "\n")), " "))
	for _, licence := range licences {
		if !slices.ContainsFunc(licence.texts, func(part string) bool { return !strings.Contains(text, part) }) {
			name = licence.name
			break
		}
	}
	if name != "MPL-2.0" && refused.MatchString(text) {
		return "", true
	}
	return name, false
}

// module is a module that code of ours imports, its tests included.
type module struct{ Path, Version, Dir string }

// dependencies returns the modules that the packages below a folder import.
func dependencies(t testing.TB, folder string) map[string]module {
	t.Helper()
	list := exec.Command("go", "list", "-deps", "-test", "-tags", "compose,browser",
		"-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}", "./...")
	list.Dir, list.Env = folder, append(os.Environ(), "GOWORK=off")
	output, err := list.Output()
	if err != nil {
		t.Fatalf("go list in %s: %v", folder, err)
	}
	modules := map[string]module{}
	for line := range strings.Lines(string(output)) {
		if fields := strings.Split(strings.TrimSpace(line), "\t"); len(fields) == 3 {
			modules[fields[0]+"@"+fields[1]] = module{fields[0], fields[1], fields[2]}
		}
	}
	return modules
}

// The project is under Apache-2.0, and every Go module that it uses has a licence that allows that.
func TestEveryLicenceAllowsOurs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root(t), "LICENSE"))
	if name, _ := licenceOf(string(text)); err != nil || name != "Apache-2.0" {
		t.Errorf("LICENSE is not the text of Apache-2.0 (error: %v)", err)
	}
	checked := 0
	for _, folder := range goModules(t) {
		for name, dependency := range dependencies(t, folder) {
			checked++
			if unlicensed[dependency.Path] != "" {
				continue
			}
			if problem := checkLicence(dependency.Dir); problem != "" {
				t.Errorf("%s: %s", name, problem)
			}
		}
	}
	if checked < 100 {
		t.Errorf("checked the licences of %d modules, want those of all", checked)
	}
}

// goModules returns the folders of all modules of the repository.
func goModules(t testing.TB) []string {
	t.Helper()
	output, err := exec.Command("git", "-C", root(t), "ls-files", "--cached", "--others", "--exclude-standard", "*go.mod").Output()
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, file := range strings.Fields(string(output)) {
		folders = append(folders, filepath.Join(root(t), filepath.Dir(file)))
	}
	if len(folders) < 8 {
		t.Fatalf("modules: got %v, want at least 8", folders)
	}
	return folders
}

// licenceFile matches the names of files with a licence. LICENSE-MIT and the like are a choice.
var licenceFile = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying)([.-].*)?$`)

// checkLicence returns why the licence of the module in a folder is not allowed; "" if it is. Several licence files are a choice, or name
// the licences of parts: so one allowed licence is enough, but a forbidden one is never accepted.
func checkLicence(folder string) string {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err.Error()
	}
	var files []string
	allowed := false
	for _, entry := range entries {
		if entry.IsDir() || !licenceFile.MatchString(entry.Name()) {
			continue
		}
		files = append(files, entry.Name())
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return err.Error()
		}
		name, forbidden := licenceOf(string(text))
		if forbidden {
			return "a licence that is not allowed in its file " + entry.Name() + ": use another module"
		}
		allowed = allowed || name != ""
	}
	if !allowed {
		return "no allowed licence in its files " + strings.Join(files, ", ") + ": use another module, or add the licence to this test"
	}
	return ""
}

func TestLicenceOfTellsLicencesApart(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Apache License\n   Version 2.0, January 2004":                                 "Apache-2.0",
		"Permission is hereby granted, free of charge, to any person obtaining a copy": "MIT",
		"GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007":                           "",
		"GNU AFFERO GENERAL PUBLIC LICENSE":                                            "",
		"Business Source License 1.1. Apache License, Version 2.0, January 2004":       "",
		"all rights reserved": "",
	} {
		if got, _ := licenceOf(text); got != want {
			t.Errorf("%.30s: got %q, want %q", text, got, want)
		}
	}
}

func TestCheckLicenceAcceptsNoForbiddenLicence(t *testing.T) {
	t.Parallel()
	const mit, gpl = "Permission is hereby granted, free of charge, to any person obtaining a copy", "GNU GENERAL PUBLIC LICENSE Version 3"
	for name, tc := range map[string]struct {
		files map[string]string
		want  string // a part of the problem; empty for none
	}{
		"an allowed licence":                {map[string]string{"LICENSE": mit}, ""},
		"an allowed and an unknown licence": {map[string]string{"LICENSE": mit, "LICENSE.docs": "CC BY-SA"}, ""},
		"an unknown licence":                {map[string]string{"COPYING": "all rights reserved"}, "COPYING"},
		"an allowed and a forbidden one":    {map[string]string{"LICENSE": mit, "LICENSE-GPL": gpl}, "LICENSE-GPL"},
		"no licence":                        {map[string]string{"README": mit}, "no allowed licence"},
	} {
		folder := t.TempDir()
		for file, text := range tc.files {
			if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := checkLicence(folder); !strings.Contains(got, tc.want) || tc.want == "" && got != "" {
			t.Errorf("%s: got %q, want a problem with %q", name, got, tc.want)
		}
	}
}

// The TypeScript consumer's lock file declares the licences of its packages. The consumers in other languages use no packages.
func TestEveryPackageOfTheTypeScriptConsumerHasAnAllowedLicence(t *testing.T) {
	t.Parallel()
	var lock struct {
		Packages map[string]struct{ License string }
	}
	decode(t, filepath.Join(root(t), "tests/polyglot/typescript/package-lock.json"), json.Unmarshal, &lock)
	for name, p := range lock.Packages {
		if name != "" && !slices.Contains([]string{"Apache-2.0", "MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause"}, p.License) {
			t.Errorf("%s: licence %q is not allowed", name, p.License)
		}
	}
}
