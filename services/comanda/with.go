package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"syscall"

	"comanda/services/secret"
)

// hostVariable holds the address under which daprd registers itself for name resolution.
const hostVariable = "DAPR_HOST_IP"

// runWith replaces this process with another program. That program gets
//   - the settings of a file of NAME=value lines. A variable of the environment wins over the file. An empty variable
//     counts as not set and is not passed on.
//   - with -address-on NAME, its own address on the network where NAME is an alias, in DAPR_HOST_IP.
//   - its arguments with each $(NAME) replaced by that setting. The syntax is that of Kubernetes, with two differences: a
//     NAME that is not set is an error, and there is no escape: $$(NAME) becomes $ and the setting.
//
// Secrets are in a file and not in the container's environment, which is visible to everyone who may inspect containers.
func runWith(ctx context.Context, c call) error {
	flags := flag.NewFlagSet("with", flag.ContinueOnError)
	flags.SetOutput(c.stderr)
	file := flags.String("env", "", "a file of NAME=value lines")
	network := flags.String("address-on", "", "a name that is an alias on one network only")
	if err := flags.Parse(c.args); err != nil {
		return errUsage
	}
	if flags.NArg() == 0 {
		return errors.New("no command given: with [-env FILE] [-address-on NAME] -- COMMAND")
	}
	environ, err := mergeSettings(c.environ, *file)
	if err != nil {
		return err
	}
	if *network != "" {
		if environ[hostVariable], err = ownAddress(ctx, *network); err != nil {
			return err
		}
	}
	command, err := exec.LookPath(flags.Arg(0))
	if err != nil {
		return err
	}
	args, err := expandReferences(flags.Args(), environ)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", command, syscall.Exec(command, args, secret.Lines(environ)))
}

// mergeSettings adds the settings of a file to the environment, which wins.
func mergeSettings(environ map[string]string, path string) (map[string]string, error) {
	settings := map[string]string{}
	if path != "" {
		fromFile, err := secret.Read(path)
		if err != nil {
			return nil, fmt.Errorf("%w: run `comanda secrets` first", err)
		}
		settings = fromFile
	}
	for name, value := range environ {
		settings[name] = value
	}
	return settings, nil
}

var reference = regexp.MustCompile(`\$\([A-Z][A-Z0-9_]*\)`)

// expandReferences replaces each $(NAME). A missing setting is an error: an empty host name could reach another server.
func expandReferences(args []string, environ map[string]string) ([]string, error) {
	var missing []string
	expanded := make([]string, len(args))
	for i, arg := range args {
		expanded[i] = reference.ReplaceAllStringFunc(arg, func(match string) string {
			name := match[2 : len(match)-1]
			if environ[name] == "" {
				missing = append(missing, name)
			}
			return environ[name]
		})
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s is not set: set it, or give a file that sets it with -env", strings.Join(missing, ", "))
	}
	return expanded, nil
}
