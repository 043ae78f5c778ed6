package chaos

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// kafkaRelay forwards Kafka's protocol to a broker, and replaces the broker's port in the responses. A client connects to the address
// that the broker's responses name; without the relay it would bypass the proxy.
type kafkaRelay struct {
	broker     string
	listener   net.Listener
	advertised atomic.Int32 // the port in the responses to clients
}

func startKafkaRelay(broker string) (*kafkaRelay, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	relay := &kafkaRelay{broker: broker, listener: listener}
	go relay.serve()
	return relay, nil
}

func (k *kafkaRelay) address() string { return k.listener.Addr().String() }

func (k *kafkaRelay) close() { _ = k.listener.Close() }

// advertise sets the address to which clients connect.
func (k *kafkaRelay) advertise(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	number, err := strconv.ParseInt(port, 10, 32)
	k.advertised.Store(int32(number))
	return err
}

func (k *kafkaRelay) serve() {
	for {
		client, err := k.listener.Accept()
		if err != nil {
			return
		}
		broker, err := net.Dial("tcp", k.broker)
		if err != nil {
			_ = client.Close()
			continue
		}
		conversation := &kafkaConversation{relay: k, requests: map[int32]requestKind{}}
		go pipe(client, broker, conversation.request)
		go pipe(broker, client, conversation.response)
	}
}

// pipe forwards each message, after change has edited it, until one side closes. Then it closes both sides.
func pipe(from, to net.Conn, change func([]byte) ([]byte, error)) {
	defer func() { _, _ = from.Close(), to.Close() }()
	for {
		var size [4]byte
		if _, err := io.ReadFull(from, size[:]); err != nil {
			return
		}
		message := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(from, message); err != nil {
			return
		}
		message, err := change(message)
		if err != nil {
			return
		}
		if _, err := to.Write(binary.BigEndian.AppendUint32(nil, uint32(len(message)))); err != nil {
			return
		}
		if _, err := to.Write(message); err != nil {
			return
		}
	}
}

// requestKind is the part of a request that is needed to decode its response.
type requestKind struct{ key, version int16 }

// kafkaConversation holds the requests of one client's connection that have no response yet.
type kafkaConversation struct {
	relay *kafkaRelay

	mu       sync.Mutex
	requests map[int32]requestKind // by correlation id
}

// The keys of the requests whose responses name the address of a broker.
var (
	metadata        = (&kmsg.MetadataRequest{}).Key()
	findCoordinator = (&kmsg.FindCoordinatorRequest{}).Key()
)

// request records a client's message, so that response can decode the broker's answer. It returns the message unchanged.
func (c *kafkaConversation) request(message []byte) ([]byte, error) {
	header := kbin.Reader{Src: message}
	asked := requestKind{header.Int16(), header.Int16()}
	id := header.Int32()
	if asked.key == metadata || asked.key == findCoordinator {
		c.mu.Lock()
		c.requests[id] = asked
		c.mu.Unlock()
	}
	return message, header.Complete()
}

// response replaces the broker's port in a message of the broker.
func (c *kafkaConversation) response(message []byte) ([]byte, error) {
	header := kbin.Reader{Src: message}
	id := header.Int32()
	c.mu.Lock()
	asked, awaited := c.requests[id]
	delete(c.requests, id)
	c.mu.Unlock()
	if !awaited {
		return message, header.Complete()
	}
	response := kmsg.ResponseForKey(asked.key)
	response.SetVersion(asked.version)
	if response.IsFlexible() {
		kmsg.SkipTags(&header)
	}
	start := len(message) - len(header.Src)
	if err := errors.Join(header.Complete(), response.ReadFrom(header.Src)); err != nil {
		return nil, err
	}
	c.relay.replacePort(response)
	return response.AppendTo(message[:start:start]), nil
}

// replacePort replaces the port of every broker in a response. There is one broker.
func (k *kafkaRelay) replacePort(response kmsg.Response) {
	port := k.advertised.Load()
	switch response := response.(type) {
	case *kmsg.MetadataResponse:
		for i := range response.Brokers {
			response.Brokers[i].Port = port
		}
	case *kmsg.FindCoordinatorResponse:
		if response.Port > 0 { // a response with an error has none
			response.Port = port
		}
		for i := range response.Coordinators {
			if response.Coordinators[i].Port > 0 {
				response.Coordinators[i].Port = port
			}
		}
	}
}
