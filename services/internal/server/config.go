package server

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/caarlos0/env/v11"

	"comanda/services/internal/telemetry"
)

// Config is what every service needs to know; a service's own config embeds it.
type Config struct {
	BindHost string `env:"BIND_HOST" envDefault:"127.0.0.1"` // loopback unless told otherwise
	Port     int    `env:"APP_PORT,required"`
	AppToken string `env:"APP_API_TOKEN,required,notEmpty"`
	LogLevel string `env:"LOG_LEVEL" envDefault:"info"`
	Sidecar  SidecarConfig
	// Zipkin is where spans are sent; nowhere unless told.
	Zipkin telemetry.ZipkinURL `env:"OTEL_EXPORTER_ZIPKIN_ENDPOINT"`
}

// LoadConfig reads a config from environ ("NAME=value"). A setting that is empty counts as not set, so that an empty secret is
// never taken for one. The error is one line that says what to set, and shows no value: it may be a secret.
func LoadConfig[T any](environ []string) (T, error) {
	settings := env.ToMap(environ)
	for name, value := range settings {
		if value == "" {
			delete(settings, name)
		}
	}
	config, err := env.ParseAsWithOptions[T](env.Options{Environment: settings})
	if err == nil {
		return config, nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return config, err
	}
	lines := make([]string, 0, len(all.Errors))
	for _, err := range all.Errors {
		lines = append(lines, setting(reflect.TypeFor[T](), err))
	}
	return config, errors.New(strings.Join(lines, "; "))
}

// setting puts an error about a setting of config in an operator's words.
func setting(config reflect.Type, err error) string {
	var missing env.VarIsNotSetError
	var empty env.EmptyVarError
	var parse env.ParseError
	switch {
	case errors.As(err, &missing):
		return fmt.Sprintf("%s is not set: set it in the environment (README, Settings)", missing.Key)
	case errors.As(err, &empty):
		return fmt.Sprintf("%s is not set: set it in the environment (README, Settings)", empty.Key)
	case errors.As(err, &parse):
		return fmt.Sprintf("%s %s", variable(config, parse), wanted(parse))
	}
	return err.Error()
}

// variable finds the name of the setting that a parse error speaks of: the error knows the Go field alone.
func variable(config reflect.Type, parse env.ParseError) string {
	for _, field := range reflect.VisibleFields(config) {
		if name, _, _ := strings.Cut(field.Tag.Get("env"), ","); name != "" && field.Name == parse.Name && field.Type == parse.Type {
			return name
		}
		if field.Type.Kind() == reflect.Struct {
			if name := variable(field.Type, parse); name != parse.Name {
				return name
			}
		}
	}
	return parse.Name
}

// wanted says what a setting has to be. The parsers of numbers and durations quote what they were given, so their words
// are not used; a type's own UnmarshalText must not quote.
func wanted(parse env.ParseError) string {
	if _, own := reflect.New(parse.Type).Interface().(encoding.TextUnmarshaler); own {
		return parse.Err.Error()
	}
	switch {
	case parse.Type == reflect.TypeFor[time.Duration]():
		return "has to be a duration such as 30s or 5m"
	case parse.Type.Kind() == reflect.Bool:
		return "has to be true or false"
	case parse.Type.Kind() >= reflect.Int && parse.Type.Kind() <= reflect.Uint64:
		return "has to be a whole number"
	}
	return "has to be a " + parse.Type.Kind().String()
}

// lastWord is how long a service that failed stays after it has said why. The Dapr CLI closes the pipe that it reads our
// output from when we end, and on a busy machine loses what it has not read by then.
const lastWord = 300 * time.Millisecond

// Main runs a service until it ends by itself or is told to (SIGINT, SIGTERM). A failure is one line on standard error
// and exit code 1.
func Main(name string, run func(ctx context.Context, environ []string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Environ()); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		stop()
		time.Sleep(lastWord)
		os.Exit(1)
	}
}
