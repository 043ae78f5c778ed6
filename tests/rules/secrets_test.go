package rules

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"comanda/services"
	"comanda/services/comanda/kafka"
	"comanda/services/event"
)

// guarded are the containers that ask each client for a password or a token. PUBLISH_HOST can open only these to a network.
var guarded = []string{"gateway", "grafana"}

// loopbackPort matches a port that no setting moves away from the loopback.
var loopbackPort = regexp.MustCompile(`^127\.0\.0\.(1|\$\{LOOPBACK:-1\}):`)

// PUBLISH_HOST opens no port that answers without a password: no database, no broker, no logs, metrics or traces.
func TestOnlyGuardedPortsFollowPublishHost(t *testing.T) {
	for _, file := range []string{"docker-compose.yml", "docker-compose.scale.yml"} {
		for name, c := range containers(t, file) {
			if c["network_mode"] == "host" {
				t.Errorf("%s: %s is on the host's network", file, name)
			}
			for _, port := range c.list("ports") {
				open := strings.HasPrefix(port, "${PUBLISH_HOST:-127.0.0.1}:")
				if open != slices.Contains(guarded, name) || !open && !loopbackPort.MatchString(port) {
					t.Errorf("%s: %s publishes %s, want the loopback, and PUBLISH_HOST only for %v", file, name, port, guarded)
				}
			}
		}
	}
}

// secretVariable matches the names of variables with secret values.
var secretVariable = regexp.MustCompile(`(SECRET|PASSWORD|TOKEN|_KEY$|DATABASE_URL|_PASS$)`)

// No container's environment holds a secret, because everyone who may inspect containers can read it. The job that generates and
// distributes the secrets is an exception: it gets the secrets that the operator sets.
func TestNoSecretIsInAContainersEnvironment(t *testing.T) {
	for _, file := range []string{"docker-compose.yml", "docker-compose.scale.yml"} {
		for name, c := range containers(t, file) {
			if name == "secrets" {
				continue
			}
			for _, variable := range c.list("environment") {
				if secretVariable.MatchString(variable) && !strings.HasSuffix(variable, "_FILE") && !strings.HasSuffix(variable, "__FILE") {
					t.Errorf("%s: the environment of %s has %s: use a file", file, name, variable)
				}
			}
		}
	}
}

// No command line refers to a secret: every local user can read command lines.
func TestNoCommandLineRefersToASecret(t *testing.T) {
	reference := regexp.MustCompile(`\$[({]*[A-Z_]*(SECRET|PASSWORD|TOKEN|DATABASE_URL|_PASS\b)[A-Z_]*`)
	for _, file := range []string{"docker-compose.yml", "docker-compose.scale.yml"} {
		for name, c := range containers(t, file) {
			for _, part := range append(c.list("command"), c.list("entrypoint")...) {
				if reference.MatchString(part) {
					t.Errorf("%s: the command of %s contains %s", file, name, part)
				}
			}
		}
	}
}

// No command in the documentation and the scripts has a secret among its arguments. `-e NAME`, without a value, passes the
// variable on.
func TestNoDocumentedCommandHasASecretAsAnArgument(t *testing.T) {
	argument := regexp.MustCompile(`(-e|--env|--build-arg)[ =][A-Z_]*(SECRET|PASSWORD|TOKEN|DATABASE_URL|SIGNING_KEY)[A-Z_]*=|reset-admin-password [A-Z$]|psql [^\n]*://|PGPASSWORD=[^ ]* *\\`)
	output, err := exec.Command("git", "-C", root(t), "ls-files", "*.md", "*.sh", "Makefile", ".ci/run").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range strings.Fields(string(output)) {
		text, err := os.ReadFile(filepath.Join(root(t), file))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range argument.FindAllString(string(text), -1) {
			t.Errorf("%s: %q shows a secret to every local user: set the variable in front of the command instead", file, found)
		}
	}
}

// Every component for Kafka takes the same settings from the environment, so that TLS and users need no change of a file.
func TestEveryKafkaComponentReadsItsUserFromTheEnvironment(t *testing.T) {
	references := map[string]string{
		"brokers": "KAFKA_BROKERS", "authType": "KAFKA_AUTH_TYPE", "saslUsername": "KAFKA_SASL_USERNAME",
		"saslPassword": "KAFKA_SASL_PASSWORD", "saslMechanism": "KAFKA_SASL_MECHANISM", "disableTls": "KAFKA_DISABLE_TLS",
		"caCert": "KAFKA_CA_CERT", "clientCert": "KAFKA_CLIENT_CERT", "clientKey": "KAFKA_CLIENT_KEY",
	}
	if got, want := slices.Sorted(maps.Keys(kafka.Settings{}.Environ())), slices.Sorted(maps.Values(references)); !slices.Equal(got, want) {
		t.Errorf("our programs read %v, the components %v", got, want)
	}
	found := 0
	for _, component := range resources(t, "components") {
		if component.Spec.Type != "pubsub.kafka" {
			continue
		}
		found++
		given := map[string]string{}
		for _, item := range component.Spec.Metadata {
			given[item.Name] = item.EnvRef
		}
		for name, variable := range references {
			if given[name] != variable {
				t.Errorf("component %s: %s: got envRef %q, want %s", component.Metadata.Name, name, given[name], variable)
			}
		}
		if group := component.setting("consumerGroup"); group != "" && !strings.HasPrefix(group, event.TrackingGroups) {
			t.Errorf("component %s: the group %s has no ACL: it must begin with %s", component.Metadata.Name, group, event.TrackingGroups)
		}
	}
	if found != 2 {
		t.Errorf("found %d components for Kafka, want 2", found)
	}
}

// The rights in Kafka follow from the subscriptions: event.Subscriptions lists the same subscriptions as dapr/subscriptions.
func TestSubscriptionsMatchTheRightsInKafka(t *testing.T) {
	subscribed := map[string][]string{}
	for _, subscription := range resources(t, "dapr/subscriptions") {
		for _, service := range subscription.Scopes {
			subscribed[service] = append(subscribed[service], subscription.Spec.Topic)
		}
	}
	for _, service := range services.Names {
		got, want := slices.Sorted(slices.Values(event.Subscriptions[service])), slices.Sorted(slices.Values(subscribed[service]))
		if !slices.Equal(got, want) {
			t.Errorf("%s: event.Subscriptions has %v, dapr/subscriptions %v", service, got, want)
		}
	}
}

// docs/operations.md has a row for every user of Kafka, with its rights.
func TestTableOfRightsInKafkaIsComplete(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	for user, rights := range event.AllRights() {
		row := "| `" + user + "` | " + topicCell(rights, "write") + " | " + topicCell(rights, "read") + " | " +
			groupCell(rights) + " |"
		if !strings.Contains(string(text), row+"\n") {
			t.Errorf("docs/operations.md lacks the row\n%s", row)
		}
	}
}

// topicCell lists the topics that one operation is allowed on; the internal topics of unmodified daprd's outbox are one entry.
func topicCell(rights []event.Right, operation string) string {
	var topics []string
	for _, right := range rights {
		if right.Kind != event.KindTopic || right.Name == event.AllNames || !slices.Contains(right.Operations, operation) {
			continue
		}
		name := "`" + right.Name + "`"
		if strings.HasPrefix(right.Name, "default") {
			name = "its internal topics"
		}
		if !slices.Contains(topics, name) {
			topics = append(topics, name)
		}
	}
	slices.Sort(topics)
	return orNone(topics)
}

// groupCell lists the consumer groups, and the other rights of the operator's commands.
func groupCell(rights []event.Right) string {
	var all []string
	for _, right := range rights {
		switch {
		case right.Kind == event.KindGroup && right.Prefix:
			all = append(all, fmt.Sprintf("groups `%s*`", right.Name))
		case right.Kind == event.KindGroup && right.Name != event.AllNames:
			all = append(all, fmt.Sprintf("group `%s`", right.Name))
		case slices.Contains(right.Operations, "delete"):
			all = append(all, fmt.Sprintf("delete on `%s`", right.Name))
		case right.Kind == event.KindCluster:
			all = append(all, strings.Join(right.Operations, ", ")+" on the cluster")
		case right.Name == event.AllNames:
			all = append(all, strings.Join(right.Operations, ", ")+" on all "+right.Kind+"s")
		}
	}
	return orNone(all)
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "-"
	}
	return strings.Join(list, ", ")
}
