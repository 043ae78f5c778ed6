package infra

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A consumer that is killed while it joins a group does not keep its share of
// the partitions: the others get them once its session is over.
func TestAMemberKilledWhileItJoinsGoes(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	kafka, err := StartKafka(ctx, Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kafka.Stop(context.WithoutCancel(ctx)) })

	alive := newMember(t, kafka)
	if alive.join(ctx) == nil {
		t.Fatal("alone, it cannot join")
	}
	alive.sync(ctx, alive.id)

	dead := newMember(t, kafka)
	joining, stop := context.WithCancel(ctx)
	go dead.join(joining) // is held until the other joins again
	for alive.beat(ctx) == nil {
		if !pause(ctx, 20*time.Millisecond) {
			t.Fatal("nobody was told that somebody joins")
		}
	}
	stop()
	dead.client.Close()
	if !pause(ctx, 100*time.Millisecond) { // for the broker to see that the connection is gone
		t.Fatal(ctx.Err())
	}
	members := alive.join(ctx)
	if len(members) != 2 {
		t.Fatalf("the group has %d members, and the dead one should be among them", len(members))
	}
	alive.sync(ctx, alive.id)

	begun := time.Now()
	for alive.beat(ctx) == nil {
		if time.Since(begun) > 4*memberSession {
			t.Fatal("the dead one is still a member")
		}
		if !pause(ctx, 100*time.Millisecond) {
			t.Fatal(ctx.Err())
		}
	}
	if members := alive.join(ctx); len(members) != 1 {
		t.Fatalf("the group has %d members", len(members))
	}
}

const memberSession = 6 * time.Second

// member is a consumer, reduced to its membership.
type member struct {
	t          *testing.T
	client     *kgo.Client
	id         string
	generation int32
}

func newMember(t *testing.T, kafka *Kafka) *member {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(kafka.Brokers(), ",")...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &member{t: t, client: client}
}

// join returns the members that the leader is told of; nil when it failed.
func (m *member) join(ctx context.Context) []kmsg.JoinGroupResponseMember {
	for range 2 { // the first time it is told who it is
		request := kmsg.NewPtrJoinGroupRequest()
		request.Group, request.MemberID, request.ProtocolType = "watched", m.id, "consumer"
		request.SessionTimeoutMillis, request.RebalanceTimeoutMillis = int32(memberSession/time.Millisecond), 60_000
		protocol := kmsg.NewJoinGroupRequestProtocol()
		protocol.Name = "range"
		request.Protocols = append(request.Protocols, protocol)
		answer, err := request.RequestWith(ctx, m.client)
		if err != nil {
			return nil
		}
		m.id, m.generation = answer.MemberID, answer.Generation
		if answer.ErrorCode == 0 {
			return answer.Members
		}
	}
	return nil
}

func (m *member) sync(ctx context.Context, members ...string) {
	m.t.Helper()
	request := kmsg.NewPtrSyncGroupRequest()
	request.Group, request.MemberID, request.Generation = "watched", m.id, m.generation
	for _, id := range members {
		share := kmsg.NewSyncGroupRequestGroupAssignment()
		share.MemberID = id
		request.GroupAssignment = append(request.GroupAssignment, share)
	}
	if answer, err := request.RequestWith(ctx, m.client); err != nil || answer.ErrorCode != 0 {
		m.t.Fatalf("sync: %v, %+v", err, answer)
	}
}

// beat fails when the group has changed.
func (m *member) beat(ctx context.Context) error {
	request := kmsg.NewPtrHeartbeatRequest()
	request.Group, request.MemberID, request.Generation = "watched", m.id, m.generation
	answer, err := request.RequestWith(ctx, m.client)
	if err != nil || answer.ErrorCode == 0 {
		return err
	}
	return context.Canceled
}
