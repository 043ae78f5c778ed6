package infra

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/postgres"

	"comanda/infra/port"
)

// The images of the containers kind.
const (
	postgresImage = "postgres:17"
	kafkaImage    = "apache/kafka:" + apacheVersion
)

// boxed is a server in a container, on a fixed port of this machine, so that
// it has the same address after a restart. Its data lives as long as the
// container: until Stop.
type boxed struct {
	create func(context.Context) (testcontainers.Container, error)
	box    testcontainers.Container
}

func (b *boxed) start(ctx context.Context) (err error) {
	if b.box != nil {
		return b.box.Start(ctx)
	}
	b.box, err = b.create(ctx)
	return err
}

func (b *boxed) stop(ctx context.Context) error {
	if b.box == nil {
		return nil
	}
	err := testcontainers.TerminateContainer(b.box, testcontainers.StopContext(ctx))
	b.box = nil
	return err
}

func (b *boxed) kill(ctx context.Context) error {
	if b.box == nil {
		return errors.New("there is no container")
	}
	var none time.Duration
	return b.box.Stop(ctx, &none)
}

// published binds a container's port to one of this machine's loopback.
func published(inside string, outside int) testcontainers.CustomizeRequestOption {
	return testcontainers.WithHostConfigModifier(func(host *container.HostConfig) {
		host.PortBindings = network.PortMap{network.MustParsePort(inside): []network.PortBinding{{
			HostIP: netip.AddrFrom4([4]byte{127, 0, 0, 1}), HostPort: strconv.Itoa(outside),
		}}}
	})
}

func containerPort(options Options) (int, error) {
	if options.Port != 0 {
		return options.Port, nil
	}
	return port.Reserve()
}

func containerPostgres(_ context.Context, options Options) (*Postgres, error) {
	number, err := containerPort(options)
	if err != nil {
		return nil, err
	}
	address := "127.0.0.1:" + strconv.Itoa(number)
	b := &boxed{create: func(ctx context.Context) (testcontainers.Container, error) {
		// The module turns fsync off unless it is told what to run.
		return postgres.Run(ctx, postgresImage, published("5432/tcp", number),
			postgres.WithUsername(superuser), postgres.WithPassword(superuser), postgres.WithDatabase("postgres"),
			testcontainers.WithCmd("postgres", "-c", "max_connections="+maxConnections),
			postgres.BasicWaitStrategies())
	}}
	return &Postgres{
		server: readyAfter{b, func(ctx context.Context) error {
			return untilReachable(ctx, postgresURL(address, superuser, superuser, "postgres"))
		}},
		url:  func(database string) string { return postgresURL(address, superuser, superuser, database) },
		note: fmt.Sprintf("container %s on %s", postgresImage, address),
	}, nil
}

// readyAfter waits, after each start, until the server answers.
type readyAfter struct {
	server
	ready func(context.Context) error
}

func (r readyAfter) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := r.server.start(ctx); err != nil {
		return err
	}
	return r.ready(ctx)
}

func untilReachable(ctx context.Context, url string) error {
	for {
		err := reachable(ctx, url)
		if err == nil {
			return nil
		}
		if !pause(ctx, pollInterval) {
			return err
		}
	}
}

func containerKafka(options Options) (*Kafka, error) {
	number, err := containerPort(options)
	if err != nil {
		return nil, err
	}
	address := "127.0.0.1:" + strconv.Itoa(number)
	b := &boxed{create: func(ctx context.Context) (testcontainers.Container, error) {
		return testcontainers.Run(ctx, kafkaImage, published("9092/tcp", number),
			testcontainers.WithExposedPorts("9092/tcp"),
			testcontainers.WithEnv(kafkaContainerSettings(address)))
	}}
	return &Kafka{
		server:  b,
		brokers: address,
		note:    fmt.Sprintf("container %s on %s", kafkaImage, address),
	}, nil
}

// kafkaContainerSettings are apacheSettings, as the image reads them.
func kafkaContainerSettings(address string) map[string]string {
	return map[string]string{
		"KAFKA_NODE_ID":                                  "1",
		"KAFKA_PROCESS_ROLES":                            "broker,controller",
		"KAFKA_CONTROLLER_QUORUM_VOTERS":                 "1@localhost:9093",
		"KAFKA_CONTROLLER_LISTENER_NAMES":                "CONTROLLER",
		"KAFKA_LISTENERS":                                "PLAINTEXT://:9092,CONTROLLER://:9093",
		"KAFKA_ADVERTISED_LISTENERS":                     "PLAINTEXT://" + address,
		"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP":           "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
		"KAFKA_BROKER_SESSION_TIMEOUT_MS":                "3000",
		"KAFKA_BROKER_HEARTBEAT_INTERVAL_MS":             "500",
		"KAFKA_AUTO_CREATE_TOPICS_ENABLE":                "false",
		"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR":         "1",
		"KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
		"KAFKA_TRANSACTION_STATE_LOG_MIN_ISR":            "1",
		"KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS":         "0",
		"KAFKA_HEAP_OPTS":                                "-Xmx512m",
	}
}
