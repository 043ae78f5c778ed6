package trial

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"comanda/tests/client"
	"comanda/tests/system"
)

func person() client.Person {
	return client.Person{Email: uuid.NewString() + "@example.com", Password: "a good secret", Name: "Ana"}
}

func docs(t *testing.T, s *system.System, service, key string) string {
	conn, err := pgx.Connect(t.Context(), s.DatabaseURL(service))
	if err != nil { t.Fatal(err) }
	defer conn.Close(context.Background())
	var v string
	err = conn.QueryRow(t.Context(), `select coalesce((select doc(value)::text from state where key=$1), 'none')`, key).Scan(&v)
	if err != nil { t.Fatal(err) }
	return v
}

func TestTrial(t *testing.T) {
	s := system.Start(t, system.Options{Settings: map[string]string{"RECOVERY_AFTER": "3s", "RECOVERY_GIVE_UP": "12s", "RECOVERY_EVERY": "1s"}})
	c := client.New(s.URL)
	ctx := t.Context()
	user := s.Pair("user")
	// A
	user.Service.Kill(); user.Sidecar.Kill()
	a := person()
	ra, err := c.Register(ctx, a)
	if err != nil { t.Fatal(err) }
	time.Sleep(5 * time.Second)
	if err := user.Start(); err != nil { t.Fatal(err) }
	begin := time.Now()
	got, err := c.Registration(ctx, ra.UserID, 30*time.Second)
	t.Log("A", got, err, time.Since(begin))
	if got.Status != "ACTIVE" { t.Error("A") }
	// B
	user.Service.Kill(); user.Sidecar.Kill()
	b := person()
	rb, err := c.Register(ctx, b)
	if err != nil { t.Fatal(err) }
	begin = time.Now()
	got, err = c.Registration(ctx, rb.UserID, 30*time.Second)
	t.Log("B", got, err, time.Since(begin))
	if got.Status != "REJECTED" || got.Reason != "timed_out" { t.Error("B") }
	rb2, err := c.Register(ctx, b)
	t.Log("B2", rb2, err)
	if err := user.Start(); err != nil { t.Fatal(err) }
	got, err = c.Registration(ctx, rb2.UserID, 30*time.Second)
	t.Log("B2", got, err)
	for range 60 {
		if d := docs(t, s, "user", "profile-"+rb.UserID); len(d) > 0 && contains(d, "CANCELLED") { break }
		time.Sleep(500 * time.Millisecond)
	}
	t.Log("first profile", docs(t, s, "user", "profile-"+rb.UserID))
	t.Log("second profile", docs(t, s, "user", "profile-"+rb2.UserID))
	t.Log("first account", docs(t, s, "auth", "account-"+rb.UserID))
	t.Log("second account", docs(t, s, "auth", "account-"+rb2.UserID))
	// C: kill -9 auth and user while registering
	if err := s.AwaitReady(ctx); err != nil { t.Fatal(err) }
	var mu sync.Mutex
	var ids []string
	failed := 0
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 12 {
				p := person()
				p.Phone = fmt.Sprintf("+3460%d%02d1%03d", w, i, 111)
				r, err := c.Register(ctx, p)
				mu.Lock()
				if err != nil { failed++; t.Log(err) } else { ids = append(ids, r.UserID) }
				mu.Unlock()
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	time.Sleep(500 * time.Millisecond)
	s.Pair("auth").Service.Kill()
	time.Sleep(300 * time.Millisecond)
	if err := s.Pair("auth").Service.Start(); err != nil { t.Fatal(err) }
	user.Service.Kill()
	time.Sleep(500 * time.Millisecond)
	if err := user.Service.Start(); err != nil { t.Fatal(err) }
	wg.Wait()
	statuses := map[string]int{}
	for _, id := range ids {
		got, err := c.Registration(ctx, id, 30*time.Second)
		if err != nil { statuses[err.Error()]++; continue }
		statuses[got.Status+got.Reason]++
	}
	t.Log("C", len(ids), "accepted", failed, "refused", statuses)
}

func contains(a, b string) bool { for i := 0; i+len(b) <= len(a); i++ { if a[i:i+len(b)] == b { return true } }; return false }
