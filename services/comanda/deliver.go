package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"comanda/services"
	"comanda/services/secret"
)

// program is the file name of this program in the parts' folders.
const program = "comanda"

// partFile is a file for one part of the system. Each part's folder is a volume that only that part mounts. A part may run as any user,
// so its files are readable by all. The settings are an exception: services and sidecars, which read them, run as the same user as this
// program.
type partFile struct {
	part, file string
	content    []byte
	mode       fs.FileMode
}

// writePartFiles writes each part's files into its folder, which has to exist.
func writePartFiles(run string, stored map[string]string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	own, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	for _, file := range partFiles(stored, own) {
		if err := file.write(run); err != nil {
			return fmt.Errorf("write %s for %s: %w", file.file, file.part, err)
		}
	}
	return nil
}

// write writes the file into its part's folder below run. It leaves an unchanged file alone, because the program in it may be running.
func (p partFile) write(run string) error {
	path := filepath.Join(run, p.part, p.file)
	if info, err := os.Lstat(path); err == nil && info.Mode() == p.mode {
		if existing, err := os.ReadFile(path); err == nil && bytes.Equal(existing, p.content) {
			return nil
		}
	}
	return secret.Write(path, p.content, p.mode)
}

// partFiles lists the files of all parts: their secrets from stored, and this program, whose content is own. No part gets another part's
// secret.
func partFiles(stored map[string]string, own []byte) []partFile {
	list := []partFile{
		{"tools", program, own, 0o555},
		{"grafana", "admin-password", []byte(stored["GRAFANA_ADMIN_PASSWORD"]), 0o444},
	}
	for _, service := range services.Names {
		list = append(list, partFile{service, program, own, 0o555},
			partFile{service, "env", []byte(settingsText(pairSettings(stored, service))), 0o400})
		for name, file := range jwtKeys { // not in env: the sidecar does not need them
			list = append(list, partFile{service, file, []byte(stored[name]), 0o400})
		}
	}
	for _, service := range services.Stateful {
		owner := []byte(stored[settingOf(service, "DATABASE_PASSWORD")])
		monitor := []byte(stored[settingOf(service, "DATABASE_MONITOR_PASSWORD")])
		list = append(list, partFile{service + "-db", "password", owner, 0o444},
			partFile{service + "-db", "monitor-password", monitor, 0o444},
			partFile{service + "-db-exporter", "password", monitor, 0o444})
	}
	return list
}

// pairSettings returns the settings that a service and its sidecar share.
func pairSettings(stored map[string]string, service string) map[string]string {
	settings := map[string]string{}
	for _, token := range []string{"APP_API_TOKEN", "DAPR_API_TOKEN"} {
		settings[token] = stored[settingOf(service, token)]
	}
	settings[secret.EventPublicKeys] = stored[secret.EventPublicKeys]
	if service != "gateway" {
		settings[secret.EventKey(service).Name] = stored[secret.EventKey(service).Name]
		settings[settingOf(service, "DATABASE_URL")] = databaseURL(stored, service, service+"-db:5432") + "?" + services.DatabaseLimits
	}
	if service == "auth" {
		settings["ADMIN_EMAIL"], settings["ADMIN_PASSWORD"] = stored["ADMIN_EMAIL"], stored["ADMIN_PASSWORD"]
	}
	return settings
}
