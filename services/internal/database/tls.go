package database

import (
	"errors"

	"github.com/jackc/pgx/v5/pgxpool"
)

// errNoTLS is CheckTLS's error. It names no URL, because a URL contains the password.
var errNoTLS = errors.New("must contain sslmode=verify-full: DATABASE_REQUIRE_TLS is set")

// CheckTLS returns an error unless every connection with url is encrypted, and only to a server whose certificate names the host
// and is signed by a known authority: sslmode=verify-full
// (https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION).
func CheckTLS(url string) error {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return errURL
	}
	connection := config.ConnConfig
	if connection.TLSConfig == nil || connection.TLSConfig.InsecureSkipVerify || connection.TLSConfig.ServerName == "" {
		return errNoTLS
	}
	for _, other := range connection.Fallbacks {
		if other.TLSConfig == nil || other.TLSConfig.InsecureSkipVerify {
			return errNoTLS
		}
	}
	return nil
}
