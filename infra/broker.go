package infra

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

// The embedded broker is a process of its own, so that a test can kill it and
// it outlives nothing; it is this same program (a test's, or dapr/local), run
// again with these two variables set. That works from any package's tests and
// needs nothing to be built first.
const (
	brokerPortVariable = "COMANDA_BROKER_PORT"
	brokerDataVariable = "COMANDA_BROKER_DATA"
)

func init() {
	if port := os.Getenv(brokerPortVariable); port != "" {
		if err := serveBroker(port, os.Getenv(brokerDataVariable), os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, "broker:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// serveBroker runs until it is told to end, or its parent is gone: that holds
// the other end of the standard input.
func serveBroker(port, data string, parent io.Reader) error {
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	// SIGINT comes from a terminal's Ctrl-C, which is for the parent to handle.
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP)
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	cluster, err := kfake.NewCluster(
		kfake.Ports(number),
		kfake.ClusterID("comanda"),
		kfake.DataDir(data),
		kfake.SyncWrites(),
		kfake.WithLogger(kfake.BasicLogger(os.Stderr, kfake.LogLevelWarn)),
	)
	if err != nil {
		return err
	}
	watching, stop := context.WithCancel(context.Background())
	defer stop()
	if err := watchForGhosts(watching, cluster); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, parent)
		end <- syscall.SIGTERM
	}()
	<-end
	cluster.Close()
	return nil
}
