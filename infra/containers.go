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

	"comanda/services/comanda/kafka"
)

// The images of the kind Containers.
const (
	postgresImage = "postgres:17"
	kafkaImage    = "apache/kafka:" + apacheVersion
)

// containerServer is a server in a container. Its port on this machine is fixed, so that its address is the same after a
// restart. Its data lives until Stop removes the container.
type containerServer struct {
	create    func(context.Context) (testcontainers.Container, error)
	container testcontainers.Container
}

func (c *containerServer) start(ctx context.Context) (err error) {
	if c.container != nil {
		return c.container.Start(ctx)
	}
	c.container, err = c.create(ctx)
	return err
}

func (c *containerServer) stop(ctx context.Context) error {
	if c.container == nil {
		return nil
	}
	err := testcontainers.TerminateContainer(c.container, testcontainers.StopContext(ctx))
	c.container = nil
	return err
}

func (c *containerServer) kill(ctx context.Context) error {
	if c.container == nil {
		return errors.New("the container was never started")
	}
	var none time.Duration
	return c.container.Stop(ctx, &none)
}

// publishPort publishes a container's port on this machine's loopback.
func publishPort(inside string, outside int) testcontainers.CustomizeRequestOption {
	return testcontainers.WithHostConfigModifier(func(host *container.HostConfig) {
		host.PortBindings = network.PortMap{network.MustParsePort(inside): []network.PortBinding{{
			HostIP: netip.AddrFrom4([4]byte{127, 0, 0, 1}), HostPort: strconv.Itoa(outside),
		}}}
	})
}

// containerPort returns the port of the options, or a free one.
func containerPort(options Options) (int, error) {
	if options.Port != 0 {
		return options.Port, nil
	}
	return port.Reserve()
}

func newContainerPostgres(_ context.Context, options Options) (*Postgres, error) {
	number, err := containerPort(options)
	if err != nil {
		return nil, err
	}
	address := "127.0.0.1:" + strconv.Itoa(number)
	c := &containerServer{create: func(ctx context.Context) (testcontainers.Container, error) {
		// The module turns fsync off unless it gets a command.
		return postgres.Run(ctx, postgresImage, publishPort("5432/tcp", number),
			postgres.WithUsername(superuser), postgres.WithPassword(superuser), postgres.WithDatabase("postgres"),
			testcontainers.WithCmd("postgres", "-c", "max_connections="+maxConnections),
			postgres.BasicWaitStrategies())
	}}
	return &Postgres{
		server: readyServer{c, func(ctx context.Context) error {
			return awaitPostgres(ctx, postgresURL(address, superuser, superuser, "postgres"))
		}},
		url:  func(database string) string { return postgresURL(address, superuser, superuser, database) },
		note: fmt.Sprintf("container %s on %s", postgresImage, address),
	}, nil
}

// readyServer waits after each start until the server is ready.
type readyServer struct {
	server
	awaitReady func(context.Context) error
}

func (r readyServer) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := r.server.start(ctx); err != nil {
		return err
	}
	return r.awaitReady(ctx)
}

func awaitPostgres(ctx context.Context, url string) error {
	for {
		err := pingPostgres(ctx, url)
		if err == nil {
			return nil
		}
		if !pause(ctx, pollInterval) {
			return err
		}
	}
}

func newContainerKafka(options Options) (*Kafka, error) {
	number, err := containerPort(options)
	if err != nil {
		return nil, err
	}
	address := "127.0.0.1:" + strconv.Itoa(number)
	c := &containerServer{create: func(ctx context.Context) (testcontainers.Container, error) {
		return testcontainers.Run(ctx, kafkaImage, publishPort("9092/tcp", number),
			testcontainers.WithExposedPorts("9092/tcp"),
			testcontainers.WithEnv(kafkaContainerSettings(address)))
	}}
	return &Kafka{
		server:   c,
		settings: kafka.Settings{Brokers: address},
		note:     fmt.Sprintf("container %s on %s", kafkaImage, address),
	}, nil
}

// kafkaContainerSettings returns the settings of one node, like apacheSettings, as the environment variables that the image reads.
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
