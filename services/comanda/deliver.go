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

// program is the name under which this program itself lies in the parts' folders.
const program = "comanda"

// limits bound what Dapr's component for Postgres does not bound itself. Milliseconds.
const limits = "?statement_timeout=5000&lock_timeout=2000"

// parcel is one file for one part. The folders are volumes that only that part has, and it may run as any user; a file of
// settings is for services and sidecars, which run as we do.
type parcel struct {
	part, file string
	content    []byte
	mode       fs.FileMode
}

// deliver writes each part's files into its folder, which has to be there.
func deliver(run string, kept map[string]string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	own, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	for _, each := range parcels(kept, own) {
		if err := each.deliver(run); err != nil {
			return fmt.Errorf("for %s: %w", each.part, err)
		}
	}
	return nil
}

// deliver leaves a file alone that is as it should be: it may be running.
func (p parcel) deliver(run string) error {
	path := filepath.Join(run, p.part, p.file)
	if about, err := os.Lstat(path); err == nil && about.Mode() == p.mode {
		if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, p.content) {
			return nil
		}
	}
	return secret.Write(path, p.content, p.mode)
}

// parcels says who gets what: nobody gets what is another's.
func parcels(kept map[string]string, own []byte) []parcel {
	list := []parcel{
		{"tools", program, own, 0o555},
		{"grafana", "admin-password", []byte(kept["GRAFANA_ADMIN_PASSWORD"]), 0o444},
	}
	for _, service := range services.Names {
		list = append(list, parcel{service, program, own, 0o555},
			parcel{service, "env", []byte(lines(settings(kept, service))), 0o400})
	}
	for _, service := range services.Stateful {
		owner, monitor := []byte(kept[of(service, "DATABASE_PASSWORD")]), []byte(kept[of(service, "DATABASE_MONITOR_PASSWORD")])
		list = append(list, parcel{service + "-db", "password", owner, 0o444}, parcel{service + "-db", "monitor-password", monitor, 0o444},
			parcel{service + "-db-exporter", "password", monitor, 0o444})
	}
	return list
}

// settings are what a service and its sidecar share.
func settings(kept map[string]string, service string) map[string]string {
	all := map[string]string{}
	for _, token := range []string{"APP_API_TOKEN", "DAPR_API_TOKEN"} {
		all[token] = kept[of(service, token)]
	}
	if service != "gateway" {
		all[of(service, "DATABASE_URL")] = databaseURL(kept, service, service+"-db:5432") + limits
	}
	if service == "auth" {
		all["ADMIN_EMAIL"], all["ADMIN_PASSWORD"] = kept["ADMIN_EMAIL"], kept["ADMIN_PASSWORD"]
	}
	return all
}
