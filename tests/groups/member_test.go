package groups

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// Keys of Kafka's requests, at which a member can be killed.
const (
	never     = -1
	joinGroup = 11 // sent: the member dies while the group waits for the others
	syncGroup = 14 // not sent: the member dies between join and sync, as the leader perhaps
)

// member is one consumer of a group: a sidecar as its broker sees it.
type member struct {
	config *sarama.Config
	killAt int16
	permit func() bool // asked before a kill at killAt
	joined func()      // called for every JoinGroup sent

	mu    sync.Mutex
	conns map[net.Conn]bool
	gone  chan struct{} // closed when the member is killed or told to stop
	ended sync.WaitGroup
}

// startMember consumes the topics until the member is killed. handle gets every record.
func startMember(brokers, group string, killAt int16, permit func() bool, joined func(), handle func(string)) *member {
	m := &member{killAt: killAt, permit: permit, joined: joined, conns: map[net.Conn]bool{}, gone: make(chan struct{})}
	m.config = daprConfig(group)
	m.config.Net.Proxy.Enable, m.config.Net.Proxy.Dialer = true, m
	m.ended.Go(func() { m.run(brokers, group, handle) })
	return m
}

// daprConfig is what Dapr's pubsub.kafka makes of components/pubsub.yaml.
func daprConfig(group string) *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V2_1_0_0
	config.ClientID = group
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Group.Session.Timeout = 6 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 2 * time.Second
	config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyRange()}
	config.Net.ReadTimeout = 30 * time.Second
	return config
}

// run consumes again after every error, after the pause that Dapr makes.
func (m *member) run(brokers, group string, handle func(string)) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-m.gone
		cancel()
	}()
	var client sarama.ConsumerGroup
	defer func() {
		if client != nil {
			_ = client.Close()
		}
	}()
	for ctx.Err() == nil {
		var err error
		if client == nil {
			client, err = sarama.NewConsumerGroup([]string{brokers}, group, m.config)
		}
		if err == nil {
			_ = client.Consume(ctx, topics, handler{ctx, handle})
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// kill cuts all connections at once and lets none be made, as the end of a process does: the group hears no LeaveGroup.
func (m *member) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.isGone() {
		close(m.gone)
	}
	for conn := range m.conns {
		_ = conn.Close()
	}
}

func (m *member) isGone() bool {
	select {
	case <-m.gone:
		return true
	default:
		return false
	}
}

var errGone = errors.New("this member was killed")

// Dial makes m the dialer of its client.
func (m *member) Dial(network, address string) (net.Conn, error) {
	conn, err := net.DialTimeout(network, address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isGone() {
		_ = conn.Close()
		return nil, errGone
	}
	m.conns[conn] = true
	return &watched{Conn: conn, member: m}, nil
}

// watched is a connection that sees every request. Sarama writes each one at once.
type watched struct {
	net.Conn
	member *member
}

func (w *watched) Write(request []byte) (int, error) {
	m, key := w.member, int16(never)
	if len(request) > 6 {
		key = int16(binary.BigEndian.Uint16(request[4:]))
	}
	if key == syncGroup && m.dies(key) {
		return 0, errGone
	}
	n, err := w.Conn.Write(request)
	if key == joinGroup {
		m.joined()
		m.dies(key)
	}
	return n, err
}

// dies kills the member if this request is the one to die at.
func (m *member) dies(key int16) bool {
	if m.killAt != key || m.isGone() || !m.permit() {
		return false
	}
	m.kill()
	return true
}

// handler hands records on and marks them, for as long as its member lives.
type handler struct {
	ctx    context.Context
	handle func(string)
}

func (handler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (h handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case <-session.Context().Done():
			return nil
		case message, open := <-claim.Messages():
			if !open || h.ctx.Err() != nil {
				return nil
			}
			h.handle(string(message.Value))
			session.MarkMessage(message, "")
		}
	}
}

// stopAll ends the members without a farewell and waits for their goroutines.
func stopAll(t *testing.T, members []*member) {
	t.Helper()
	for _, m := range members {
		m.kill()
	}
	for _, m := range members {
		m.ended.Wait()
	}
}
