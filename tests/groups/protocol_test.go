package groups

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// session is the shortest session time-out that a broker accepts by default.
const session = 6 * time.Second

// rawMember is a group member that sends single protocol requests and consumes nothing. It joins as Sarama does, with a
// version of JoinGroup that makes it a member at once.
type rawMember struct {
	t          *testing.T
	client     *kgo.Client
	group      string
	rebalance  time.Duration
	id         string
	generation int32
}

func newRawMember(t *testing.T, brokers, group string, rebalance time.Duration) *rawMember {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &rawMember{t: t, client: client, group: group, rebalance: rebalance}
}

// join joins the group, or joins it again. It returns the number of members in the response, which is 0 for every member but the
// leader.
func (m *rawMember) join(ctx context.Context) (members int, err error) {
	request := kmsg.NewPtrJoinGroupRequest()
	request.Group, request.MemberID, request.ProtocolType = m.group, m.id, "consumer"
	request.SessionTimeoutMillis = int32(session.Milliseconds())
	request.RebalanceTimeoutMillis = int32(m.rebalance.Milliseconds())
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name = "range"
	request.Protocols = append(request.Protocols, protocol)
	for {
		response, err := request.RequestWith(ctx, m.client)
		if err != nil {
			return 0, err
		}
		m.id, m.generation = response.MemberID, response.Generation
		request.MemberID = m.id
		if response.ErrorCode != 79 { // MEMBER_ID_REQUIRED: join again with the id
			return len(response.Members), kerrOf(response.ErrorCode)
		}
	}
}

// joinInBackground returns a channel that gets the result of the join.
func (m *rawMember) joinInBackground(ctx context.Context) <-chan error {
	result := make(chan error, 1)
	go func() {
		_, err := m.join(ctx)
		result <- err
	}()
	return result
}

// sync sends a SyncGroup; the leader names the members.
func (m *rawMember) sync(ctx context.Context, members ...*rawMember) {
	m.t.Helper()
	request := kmsg.NewPtrSyncGroupRequest()
	request.Group, request.MemberID, request.Generation = m.group, m.id, m.generation
	request.ProtocolType, request.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
	for _, member := range members {
		assignment := kmsg.NewSyncGroupRequestGroupAssignment()
		assignment.MemberID = member.id
		request.GroupAssignment = append(request.GroupAssignment, assignment)
	}
	response, err := request.RequestWith(ctx, m.client)
	if err == nil {
		err = kerrOf(response.ErrorCode)
	}
	if err != nil {
		m.t.Errorf("SyncGroup: got error %v, want none", err)
	}
}

// heartbeat returns the error in the response to a heartbeat.
func (m *rawMember) heartbeat(ctx context.Context) error {
	request := kmsg.NewPtrHeartbeatRequest()
	request.Group, request.MemberID, request.Generation = m.group, m.id, m.generation
	response, err := request.RequestWith(ctx, m.client)
	if err != nil {
		return err
	}
	return kerrOf(response.ErrorCode)
}

// keepHeartbeating sends a heartbeat every second until ctx is done. The member stays alive but does not join again.
func (m *rawMember) keepHeartbeating(ctx context.Context) {
	for ctx.Err() == nil {
		_ = m.heartbeat(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// awaitRebalance returns when the group waits for this member to join again.
func (m *rawMember) awaitRebalance(ctx context.Context) {
	m.t.Helper()
	for {
		err := m.heartbeat(ctx)
		if isRebalance(err) {
			return
		}
		if err != nil {
			m.t.Fatalf("heartbeat: got error %v, want REBALANCE_IN_PROGRESS", err)
		}
		select {
		case <-ctx.Done():
			m.t.Fatal("rebalance: got none before the test's time-out, want one")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
