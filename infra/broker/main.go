package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	relaxScheduling()
	if err := run(os.Args[1:], os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "broker:", err)
		os.Exit(1)
	}
}

// run serves until SIGTERM, or until stdin closes because the parent process is gone.
func run(args []string, stdin io.Reader) error {
	flags := flag.NewFlagSet("broker", flag.ContinueOnError)
	port := flags.Int("port", 0, "the port to listen on, on 127.0.0.1")
	data := flags.String("data", "", "the folder for records, offsets and topics")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *port == 0 || *data == "" {
		return errors.New("a port and a data folder are needed: set -port PORT -data DIR")
	}
	// A terminal's Ctrl-C sends SIGINT to the broker too. The parent handles it.
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP)
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	cluster, err := kfake.NewCluster(
		kfake.Ports(*port),
		kfake.ClusterID("comanda"),
		kfake.DataDir(*data),
		kfake.SyncWrites(),
		kfake.WithLogger(kfake.BasicLogger(os.Stderr, kfake.LogLevelWarn)),
	)
	if err != nil {
		return err
	}
	defer cluster.Close()
	stdinClosed := make(chan struct{})
	go func() {
		defer close(stdinClosed)
		_, _ = io.Copy(io.Discard, stdin)
	}()
	select {
	case <-terminated:
	case <-stdinClosed:
	}
	return nil
}
