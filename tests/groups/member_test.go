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

// Keys of the Kafka requests at which a member can be killed.
const (
	never     = -1
	joinGroup = 11 // after the request: the member dies while the group waits for the others
	syncGroup = 14 // before the request: the member, perhaps the leader, dies between join and sync
)

// member is one consumer of a group. To the broker it looks like a sidecar.
type member struct {
	config   *sarama.Config
	killAt   int16
	takeKill func() bool // reports whether the member may be killed at killAt
	joined   func()      // called for every JoinGroup sent

	mu      sync.Mutex
	conns   map[net.Conn]bool
	killed  chan struct{} // closed when the member is killed
	running sync.WaitGroup
}

// startMember consumes the topics until the member is killed. handle gets every record.
func startMember(brokers, group string, killAt int16, takeKill func() bool, joined func(), handle func(string)) *member {
	m := &member{killAt: killAt, takeKill: takeKill, joined: joined, conns: map[net.Conn]bool{}, killed: make(chan struct{})}
	m.config = daprConfig(group)
	m.config.Net.Proxy.Enable, m.config.Net.Proxy.Dialer = true, m
	m.running.Go(func() { m.run(brokers, group, handle) })
	return m
}

// daprConfig returns the configuration that Dapr's pubsub.kafka makes from components/pubsub.yaml.
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

// run consumes until the member is killed. After an error it consumes again, after the same pause as Dapr.
func (m *member) run(brokers, group string, handle func(string)) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-m.killed
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

// kill closes all connections and refuses new ones, as when a process ends. The member sends no LeaveGroup.
func (m *member) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.isKilled() {
		close(m.killed)
	}
	for conn := range m.conns {
		_ = conn.Close()
	}
}

func (m *member) isKilled() bool {
	select {
	case <-m.killed:
		return true
	default:
		return false
	}
}

var errKilled = errors.New("this member was killed")

// Dial implements the dialer of the member's client.
func (m *member) Dial(network, address string) (net.Conn, error) {
	conn, err := net.DialTimeout(network, address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isKilled() {
		_ = conn.Close()
		return nil, errKilled
	}
	m.conns[conn] = true
	return &watchedConn{Conn: conn, member: m}, nil
}

// watchedConn is a connection that inspects every request. Sarama writes each request with one call.
type watchedConn struct {
	net.Conn
	member *member
}

// Write sends a request, and kills the member before or after it if killAt names the request.
func (w *watchedConn) Write(request []byte) (int, error) {
	m, key := w.member, int16(never)
	if len(request) > 6 {
		key = int16(binary.BigEndian.Uint16(request[4:]))
	}
	if key == syncGroup && m.killIfDue(key) {
		return 0, errKilled
	}
	n, err := w.Conn.Write(request)
	if key == joinGroup {
		m.joined()
		m.killIfDue(key)
	}
	return n, err
}

// killIfDue kills the member if it is to be killed at this request and a kill is left.
func (m *member) killIfDue(key int16) bool {
	if m.killAt != key || m.isKilled() || !m.takeKill() {
		return false
	}
	m.kill()
	return true
}

// handler passes records on and marks them until its member is killed.
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
		case message, ok := <-claim.Messages():
			if !ok || h.ctx.Err() != nil {
				return nil
			}
			h.handle(string(message.Value))
			session.MarkMessage(message, "")
		}
	}
}

// stopMembers kills the members and waits for their goroutines.
func stopMembers(t *testing.T, members []*member) {
	t.Helper()
	for _, m := range members {
		m.kill()
	}
	for _, m := range members {
		m.running.Wait()
	}
}
