package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"comanda/services/event"
)

// TestTopicsHaveTheirRetention checks new topics, and topics of an older version: events with personal data are deleted soon, and other
// dead letters stay until they are stored.
func TestTopicsHaveTheirRetention(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]kfake.Opt{
		"new": nil, "existing": {kfake.SeedTopics(event.Partitions, event.Declared()...)},
	} {
		brokers := startCluster(t, options...)
		var output bytes.Buffer
		if code := run([]string{"topics"}, []string{"KAFKA_BROKERS=" + brokers}, &output, &output); code != 0 {
			t.Fatalf("%s: got exit code %d and %q, want 0", name, code, output.String())
		}
		configs, err := connect(t, brokers).DescribeTopicConfigs(t.Context(), event.Declared()...)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, topic := range configs {
			for _, config := range topic.Configs {
				if own := config.Source == kmsg.ConfigSourceDynamicTopicConfig; own && config.Key == "retention.ms" || own && config.Key == "segment.ms" {
					got[topic.Name+" "+config.Key] = config.MaybeValue()
				}
			}
		}
		want := map[string]string{
			"creating.user retention.ms": "86400000", "creating.user segment.ms": "14400000",
			"defaultauthcreating.useroutbox retention.ms": "86400000", "defaultauthcreating.useroutbox segment.ms": "14400000",
			"user.dead-letters retention.ms": "259200000", "user.dead-letters segment.ms": "43200000",
			"auth.dead-letters retention.ms": "-1", "order.dead-letters retention.ms": "-1", "product.dead-letters retention.ms": "-1",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s topics (-want +got):\n%s", name, diff)
		}
	}
}
