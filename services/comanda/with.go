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

// hostVariable is where daprd takes the address from under which it registers itself.
const hostVariable = "DAPR_HOST_IP"

// with becomes another program, which then has
//   - the settings in a file of NAME=value lines; what the environment says itself wins, unless it is empty: a variable
//     that is empty counts as not set, and is not passed on,
//   - with -address-on NAME, its own address on the network on which NAME is known, in DAPR_HOST_IP,
//   - in its arguments $(NAME) replaced by that setting. It is written as in Kubernetes, but a NAME that is not set is an
//     error here, and nothing keeps a $(NAME) as it is: $$(NAME) becomes $ and the setting.
//
// Secrets are in a file rather than in the container's environment, where anyone who may list containers reads them.
func with(ctx context.Context, c call) error {
	flags := flag.NewFlagSet("with", flag.ContinueOnError)
	flags.SetOutput(c.stderr)
	file := flags.String("env", "", "a file of NAME=value lines")
	network := flags.String("address-on", "", "a name that is known on one network only")
	if err := flags.Parse(c.args); err != nil {
		return errUsage
	}
	if flags.NArg() == 0 {
		return errors.New("say what to run: with [-env FILE] [-address-on NAME] -- COMMAND")
	}
	environ, err := merged(c.environ, *file)
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
	args, err := expand(flags.Args(), environ)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", command, syscall.Exec(command, args, secret.Lines(environ)))
}

// merged adds what a file says to the environment.
func merged(environ map[string]string, path string) (map[string]string, error) {
	all := map[string]string{}
	if path != "" {
		kept, err := secret.Read(path)
		if err != nil {
			return nil, fmt.Errorf("%w: has `comanda secrets` been run?", err)
		}
		all = kept
	}
	for name, value := range environ {
		all[name] = value
	}
	return all, nil
}

var reference = regexp.MustCompile(`\$\([A-Z][A-Z0-9_]*\)`)

// expand replaces $(NAME). A setting that is not there is an error: an empty host name would be a guess of somebody else's.
func expand(args []string, environ map[string]string) ([]string, error) {
	var missing []string
	expanded := make([]string, len(args))
	for i, arg := range args {
		expanded[i] = reference.ReplaceAllStringFunc(arg, func(found string) string {
			name := found[2 : len(found)-1]
			if environ[name] == "" {
				missing = append(missing, name)
			}
			return environ[name]
		})
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s is not set", strings.Join(missing, ", "))
	}
	return expanded, nil
}
