package outbox_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// faultyKafka is a cluster in the test's process that can refuse or delay records.
type faultyKafka struct {
	*kfake.Cluster
}

// startFaultyKafka starts a cluster with one topic. respond is called for every request to store records. It may wait, and its
// error refuses all of them.
func startFaultyKafka(t *testing.T, nodes int, topic string, partitions int32, respond func(k faultyKafka, request *kmsg.ProduceRequest) *kerr.Error) faultyKafka {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(nodes), kfake.SeedTopics(partitions, topic), kfake.SleepOutOfOrder())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	k := faultyKafka{cluster}
	cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		produce := request.(*kmsg.ProduceRequest)
		refusal := respond(k, produce)
		if refusal == nil {
			return nil, nil, false
		}
		return refuseAll(produce, refusal), nil, true
	})
	return k
}

// Brokers returns the addresses of the cluster.
func (k faultyKafka) Brokers() string { return strings.Join(k.ListenAddrs(), ",") }

// delay keeps a request waiting, but not the others.
func (k faultyKafka) delay(until <-chan struct{}) { k.SleepControl(func() { <-until }) }

// refuseAll returns the response that refuses the records of every partition.
func refuseAll(request *kmsg.ProduceRequest, reason *kerr.Error) *kmsg.ProduceResponse {
	response := request.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range request.Topics {
		refused := kmsg.NewProduceResponseTopic()
		refused.Topic = topic.Topic
		for _, partition := range topic.Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition, p.ErrorCode = partition.Partition, reason.Code
			refused.Partitions = append(refused.Partitions, p)
		}
		response.Topics = append(response.Topics, refused)
	}
	return response
}
