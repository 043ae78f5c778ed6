package process

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"context"

	"github.com/caarlos0/env/v11"

	"comanda/services/internal/sidecar"
)

// Config is what every service needs to know; a service's own config embeds it.
type Config struct {
	BindHost string `env:"BIND_HOST" envDefault:"127.0.0.1"` // loopback unless told otherwise
	Port     int    `env:"APP_PORT,required"`
	AppToken string `env:"APP_API_TOKEN,required,notEmpty"`
	LogLevel string `env:"LOG_LEVEL" envDefault:"info"`
	Sidecar  sidecar.Config
}

// Load reads a config from environ ("NAME=value"). The error is one line that says what to set.
func Load[T any](environ []string) (T, error) {
	config, err := env.ParseAsWithOptions[T](env.Options{Environment: env.ToMap(environ)})
	if err == nil {
		return config, nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return config, err
	}
	lines := make([]string, 0, len(all.Errors))
	for _, err := range all.Errors {
		lines = append(lines, setting(err))
	}
	return config, errors.New(strings.Join(lines, "; "))
}

// setting puts an error about a setting in an operator's words, without the value, which may be a secret.
func setting(err error) string {
	var missing env.VarIsNotSetError
	var empty env.EmptyVarError
	var parse env.ParseError
	switch {
	case errors.As(err, &missing):
		return fmt.Sprintf("%s is not set: set it in the environment (README, Settings)", missing.Key)
	case errors.As(err, &empty):
		return fmt.Sprintf("%s is empty: set it in the environment (README, Settings)", empty.Key)
	case errors.As(err, &parse):
		return fmt.Sprintf("the setting for %s is wrong: %v", parse.Name, parse.Err)
	}
	return err.Error()
}

// Main runs a service until it ends by itself or is told to (SIGINT, SIGTERM). A failure is one line on standard error
// and exit code 1.
func Main(name string, run func(ctx context.Context, environ []string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Environ()); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		stop()
		os.Exit(1)
	}
}
