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
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

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

// One broker serves all checks, because it takes seconds to start.
func TestKafkaWithUsers(t *testing.T) {
	t.Parallel()
	k := startWithUsers(t)
	awaitCoordinator(t, k)
	wantOwnTopicsOnly(t, k)
	wantOwnGroupsOnly(t, k)
	wantNoOtherWayIn(t, k)
	wantExactRights(t, k)
	wantOperatorsUsers(t, k)
}

// awaitCoordinator waits until the broker leads every topic's partition and serves consumer groups. It writes one record to each
// topic.
func awaitCoordinator(t *testing.T, k *Kafka) {
	t.Helper()
	client := newClient(t, k.Settings())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	retry := func(try func() error) {
		t.Helper()
		for err := try(); err != nil; err = try() {
			if !pause(ctx, pollInterval) {
				t.Fatal(err)
			}
		}
	}
	for _, topic := range event.Declared() {
		retry(func() error { return write(t, client, topic) })
	}
	retry(func() error {
		_, err := kadm.NewClient(client).FetchOffsets(ctx, "any")
		return err
	})
}

// Each service's user may write and read its own topics, and no others.
func wantOwnTopicsOnly(t *testing.T, k *Kafka) {
	t.Helper()
	for _, service := range services.Names {
		client := newClient(t, k.settingsOf(service))
		for _, topic := range event.Declared() {
			writes, reads := allowed(service, topic)
			if got := write(t, client, topic); got == nil != writes || got != nil && !errors.Is(got, kerr.TopicAuthorizationFailed) {
				t.Errorf("%s writes %s: got %v, want allowed %t", service, topic, got, writes)
			}
			if got := read(t, client, topic); got == nil != reads || got != nil && !errors.Is(got, kerr.TopicAuthorizationFailed) {
				t.Errorf("%s reads %s: got %v, want allowed %t", service, topic, got, reads)
			}
		}
	}
}

// Each service's user may use the consumer group with the service's name, and no other. The gateway's replicas have tracking groups.
func wantOwnGroupsOnly(t *testing.T, k *Kafka) {
	t.Helper()
	for _, service := range services.Names {
		client := kadm.NewClient(newClient(t, k.settingsOf(service)))
		for _, group := range append(services.Names, event.TrackingGroups+"1") {
			own := group == service
			if service == "gateway" {
				own = group == event.TrackingGroups+"1"
			}
			_, got := client.FetchOffsets(t.Context(), group)
			if got == nil != own || got != nil && !errors.Is(got, kerr.GroupAuthorizationFailed) {
				t.Errorf("%s uses the group %s: got %v, want allowed %t", service, group, got, own)
			}
		}
	}
}

// The broker accepts no record from a client without a user, a right password, TLS and the broker's certificate.
func wantNoOtherWayIn(t *testing.T, k *Kafka) {
	t.Helper()
	right, _ := k.ServiceSettings("order")
	for name, change := range map[string]func(*kafka.Settings){
		"a wrong password":            func(s *kafka.Settings) { s.Password = "wrong" },
		"another service's user name": func(s *kafka.Settings) { s.Username = "user" },
		"no TLS":                      func(s *kafka.Settings) { s.DisableTLS = "true" },
		"no user":                     func(s *kafka.Settings) { s.AuthType = "certificate" },
		"another certificate authority": func(s *kafka.Settings) {
			s.CACert, _, _ = newCertificate()
		},
	} {
		settings := right
		change(&settings)
		if write(t, newClient(t, settings), event.OrderCreatedPending.Name) == nil {
			t.Errorf("%s: the broker accepted a record", name)
		}
	}
}

// The rights are exact: an ACL that is not in the list goes, and a second run changes nothing.
func wantExactRights(t *testing.T, k *Kafka) {
	t.Helper()
	admin := kadm.NewClient(newClient(t, k.Settings()))
	more := kadm.NewACLs().Allow("User:user").AllowHosts("*").Topics("inventory.stock.reserved").Operations(kadm.OpWrite).
		ResourcePatternType(kadm.ACLPatternLiteral)
	if created, err := admin.CreateACLs(t.Context(), more); err != nil || len(created) != 1 || created[0].Err != nil {
		t.Fatal(created, err)
	}
	for i, want := range []int{1, 0} {
		added, removed, err := kafka.SetRights(t.Context(), admin, event.AllRights())
		if err != nil || added != 0 || removed != want {
			t.Errorf("call %d: added %d and removed %d, want 0 and %d (error: %v)", i+1, added, removed, want, err)
		}
	}
}

// commitDeadLetter writes two dead letters of the service order, and commits the first, as its sidecar does when the service has stored it.
func commitDeadLetter(t *testing.T, k *Kafka) {
	t.Helper()
	order := newClient(t, k.settingsOf("order"))
	topic := event.DeadLetters("order")
	var partition int32
	for range 2 {
		record := &kgo.Record{Topic: topic, Key: []byte("one partition"), Value: []byte("{}")}
		if err := order.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
		partition = record.Partition
	}
	stored := kadm.Offsets{}
	stored.AddOffset(topic, partition, 1, -1)
	if err := kadm.NewClient(order).CommitAllOffsets(t.Context(), "order", stored); err != nil {
		t.Fatal(err)
	}
}

// The operator's commands work with their own users.
func wantOperatorsUsers(t *testing.T, k *Kafka) {
	t.Helper()
	exporter := newClient(t, k.settingsOf(event.ExporterUser))
	ends, err := kadm.NewClient(exporter).ListEndOffsets(t.Context(), event.Declared()...)
	if err = errors.Join(err, ends.Error()); err != nil {
		t.Errorf("the exporter lists offsets: %v", err)
	}
	if err := write(t, exporter, event.OrderCreatedPending.Name); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("the exporter writes: got %v, want it refused", err)
	}
	topics := kadm.NewClient(newClient(t, k.settingsOf(event.TopicsUser)))
	created, err := kafka.DeclareTopics(t.Context(), topics, append(declaredTopics(), Topic{Name: "new", Partitions: 1}))
	if err != nil || created != 1 {
		t.Errorf("the job declares topics: created %d, want 1 (error: %v)", created, err)
	}
	commitDeadLetter(t, k)
	if deleted, err := kafka.DeleteStored(t.Context(), topics); err != nil || deleted != 1 {
		t.Errorf("the job deletes what order has stored: got %d, want 1 (error: %v)", deleted, err)
	}
}

// settingsOf returns the settings of a user of event.AllRights.
func (k *Kafka) settingsOf(user string) kafka.Settings {
	settings, _ := k.services(user)
	return settings
}

// allowed reports whether a service may write and read a topic. It reads the lists from which the rights are built.
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

// newClient returns a client that gives up soon, so that a refusal does not take long.
func newClient(t *testing.T, settings kafka.Settings) *kgo.Client {
	t.Helper()
	options, err := settings.ClientOptions()
	if err != nil {
		t.Fatal(err)
	}
	// Fetch of 2.8 names the topics. Later versions have ids, which a client without rights cannot look up.
	client, err := kgo.NewClient(append(options, kgo.MaxVersions(kversion.V2_8_0()), kgo.RecordRetries(1), kgo.RetryTimeout(5*time.Second), kgo.MetadataMinAge(10*time.Millisecond),
		kgo.DisableIdempotentWrite(), kgo.RecordDeliveryTimeout(5*time.Second), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// write writes one record to a topic's first partition.
func write(t *testing.T, client *kgo.Client, topic string) error {
	t.Helper()
	return client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: 0, Value: []byte("{}")}).FirstErr()
}

// read sends one Fetch for a topic's first partition, which has a record, and returns the broker's error.
func read(t *testing.T, client *kgo.Client, topic string) error {
	t.Helper()
	request := kmsg.NewPtrFetchRequest()
	request.MaxWaitMillis, request.MinBytes, request.MaxBytes = 100, 1, 1<<20
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.PartitionMaxBytes = 1 << 20
	wanted := kmsg.NewFetchRequestTopic()
	wanted.Topic, wanted.Partitions = topic, []kmsg.FetchRequestTopicPartition{partition}
	request.Topics = []kmsg.FetchRequestTopic{wanted}
	response, err := client.Broker(1).RetriableRequest(t.Context(), request)
	if err != nil {
		return err
	}
	answer := response.(*kmsg.FetchResponse)
	return errors.Join(kerr.ErrorForCode(answer.ErrorCode), kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode))
}
