package groups

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// session is the least that a broker takes by default.
const session = 6 * time.Second

// bare is a consumer reduced to its membership. It joins as Sarama does, with a version of JoinGroup that makes it a
// member at once.
type bare struct {
	t          *testing.T
	client     *kgo.Client
	group      string
	rebalance  time.Duration
	id         string
	generation int32
}

func newBare(t *testing.T, brokers, group string, rebalance time.Duration) *bare {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &bare{t: t, client: client, group: group, rebalance: rebalance}
}

// join returns the number of members that the answer names, which is 0 for all but the leader.
func (b *bare) join(ctx context.Context) (members int, err error) {
	request := kmsg.NewPtrJoinGroupRequest()
	request.Group, request.MemberID, request.ProtocolType = b.group, b.id, "consumer"
	request.SessionTimeoutMillis, request.RebalanceTimeoutMillis = int32(session.Milliseconds()), int32(b.rebalance.Milliseconds())
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name = "range"
	request.Protocols = append(request.Protocols, protocol)
	for {
		answer, err := request.RequestWith(ctx, b.client)
		if err != nil {
			return 0, err
		}
		b.id, b.generation = answer.MemberID, answer.Generation
		request.MemberID = b.id
		if answer.ErrorCode != 79 { // MEMBER_ID_REQUIRED: join again with the id
			return len(answer.Members), kerrOf(answer.ErrorCode)
		}
	}
}

// joinLater joins in the background.
func (b *bare) joinLater(ctx context.Context) <-chan error {
	answered := make(chan error, 1)
	go func() {
		_, err := b.join(ctx)
		answered <- err
	}()
	return answered
}

func (b *bare) sync(ctx context.Context, members ...*bare) {
	b.t.Helper()
	request := kmsg.NewPtrSyncGroupRequest()
	request.Group, request.MemberID, request.Generation = b.group, b.id, b.generation
	request.ProtocolType, request.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
	for _, member := range members {
		share := kmsg.NewSyncGroupRequestGroupAssignment()
		share.MemberID = member.id
		request.GroupAssignment = append(request.GroupAssignment, share)
	}
	answer, err := request.RequestWith(ctx, b.client)
	if err == nil {
		err = kerrOf(answer.ErrorCode)
	}
	if err != nil {
		b.t.Errorf("sync: %v", err)
	}
}

// beat returns the group's answer to a heartbeat.
func (b *bare) beat(ctx context.Context) error {
	request := kmsg.NewPtrHeartbeatRequest()
	request.Group, request.MemberID, request.Generation = b.group, b.id, b.generation
	answer, err := request.RequestWith(ctx, b.client)
	if err != nil {
		return err
	}
	return kerrOf(answer.ErrorCode)
}

// keepBeating sends heartbeats every second until ctx is done: the member lives, but does not join again.
func (b *bare) keepBeating(ctx context.Context) {
	for ctx.Err() == nil {
		_ = b.beat(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// awaitRebalance returns once the group waits for this member to join again.
func (b *bare) awaitRebalance(ctx context.Context) {
	b.t.Helper()
	for {
		err := b.beat(ctx)
		if isRebalance(err) {
			return
		}
		if err != nil {
			b.t.Fatalf("heartbeat: %v", err)
		}
		select {
		case <-ctx.Done():
			b.t.Fatal("no rebalance began")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
