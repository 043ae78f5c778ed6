package privacy

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/services/event"
	"comanda/tests/asyncapi"
	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// person is a customer whose every text is unique in the system.
type person struct {
	scenario.User
	notes, reason string
	tokens        []string
	contested     client.Person // another person, whose e-mail and phone several registrations want at the same time
}

func newPerson(s *scenario.Scenario) person {
	unique := strings.ReplaceAll(uuid.NewString(), "-", "")
	p := person{notes: "ring at " + unique[:9], reason: "allergic to " + unique[9:18], contested: scenario.NewPerson()}
	who := scenario.NewPerson()
	who.Name, who.Password = "Ana "+unique[18:27], "horse "+unique[:20]
	who.Address = &client.Address{Street: "Calle " + unique[3:12], City: "Villa " + unique[12:21], PostalCode: "28013", Country: "ES"}
	p.User = s.Register(who)
	p.remember(p.Session)
	return p
}

// remember keeps the tokens of a session: no place may hold them.
func (p *person) remember(session client.Session) {
	p.tokens = append(p.tokens, session.AccessToken, session.RefreshToken)
}

// personal returns the data that only user, order and auth may hold.
func (p *person) personal() map[string]string {
	return map[string]string{
		"e-mail": p.Person.Email, "name": p.Person.Name, "phone": strings.TrimPrefix(p.Person.Phone, "+34"),
		"street": p.Person.Address.Street, "city": p.Person.Address.City, "notes": p.notes, "reason": p.reason,
	}
}

func (p *person) basket(dish client.Product) client.Basket {
	basket := scenario.Basket(dish, 1)
	basket.DeliveryAddress, basket.Notes = p.Person.Address, p.notes
	return basket
}

// useEverything sends personal data through every part of the system, also where it is refused. It returns the id of an order of the
// person that the kitchen prepares.
func useEverything(t *testing.T, sys *system.System, s *scenario.Scenario, ana *person, cook scenario.User, dish client.Product) string {
	t.Helper()
	ctx := t.Context()
	cancelled := scenario.Try(ana.Order(ctx, ana.basket(dish))).OrFail(t)
	scenario.Try(ana.Cancel(ctx, cancelled.ID, ana.reason)).OrFail(t)
	byStaff := scenario.Try(ana.Order(ctx, ana.basket(dish))).OrFail(t)
	scenario.Try(cook.Cancel(ctx, byStaff.ID, ana.reason)).OrFail(t)
	tooMany := ana.basket(dish)
	tooMany.Items[0].Quantity = 100
	few := s.Dish(1, 500)
	tooMany.Items[0].ProductID = few.ID
	s.WantStatus(ana.User, scenario.Try(ana.Order(ctx, tooMany)).OrFail(t).ID, client.Rejected)
	open := s.PlaceConfirmed(ana.User, ana.basket(dish))
	scenario.Try(cook.Advance(ctx, open.ID, client.Preparing)).OrFail(t)

	session := scenario.Try(s.Anonymous.Login(ctx, ana.Person.Email, ana.Person.Password)).OrFail(t).Session
	ana.remember(session)
	ana.remember(scenario.Try(s.Anonymous.Refresh(ctx, session.RefreshToken)).OrFail(t))
	street := client.Address{Street: ana.Person.Address.Street, City: ana.Person.Address.City, PostalCode: "28014", Country: "ES"}
	scenario.Try(ana.ChangeMe(ctx, client.ProfileChange{Address: &street})).OrFail(t)
	beRefused(t, s, ana)
	spoilEvents(t, sys, ana)
	return open.ID
}

// beRefused sends personal data and secrets in requests that fail.
func beRefused(t *testing.T, s *scenario.Scenario, ana *person) {
	t.Helper()
	ctx, other := t.Context(), s.Customer()
	race(t, s, ana.contested)
	for name, request := range map[string]client.Request{
		"a taken e-mail":       {Method: http.MethodPost, Path: "/auth/register", Body: ana.Person},
		"a wrong password":     {Method: http.MethodPost, Path: "/auth/login", Body: map[string]string{"email": ana.Person.Email, "password": ana.reason}},
		"an unknown member":    {Method: http.MethodPost, Path: "/auth/login", Body: map[string]string{"email": ana.Person.Email, "passwort": ana.Person.Password}},
		"malformed JSON":       {Method: http.MethodPost, Path: "/auth/login", Body: `{"email":"` + ana.Person.Email + `","password":"` + ana.Person.Password},
		"a spent token":        {Method: http.MethodPost, Path: "/auth/refresh", Body: map[string]string{"refreshToken": ana.tokens[3]}}, // exchanged by Refresh before
		"a token in the URL":   {Method: http.MethodGet, Path: "/products?access_token=" + ana.tokens[0]},
		"an e-mail in the URL": {Method: http.MethodGet, Path: "/users/" + ana.Person.Email},
		"not an admin":         {Method: http.MethodPost, Path: "/auth/accounts/search", Body: map[string]string{"email": ana.Person.Email}},
	} {
		response, err := s.Anonymous.As(client.Session{AccessToken: other.Session.AccessToken}).Do(ctx, request)
		if err != nil || response.Status < 400 || response.Status >= 500 {
			t.Errorf("%s: got %d %s, %v, want a refusal", name, response.Status, response.Body, err)
		}
	}
	if found := scenario.Try(s.Admin.SearchAccounts(ctx, ana.Person.Email)).OrFail(t); len(found.Items) != 1 || found.Items[0].UserID != ana.ID {
		t.Errorf("the accounts with the e-mail: got %+v, want the one of %s", found.Items, ana.ID)
	}
	s.VerifyPhone(ana.User)
	if _, err := other.ChangeMe(ctx, client.ProfileChange{Phone: &ana.Person.Phone}); client.Status(err) != http.StatusConflict {
		t.Errorf("a taken phone: got %v, want 409", err)
	}
}

// spoilEvents publishes events with personal data that user cannot handle: they become dead letters.
func spoilEvents(t *testing.T, sys *system.System, ana *person) {
	t.Helper()
	producer, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(sys.Kafka.Brokers(), ",")...))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for _, id := range []string{"no UUID", ana.Person.Email} {
		value, err := json.Marshal(map[string]any{
			"specversion": "1.0", "id": uuid.NewString(), "source": "auth", "type": event.CreatingUser.Type(), "subject": id,
			"datacontenttype": "application/json",
			"data":            event.UserToCreate{UserID: id, Version: 1, Email: ana.Person.Email, Name: ana.Person.Name, Phone: ana.Person.Phone}})
		if err != nil {
			t.Fatal(err)
		}
		record := &kgo.Record{Topic: event.CreatingUser.Name, Value: value, Headers: []kgo.RecordHeader{{Key: asyncapi.ViolationHeader, Value: []byte("1")}}}
		if err := producer.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	scenario.Eventually(t, "a dead letter of user with the e-mail", func(ctx context.Context) error {
		places, err := topics(ctx, sys.Kafka.Brokers())
		if err != nil {
			return err
		}
		if !slices.Contains(found(places, ana.Person.Email), event.DeadLetters("user")) {
			return fmt.Errorf("no dead letter of %s", ana.ID)
		}
		return nil
	})
}

// race registers one e-mail several times at once, and verifies one phone number for several profiles at once: unique indexes refuse
// all but one, and Postgres logs that.
func race(t *testing.T, s *scenario.Scenario, contested client.Person) {
	t.Helper()
	const rivals = 8
	outcomes := make(chan error)
	for i := range 2 * rivals {
		go func() {
			rival := contested
			if i < rivals {
				_, err := s.Anonymous.Register(t.Context(), rival)
				outcomes <- err
				return
			}
			rival.Email = scenario.NewPerson().Email
			begun, err := s.Anonymous.Register(t.Context(), rival)
			if err == nil {
				_, err = s.Anonymous.Registration(t.Context(), begun.UserID, scenario.SagaTimeout)
			}
			if err == nil {
				err = s.Admin.VerifyPhone(t.Context(), begun.UserID, rival.Phone)
			}
			outcomes <- err
		}()
	}
	for range 2 * rivals {
		if err := <-outcomes; err != nil && client.Status(err) != http.StatusConflict && client.Status(err) != http.StatusNotFound {
			t.Errorf("a race for an e-mail or a phone number: got %v, want none, 409, or 404 for a rejected registration", err)
		}
	}
}
