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
	if err := run(os.Args[1:], os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "broker:", err)
		os.Exit(1)
	}
}

// run serves until SIGTERM, or until parent reaches its end.
func run(args []string, parent io.Reader) error {
	flags := flag.NewFlagSet("broker", flag.ContinueOnError)
	port := flags.Int("port", 0, "the port to listen on, on 127.0.0.1")
	data := flags.String("data", "", "the folder that keeps records, offsets and topics")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *port == 0 || *data == "" {
		return errors.New("say where to listen and where the data is: -port PORT -data DIR")
	}
	// SIGINT comes from a terminal's Ctrl-C. The parent handles it.
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP)
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
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
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, parent)
	}()
	select {
	case <-end:
	case <-ended:
	}
	return nil
}
