package server

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/caarlos0/env/v11"

	"comanda/services/internal/telemetry"
	"comanda/services/secret"
)

// Config holds the settings of every service. A service's own config embeds it.
type Config struct {
	BindHost Host   `env:"BIND_HOST" envDefault:"127.0.0.1"`
	Port     Port   `env:"APP_PORT,required"`
	AppToken string `env:"APP_API_TOKEN,required,notEmpty"`
	LogLevel string `env:"LOG_LEVEL" envDefault:"info"`
	Sidecar  SidecarConfig
	// Zipkin is the address to which spans are exported; without it no trace is sampled.
	Zipkin telemetry.ZipkinURL `env:"OTEL_EXPORTER_ZIPKIN_ENDPOINT"`
}

// secretSetting matches the names of settings whose spaces may belong to the value.
var secretSetting = regexp.MustCompile(`_(SECRET_KEY|SECRET_KEY_PREVIOUS|PASSWORD|TOKEN)$`)

// LoadConfig reads a config from environ ("NAME=value"). A setting can also come from a file that NAME_FILE names, so that no secret
// has to be in the environment; both at once are an error. Spaces around a value are ignored, except in a secret. An empty setting
// counts as not set, so an empty secret is never accepted. The error is one line that names the settings to correct. It contains
// no values, because they may be secret.
func LoadConfig[T any](environ []string) (T, error) {
	names := settingNames(reflect.TypeFor[T]())
	settings, err := secret.WithFiles(env.ToMap(environ), func(name string) bool { return slices.Contains(names, name) })
	if err != nil {
		var none T
		return none, errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	for name, value := range settings {
		if !secretSetting.MatchString(name) {
			value = strings.TrimSpace(value)
		}
		if settings[name] = value; value == "" {
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
		lines = append(lines, describe(reflect.TypeFor[T](), err))
	}
	return config, errors.New(strings.Join(lines, "; "))
}

// settingNames returns the names of all settings of config.
func settingNames(config reflect.Type) (names []string) {
	for _, field := range reflect.VisibleFields(config) {
		if name, _, _ := strings.Cut(field.Tag.Get("env"), ","); name != "" {
			names = append(names, name)
		} else if field.Type.Kind() == reflect.Struct && !field.Anonymous { // VisibleFields contains those of an embedded struct
			names = append(names, settingNames(field.Type)...)
		}
	}
	return names
}

// describe rewrites an error about a setting of config for operators.
func describe(config reflect.Type, err error) string {
	var missing env.VarIsNotSetError
	var empty env.EmptyVarError
	var parse env.ParseError
	switch {
	case errors.As(err, &missing):
		return fmt.Sprintf("%s is not set: set it in the environment (README, Settings)", missing.Key)
	case errors.As(err, &empty):
		return fmt.Sprintf("%s is not set: set it in the environment (README, Settings)", empty.Key)
	case errors.As(err, &parse):
		return fmt.Sprintf("%s %s", settingName(config, parse), requirement(parse))
	}
	return err.Error()
}

// settingName returns the name of the setting in a parse error, which contains only the name of the Go field. If config has no such field,
// it returns the name of the field.
func settingName(config reflect.Type, parse env.ParseError) string {
	for _, field := range reflect.VisibleFields(config) {
		if name, _, _ := strings.Cut(field.Tag.Get("env"), ","); name != "" && field.Name == parse.Name && field.Type == parse.Type {
			return name
		}
		if field.Type.Kind() == reflect.Struct {
			if name := settingName(field.Type, parse); name != parse.Name {
				return name
			}
		}
	}
	return parse.Name
}

// requirement returns the format that a setting must have. The standard parsers of numbers and durations quote the value, so
// their errors are not used. The error of a type's own UnmarshalText is used and must not quote the value.
func requirement(parse env.ParseError) string {
	if _, ok := reflect.New(parse.Type).Interface().(encoding.TextUnmarshaler); ok {
		return parse.Err.Error()
	}
	switch {
	case parse.Type == reflect.TypeFor[time.Duration]():
		return "must be a duration such as 30s or 5m"
	case parse.Type.Kind() == reflect.Bool:
		return "must be true or false"
	case parse.Type.Kind() >= reflect.Int && parse.Type.Kind() <= reflect.Uint64:
		return "must be a whole number"
	}
	return "must be a " + parse.Type.Kind().String()
}

// exitDelay is the time between the message of a failed service and its exit. The Dapr CLI closes the pipe of the service's
// output when the service exits, and on a busy machine loses the lines that it has not read yet.
const exitDelay = 300 * time.Millisecond

// garbagePercent is the growth of the heap, in percent, after which the garbage collector runs, unless GOGC says otherwise. Go's own value
// is 100. With 400, an idle program takes a few megabytes more, and under load up to a quarter more; it saves about a tenth of the processor's
// time (docs/performance.md). Hashing passwords holds more. In containers, GOMEMLIMIT bounds it.
const garbagePercent = 400

// Main runs a service until it returns or a signal stops it (SIGINT, SIGTERM). On failure it prints one line to standard
// error and exits with code 1.
func Main(name string, run func(ctx context.Context, environ []string) error) {
	relaxScheduling()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Environ()); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		stop()
		time.Sleep(exitDelay)
		os.Exit(1)
	}
}
