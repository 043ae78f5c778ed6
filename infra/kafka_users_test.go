package infra

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/services"
	"comanda/services/comanda/kafka"
	"comanda/services/event"
)

// startWithUsers starts Apache Kafka with TLS, users and ACLs, and declares every topic.
func startWithUsers(t *testing.T) *Kafka {
	t.Helper()
	if err := ApacheMissing(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("skipped: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	k, err := StartKafka(ctx, Options{Dir: t.TempDir(), Kind: Apache, Users: true, Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := k.Declare(ctx, declaredTopics()); err != nil {
		t.Fatal(err)
	}
	return k
}

// Each service's user may write and read its own topics, and no other topic and no other consumer group.
func TestKafkaRefusesWhatAServiceDoesNotOwn(t *testing.T) {
	t.Parallel()
	k := startWithUsers(t)
	for _, service := range services.Names {
		settings, err := k.ServiceSettings(service)
		if err != nil {
			t.Fatal(err)
		}
		for _, topic := range event.Declared() {
			writes, reads := allowed(service, topic)
			if got := write(t, settings, topic); got == nil != writes || got != nil && !errors.Is(got, kerr.TopicAuthorizationFailed) {
				t.Errorf("%s writes %s: got %v, want allowed %t", service, topic, got, writes)
			}
			if got := read(t, settings, topic); got == nil != reads || got != nil && !errors.Is(got, kerr.TopicAuthorizationFailed) {
				t.Errorf("%s reads %s: got %v, want allowed %t", service, topic, got, reads)
			}
		}
		for _, group := range append(services.Names, event.TrackingGroups+"1") {
			own := group == service && service != "gateway" || service == "gateway" && group == event.TrackingGroups+"1"
			if got := commit(t, settings, group); got == nil != own || got != nil && !errors.Is(got, kerr.GroupAuthorizationFailed) {
				t.Errorf("%s commits for the group %s: got %v, want allowed %t", service, group, got, own)
			}
		}
	}
	wantNoOtherWayIn(t, k)
}

// wantNoOtherWayIn checks a wrong password, another service's user name, a client without TLS and one without authentication.
func wantNoOtherWayIn(t *testing.T, k *Kafka) {
	t.Helper()
	right, _ := k.ServiceSettings("order")
	for name, change := range map[string]func(*kafka.Settings){
		"a wrong password":           func(s *kafka.Settings) { s.Password = "wrong" },
		"another service's password": func(s *kafka.Settings) { s.Username = "user" },
		"no TLS":                     func(s *kafka.Settings) { s.DisableTLS = "true" },
		"no user":                    func(s *kafka.Settings) { s.AuthType = "certificate" },
		"another certificate authority": func(s *kafka.Settings) {
			s.CACert, _, _ = newCertificate()
		},
	} {
		settings := right
		change(&settings)
		if write(t, settings, event.OrderCreatedPending.Name) == nil {
			t.Errorf("%s: the broker accepted a record", name)
		}
	}
}

// The rights are exact: an ACL that is not in the list goes, and a second run changes nothing.
func TestSetRightsRemovesOtherRights(t *testing.T) {
	t.Parallel()
	k := startWithUsers(t)
	admin, err := kafka.Connect(k.Settings())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	more := kadm.NewACLs().Allow("User:user").AllowHosts().Topics("inventory.stock.reserved").Operations(kadm.OpWrite)
	if _, err := admin.CreateACLs(t.Context(), more); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{1, 0} {
		added, removed, err := kafka.SetRights(t.Context(), admin, event.AllRights())
		if err != nil || added != 0 || removed != want {
			t.Errorf("call %d: added %d and removed %d, want 0 and %d (error: %v)", i+1, added, removed, want, err)
		}
	}
	// The operator's commands work with their own users.
	exporter := k.settingsOf(event.ExporterUser)
	client, err := kafka.Connect(exporter)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if ends, err := client.ListEndOffsets(t.Context(), event.Declared()...); err != nil || ends.Error() != nil {
		t.Errorf("the exporter lists offsets: got %v, %v", err, ends.Error())
	}
	if write(t, exporter, event.OrderCreatedPending.Name) == nil {
		t.Error("the exporter may write")
	}
	topics, err := kafka.Connect(k.settingsOf(event.TopicsUser))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(topics.Close)
	if created, err := kafka.DeclareTopics(t.Context(), topics, append(declaredTopics(), Topic{Name: "new", Partitions: 1})); err != nil || created != 1 {
		t.Errorf("the job declares topics: created %d, want 1 (error: %v)", created, err)
	}
}

// settingsOf returns the settings of a user of event.AllRights.
func (k *Kafka) settingsOf(user string) kafka.Settings {
	settings, _ := k.services(user)
	return settings
}

// allowed reports whether a service may write and read a topic, straight from the lists that its rights are made of.
func allowed(service, topic string) (writes, reads bool) {
	for _, right := range event.Rights(service) {
		if right.Kind == event.KindTopic && right.Name == topic {
			for _, operation := range right.Operations {
				writes = writes || operation == "write"
				reads = reads || operation == "read"
			}
		}
	}
	return writes, reads
}

func newClient(t *testing.T, settings kafka.Settings, more ...kgo.Opt) *kgo.Client {
	t.Helper()
	options, err := settings.ClientOptions()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(append(append(options, more...), kgo.RecordRetries(1), kgo.RetryTimeout(time.Second),
		kgo.DisableIdempotentWrite(), kgo.RecordDeliveryTimeout(10*time.Second))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func write(t *testing.T, settings kafka.Settings, topic string) error {
	t.Helper()
	return newClient(t, settings).ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("{}")}).FirstErr()
}

// read asks for the offsets of a topic and reads from its end: Kafka checks the right to read before it looks for records.
func read(t *testing.T, settings kafka.Settings, topic string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	client := newClient(t, settings, kgo.ConsumeTopics(topic), kgo.FetchMaxWait(100*time.Millisecond))
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil || !fetches.Empty() {
			return err
		}
	}
	return ctx.Err()
}

func commit(t *testing.T, settings kafka.Settings, group string) error {
	t.Helper()
	offsets := kadm.Offsets{}
	_, err := kadm.NewClient(newClient(t, settings)).FetchOffsets(t.Context(), group)
	_ = offsets
	return err
}
