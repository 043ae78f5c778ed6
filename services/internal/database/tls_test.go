package database

import (
	"strings"
	"testing"
)

func TestCheckTLSAcceptsOnlyVerifyFull(t *testing.T) {
	t.Parallel()
	const url = "postgres://order:hunter2@db.example.com:5432/order"
	for options, accepted := range map[string]bool{
		"?sslmode=verify-full":                        true,
		"?statement_timeout=5000&sslmode=verify-full": true,
		"?sslmode=verify-ca":                          false,
		"?sslmode=require":                            false,
		"?sslmode=prefer":                             false,
		"?sslmode=allow":                              false,
		"?sslmode=disable":                            false,
		"":                                            false,
		"?sslmode=nonsense":                           false,
	} {
		err := CheckTLS(url + options)
		if err == nil != accepted || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: got %v, want accepted %t", options, err, accepted)
		}
	}
	if err := CheckTLS("postgres://order:hunter2@first,second:5433/order?sslmode=verify-full"); err != nil {
		t.Errorf("two hosts: %v", err)
	}
}
