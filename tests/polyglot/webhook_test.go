package polyglot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// receiver is the webhook that the TypeScript consumer posts to. It answers the first signed request of each order with 503, so
// that each is sent twice.
type receiver struct {
	secret string

	mu       sync.Mutex
	tried    map[string]bool
	orders   map[string]int64 // the total by webhook-id
	accepted int
	invalid  int // without a valid signature
}

func newReceiver(secret string) *receiver {
	return &receiver{secret: secret, tried: map[string]bool{}, orders: map[string]int64{}}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	var order struct{ TotalCents int64 }
	id := request.Header.Get("Webhook-Id")
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err != nil || !r.isSigned(id, request.Header, body):
		r.invalid++
		w.WriteHeader(http.StatusUnauthorized)
	case json.Unmarshal(body, &order) != nil:
		w.WriteHeader(http.StatusBadRequest)
	case !r.tried[id]:
		r.tried[id] = true
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		r.accepted++
		r.orders[id] = order.TotalCents
	}
}

// maxAge is the most that a request's time may differ from now: an older one may be a replay.
const maxAge = 5 * time.Minute

// isSigned checks the signature (https://www.standardwebhooks.com) in constant time.
func (r *receiver) isSigned(id string, header http.Header, body []byte) bool {
	sent, err := strconv.ParseInt(header.Get("Webhook-Timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(sent, 0)).Abs() > maxAge {
		return false
	}
	return hmac.Equal([]byte(signature(r.secret, id, sent, string(body))), []byte(header.Get("Webhook-Signature")))
}

func signature(secret, id string, sent int64, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "%s.%d.%s", id, sent, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// sum returns the orders that were posted, each counted once.
func (r *receiver) sum() (sum takings) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, cents := range r.orders {
		sum.add(cents)
	}
	return sum
}

// requests returns the number of requests that were accepted, and of those without a valid signature.
func (r *receiver) requests() (accepted, invalid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted, r.invalid
}
