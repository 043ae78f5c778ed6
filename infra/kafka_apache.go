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
)

// apacheVersion of Kafka is the one the guarantees were tried with; the image
// of the containers kind is the same.
const apacheVersion = "4.1.1"

// apachePom asks Maven for the broker and its tools with all they need.
const apachePom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>comanda</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>%[1]s</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>%[1]s</version></dependency>
  </dependencies>
</project>
`

// apacheSettings is one combined node. A broker that was killed is waited for
// until its session has run out, so that time is short; nothing is created by
// being used; consumers need not wait for company.
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

// apacheLog4j sends warnings to the standard error and leaves the rest.
const apacheLog4j = `Configuration:
  Appenders:
    Console: {name: err, target: SYSTEM_ERR, PatternLayout: {pattern: "%d %p %c %m%n"}}
  Loggers:
    Root: {level: WARN, AppenderRef: [{ref: err}]}
`

func apacheKafka(ctx context.Context, options Options) (*Kafka, error) {
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("COMANDA_BACKING=apache needs %s in the PATH (Java 17 or newer, and Maven)", tool)
		}
	}
	jars, err := apacheJars(ctx, options)
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
	a := apache{jars: jars, dir: filepath.Join(b.data(), "apache")}
	if err := a.configure(ctx, options.Port, controller); err != nil {
		b.release()
		return nil, err
	}
	b.command = a.broker
	address := "127.0.0.1:" + strconv.Itoa(options.Port)
	return &Kafka{
		server:  b,
		brokers: address,
		note:    fmt.Sprintf("Apache Kafka %s on %s, data in %s", apacheVersion, address, a.dir),
		exit:    b.exited,
	}, nil
}

// apacheJars has Maven fetch the jars once, for all checkouts of this user.
func apacheJars(ctx context.Context, options Options) (string, error) {
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
	options.say("Kafka: fetching Apache Kafka %s by Maven once", apacheVersion)
	pom := filepath.Join(dir, "pom.xml")
	if err := os.WriteFile(pom, fmt.Appendf(nil, apachePom, apacheVersion), 0o644); err != nil {
		return "", err
	}
	fetched := jars + ".new"
	cmd := exec.CommandContext(ctx, "mvn", "--batch-mode", "--quiet", "--file", pom,
		"dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+fetched)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("maven could not fetch Apache Kafka: %w: %s", err, lastLines(string(out), 3))
	}
	return jars, os.Rename(fetched, jars)
}

// apache is one broker's jars and its folder: settings and log.
type apache struct{ jars, dir string }

func (a apache) file(name string) string { return filepath.Join(a.dir, name) }

// configure writes the settings, and formats the log the first time.
func (a apache) configure(ctx context.Context, port, controller int) error {
	if err := os.MkdirAll(a.dir, 0o755); err != nil {
		return err
	}
	settings := fmt.Appendf(nil, apacheSettings, port, controller, a.file("log"))
	if err := errors.Join(
		os.WriteFile(a.file("server.properties"), settings, 0o644),
		os.WriteFile(a.file("log4j2.yaml"), []byte(apacheLog4j), 0o644),
	); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(a.file("log"), "meta.properties")); err == nil {
		return nil
	}
	// Kafka's ids are a UUID's 16 bytes in base64; any will do for one node.
	cmd := a.java("kafka.tools.StorageTool", "format", "--cluster-id", "Y29tYW5kYS1sb2NhbC0wMA",
		"--config", a.file("server.properties"), "--ignore-formatted")
	out, err := runWith(ctx, cmd)
	if err != nil {
		return fmt.Errorf("format Kafka's log: %w: %s", err, lastLines(out, 3))
	}
	return nil
}

func (a apache) broker() (*exec.Cmd, error) {
	return a.java("kafka.Kafka", a.file("server.properties")), nil
}

func (a apache) java(args ...string) *exec.Cmd {
	options := []string{"-Xms256m", "-Xmx512m", "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError",
		"-Dlog4j2.configurationFile=" + a.file("log4j2.yaml"), "-cp", filepath.Join(a.jars, "*")}
	return exec.Command("java", append(options, args...)...)
}

// runWith runs a short command and ends it with the context.
func runWith(ctx context.Context, cmd *exec.Cmd) (string, error) {
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
