package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"comanda/services/event"
)

func TestHashesAreArgon2idInPHCFormat(t *testing.T) {
	hash := standardCost.hash(password)
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=12288,t=3,p=1$") || strings.Count(hash, "$") != 5 {
		t.Errorf("got %s, want OWASP's m=12288, t=3, p=1", hash)
	}
	if again := standardCost.hash(password); again == hash {
		t.Error("two hashes of one password are equal: the salt is missing")
	}
	for given, want := range map[string]bool{password: true, password + " ": false, "": false} {
		if got, err := compareHash(hash, given); got != want || err != nil {
			t.Errorf("%q: got %v, %v, want %v", given, got, err, want)
		}
	}
}

func TestHashesOfAnotherCostAreRead(t *testing.T) {
	hash := hashCost{memory: 64, passes: 2}.hash("password")
	if right, err := compareHash(hash, "password"); !right || err != nil {
		t.Errorf("another cost: got %v, %v, want true", right, err)
	}
}

func TestUnusableHashesAreErrors(t *testing.T) {
	good := fastCost.hash(password)
	for name, change := range map[string][2]string{
		"argon2i": {"argon2id", "argon2i"}, "another version": {"v=19", "v=16"}, "too much memory": {"m=8,", "m=99999999,"},
		"too many passes": {"t=1,", "t=99,"}, "no memory": {"m=8,", "m=0,"}, "threads": {"p=1", "p=2"}, "an added parameter": {"p=1", "p=1,x=1"},
		"no key": {good[strings.LastIndex(good, "$"):], "$"}, "a part more": {"$v", "$$v"}, "a signed number": {"m=8", "m=+8"},
	} {
		if right, err := compareHash(strings.Replace(good, change[0], change[1], 1), password); right || err == nil {
			t.Errorf("%s: got %v and error %v, want an error", name, right, err)
		}
	}
}

func TestParametersOfAStoredHashAreBounded(t *testing.T) {
	for cost, usable := range map[hashCost]bool{
		{memory: maxHashMemory, passes: maxHashPasses}:           true,
		{memory: maxHashMemory + 1, passes: 1}:                   false,
		{memory: standardCost.memory, passes: maxHashPasses + 1}: false,
		{memory: 8, passes: 1}:                                   true, // the least that RFC 9106 allows
		{memory: 7, passes: 1}:                                   false,
		{memory: 8, passes: 0}:                                   false,
	} {
		stored := cost.prefix() + encodeHash(make([]byte, saltLength)) + "$" + encodeHash(make([]byte, keyLength))
		if got, _, _, err := parseHash(stored); (err == nil) != usable || usable && got != cost {
			t.Errorf("%+v: got %+v, %v, want usable %t", cost, got, err, usable)
		}
	}
}

// storedHash returns the password hash of an account.
func (h harness) storedHash(t *testing.T, id string) (hash string) {
	t.Helper()
	if err := h.pool.QueryRow(t.Context(), `select document->>'passwordHash' from accounts where id = $1`, id).Scan(&hash); err != nil {
		t.Fatal(err)
	}
	return hash
}

func bcryptHash(t *testing.T, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

func TestALoginUpgradesAnOldHash(t *testing.T) {
	h := newHarness(t)
	id := h.registerActive(t, "ana@example.com")
	for name, tc := range map[string]struct{ old, typed string }{
		"bcrypt":             {bcryptHash(t, password), password},
		"another cost":       {hashCost{memory: 16, passes: 1}.hash(password), password},
		"of the typed form":  {bcryptHash(t, "man\u0303ana"), "man\u0303ana"},
		"of what is no more": {bcryptHash(t, "a\u200bsecret"), "a\u200bsecret"},
	} {
		h.setStored(t, id, "passwordHash", tc.old)
		before, events := h.registration(t, id), len(h.sidecar.All())
		if _, code := h.logIn(t, "ana@example.com", "wrong secret"); code != http.StatusUnauthorized || h.storedHash(t, id) != tc.old {
			t.Errorf("%s, wrong password: got %d and the hash %s, want 401 and the old one", name, code, h.storedHash(t, id))
		}
		for range 2 {
			if _, code := h.logIn(t, "ana@example.com", tc.typed); code != http.StatusOK {
				t.Errorf("%s: got %d, want 200", name, code)
			}
			if got := h.storedHash(t, id); !strings.HasPrefix(got, fastCost.prefix()) {
				t.Errorf("%s: got the hash %s, want a current one", name, got)
			}
		}
		if after := h.registration(t, id); after != before || len(h.sidecar.All()) != events {
			t.Errorf("%s: got %+v and %d events, want nothing else changed", name, after, len(h.sidecar.All()))
		}
	}
}

func TestAFailedUpgradeDoesNotFailTheLogin(t *testing.T) {
	h := newHarness(t)
	id := h.registerActive(t, "ana@example.com")
	old := bcryptHash(t, password)
	h.setStored(t, id, "passwordHash", old)
	h.sidecar.Away(true)
	if _, code := h.logIn(t, "ana@example.com", password); code != http.StatusOK || h.storedHash(t, id) != old {
		t.Errorf("got %d and the hash %s, want 200 and the old hash", code, h.storedHash(t, id))
	}
}

// An upgrade that gets no worker writes nothing, above all no empty hash. It logs its failure, unless the client has gone.
func TestAFailedUpgradeKeepsTheHash(t *testing.T) {
	h := newHarness(t)
	id := h.registerActive(t, "ana@example.com")
	old := bcryptHash(t, password)
	h.setStored(t, id, "passwordHash", old)
	account, err := h.documents.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		ctx    context.Context
		queue  *workQueue
		logged bool
	}{{t.Context(), newWorkQueue(0, 0, 0), true}, {gone, newWorkQueue(1, 0, 0), false}} {
		var log bytes.Buffer
		s := h.service
		s.log, s.passwords.queue = slog.New(slog.NewTextHandler(&log, nil)), tc.queue
		s.upgradeHash(tc.ctx, "192.0.2.1", account, password)
		if got := h.storedHash(t, id); got != old {
			t.Errorf("got the hash %q, want the old one", got)
		}
		if got := strings.Contains(log.String(), "was not upgraded"); got != tc.logged {
			t.Errorf("got the log %q, want a warning: %t", log.String(), tc.logged)
		}
	}
}

// An upgrade must not undo another change of the account that was written first, such as a change of the password.
func TestAnUpgradeDoesNotOverwriteAnotherChange(t *testing.T) {
	h := newHarness(t)
	id := h.registerActive(t, "ana@example.com")
	h.setStored(t, id, "passwordHash", bcryptHash(t, password))
	newer := fastCost.hash("another good secret")
	h.sidecar.BeforeNextWrite(func() {
		if _, err := h.documents.Change(t.Context(), id, func(a *Account) (event.Message, error) {
			a.PasswordHash = newer
			return event.NoMessage, nil
		}); err != nil {
			t.Error(err)
		}
	})
	if _, code := h.logIn(t, "ana@example.com", password); code != http.StatusOK || h.storedHash(t, id) != newer {
		t.Errorf("got %d and the hash %s, want 200 and the newer hash %s", code, h.storedHash(t, id), newer)
	}
}
