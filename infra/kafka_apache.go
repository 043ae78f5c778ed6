package infra

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"comanda/infra/port"
	"comanda/infra/process"
	"comanda/services/comanda/kafka"
	"comanda/services/secret"
)

// apacheVersion is the version of Kafka that the guarantees were tested with. The image of the kind Containers has the same
// version.
const apacheVersion = "4.1.1"

// apachePom lists the broker and its tools for Maven, which adds their dependencies.
const apachePom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>comanda</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>%[1]s</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>%[1]s</version></dependency>
  </dependencies>
</project>
`

// apacheSettings configures one node that is broker and controller. The session timeout is short, because a restart after a kill
// waits until the old session has expired. Topics are not auto-created. A consumer group starts without waiting for further
// members.
const apacheSettings = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d
log.dirs=%[3]s
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
`

// apacheLog4j writes warnings and errors to stderr and drops the rest.
const apacheLog4j = `Configuration:
  Appenders:
    Console: {name: err, target: SYSTEM_ERR, PatternLayout: {pattern: "%d %p %c %m%n"}}
  Loggers:
    Root: {level: WARN, AppenderRef: [{ref: err}]}
`

// ApacheMissing returns an error if this machine lacks what Apache Kafka needs.
func ApacheMissing() error {
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("COMANDA_BACKING=apache needs %s in the PATH: install Java 17 or newer, and Maven", tool)
		}
	}
	return nil
}

// newApacheKafka downloads Apache Kafka if necessary, writes its settings and prepares its start.
func newApacheKafka(ctx context.Context, options Options) (*Kafka, error) {
	if err := ApacheMissing(); err != nil {
		return nil, err
	}
	jars, err := fetchApacheJars(ctx, options)
	if err != nil {
		return nil, err
	}
	controller, err := port.Reserve()
	if err != nil {
		return nil, err
	}
	if options.Port == 0 {
		if options.Port, err = port.Reserve(); err != nil {
			return nil, err
		}
	}
	b := &brokerProcess{options: options}
	if err := b.prepare(); err != nil {
		return nil, err
	}
	a := apache{jars: jars, dir: filepath.Join(b.dataDir(), "apache")}
	users, err := a.configure(ctx, options, controller)
	if err != nil {
		b.release()
		return nil, err
	}
	b.command = a.brokerCommand
	b.restore = func(ctx context.Context) error {
		_, err := a.configure(ctx, options, controller)
		return err
	}
	address := "127.0.0.1:" + strconv.Itoa(options.Port)
	k := &Kafka{
		server:   b,
		settings: kafka.Settings{Brokers: address},
		note:     fmt.Sprintf("Apache Kafka %s on %s, data in %s", apacheVersion, address, a.dir),
		exit:     b.exited, pid: b.child.pid,
	}
	if users != nil {
		k.settings = users.settings(address, kafkaAdmin)
		k.services = users.serviceSettings(address)
		k.prepare = func(ctx context.Context) error { return users.create(ctx, k.settings) }
	}
	return k, nil
}

// fetchApacheJars downloads the jars with Maven once, for all checkouts of this user.
func fetchApacheJars(ctx context.Context, options Options) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "comanda", "kafka-"+apacheVersion)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	unlock, err := process.AwaitLock(ctx, filepath.Join(dir, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	jars := filepath.Join(dir, "jars")
	if _, err := os.Stat(jars); err == nil {
		return jars, nil
	}
	options.logf("Kafka: downloading Apache Kafka %s with Maven, once", apacheVersion)
	pom := filepath.Join(dir, "pom.xml")
	if err := os.WriteFile(pom, fmt.Appendf(nil, apachePom, apacheVersion), 0o644); err != nil {
		return "", err
	}
	fetched := jars + ".new"
	cmd := exec.CommandContext(ctx, "mvn", "--batch-mode", "--quiet", "--file", pom,
		"dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+fetched)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("maven could not download Apache Kafka: %w: %s", err, joinLastLines(string(out), 3))
	}
	return jars, os.Rename(fetched, jars)
}

// apache is an Apache Kafka broker: the folder of its jars, and the folder of its settings and data.
type apache struct{ jars, dir string }

func (a apache) path(name string) string { return filepath.Join(a.dir, name) }

// configure writes the settings, and formats the data folder on the first run. It returns the users; nil without options.Users.
func (a apache) configure(ctx context.Context, options Options, controller int) (users *kafkaUsers, err error) {
	if err := os.MkdirAll(a.dir, 0o755); err != nil {
		return nil, err
	}
	settings := fmt.Sprintf(apacheSettings, options.Port, controller, a.path("log"))
	if options.Users {
		if users, err = newKafkaUsers(); err != nil {
			return nil, err
		}
		more, err := users.write(a, options.Port, controller)
		if err != nil {
			return nil, err
		}
		settings += more
	}
	if err := errors.Join(
		secret.Write(a.path("server.properties"), []byte(settings), 0o600),
		os.WriteFile(a.path("log4j2.yaml"), []byte(apacheLog4j), 0o644),
	); err != nil {
		return nil, err
	}
	return users, a.format(ctx)
}

// format formats the data folder unless an earlier run has done so.
func (a apache) format(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(a.path("log"), "meta.properties")); err == nil {
		return nil
	}
	// A cluster id is a UUID's 16 bytes in base64. Any value works for one node.
	cmd := a.javaCommand("kafka.tools.StorageTool", "format", "--cluster-id", "Y29tYW5kYS1sb2NhbC0wMA",
		"--config", a.path("server.properties"), "--ignore-formatted")
	out, err := runCommand(ctx, cmd)
	if err != nil {
		return fmt.Errorf("format Kafka's data folder: %w: %s", err, joinLastLines(out, 3))
	}
	return nil
}

func (a apache) brokerCommand() (*exec.Cmd, error) {
	return a.javaCommand("kafka.Kafka", a.path("server.properties")), nil
}

func (a apache) javaCommand(args ...string) *exec.Cmd {
	options := []string{"-Xms256m", "-Xmx512m", "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError",
		"-Dlog4j2.configurationFile=" + a.path("log4j2.yaml"), "-cp", filepath.Join(a.jars, "*")}
	return exec.Command("java", append(options, args...)...)
}

// runCommand runs a short command, kills it when ctx is done, and returns its output.
func runCommand(ctx context.Context, cmd *exec.Cmd) (string, error) {
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	err := cmd.Wait()
	return out.String(), err
}
