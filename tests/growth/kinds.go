package growth

import (
	"crypto/md5"
	"fmt"

	"github.com/google/uuid"
)

// The times of what Fill writes, as SQL. Everything ended within the time for which services keep records (RECORD_RETENTION, 90 days), so
// nothing is due for deletion, and every session is valid. Open orders are younger than RECONCILE_AFTER and NOT_STARTED_AFTER.
const (
	firstDay  = `now() - interval '80 days'`
	lastEnded = `now() - interval '3 hours'`
	lastLogin = `now() - interval '2 days'`
	firstOpen = `now() - interval '15 minutes'`
	lastOpen  = `now() - interval '5 minutes'`
)

// regularShare is the share of the orders, one in so many, that regular customers place. One customer in regularCustomers is regular.
const (
	regularShare     = 10
	regularCustomers = 1000
)

// Size is how much Fill writes.
type Size struct{ Orders, Customers, Dishes int }

// Open returns the number of the orders that are not at their end: as many as a kitchen works on, but at most a fifth of all.
func (s Size) Open() int { return min(200, s.Orders/5) }

// Regulars returns the number of regular customers: the first ones. They have the most orders.
func (s Size) Regulars() int { return max(1, s.Customers/regularCustomers) }

// The SQL of ids, by the number of the aggregate. idOf returns the same ids.
func uuidSQL(kind, number string) string {
	return fmt.Sprintf("md5('%s ' || %s)::uuid::text", kind, number)
}

func idOf(kind string, n int) string {
	return uuid.UUID(md5.Sum(fmt.Appendf(nil, "%s %d", kind, n))).String()
}

// CustomerID returns the id of a customer, from 0. Customers before Size.Regulars have the most orders.
func CustomerID(n int) string { return idOf("customer", n) }

// Email returns a customer's e-mail. All have the password Password.
func Email(n int) string { return fmt.Sprintf("customer%d@example.com", n) }

// OrderID returns the id of an order, from 1, the oldest.
func OrderID(n int) string { return idOf("order", n) }

// DishID returns the id of a dish, from 0.
func DishID(n int) string { return idOf("dish", n) }

// The words of the dishes. FrequentWord is in one dish of 16. LateWord is in one dish of 50, all in the last category.
const (
	FrequentWord = "truffle"
	LateWord     = "zzquark"

	dishWords = `(array['Soup','Pizza','Risotto','Gnocchi','Salade','Paella','Curry','Ramen','Burger','Tarte',
		'Moussaka','Pasta'])[1 + %[1]s %% 12]`
	servedWith = `(array['truffle','basil','tomato','lemon','garlic','miso','olive','saffron',
		'chili','mint','honey','leek','kelp','lime','sage','rye'])[1 + %[1]s / 12 %% 16]`
	lateDish    = `case when %[1]s %% 50 = 49 then 'Zzquark ' else '' end`
	categorySQL = `'Category ' || lpad((%[1]s %% 50)::text, 2, '0')`
	customerSQL = `'Customer ' || %[1]s`
	emailSQL    = `'customer' || %[1]s || '@example.com'`
	phoneSQL    = `'+346' || lpad((%[1]s)::text, 8, '0')`
)

// dishNameSQL returns the SQL of the name of a dish.
func dishNameSQL(number string) string {
	return fmt.Sprintf(lateDish+" || "+dishWords+" || ' with ' || "+servedWith+" || ' ' || %[1]s", number)
}

// between returns the SQL of a time that rises with number, which is at most count, from one time to another.
func between(from, to, number string, count int) string {
	return fmt.Sprintf("%[1]s + (%[2]s - (%[1]s)) * ((%[3]s)::float8 / %[4]d)", from, to, number, max(count, 1))
}

// customers returns the numbered rows of the accounts and profiles, or with login of what began with a recent login.
func (s Size) customers(login bool) string {
	at := between(firstDay, lastLogin, "n", s.Customers)
	if login {
		at = between(lastLogin, lastEnded, "n", s.Customers)
	}
	return fmt.Sprintf(`select n, n - 1 as number, %s as at from generate_series($2::int, $3::int) n`, at)
}

// dishes returns the numbered rows of the menu.
func (s Size) dishes() string {
	at := between(firstDay, lastLogin, "n", s.Dishes)
	return fmt.Sprintf(`select n, n - 1 as number, %s as at from generate_series($2::int, $3::int) n`, at)
}

// orders returns the numbered rows of the orders that meet a condition on n. Each has a customer and two dishes.
func (s Size) orders(condition, at string) string {
	regular := s.Regulars()
	return fmt.Sprintf(`select n, %[1]s as at,
			case when n %% %[2]d = 0 then n / %[2]d %% %[3]d else %[3]d + n::bigint * 7919 %% %[4]d end as customer,
			n::bigint * 7907 %% %[5]d as first, (n::bigint * 7907 + 1 + n %% %[6]d) %% %[5]d as second
		from generate_series($2::int, $3::int) n where %[7]s`,
		at, regularShare, regular, max(1, s.Customers-regular), s.Dishes, s.Dishes-1, condition)
}

// ended returns the numbered rows of the orders that ended, with a remainder of n by 100 from low until before high.
func (s Size) ended(low, high int) string {
	return s.orders(fmt.Sprintf("n <= %d and n %% 100 >= %d and n %% 100 < %d", s.Orders-s.Open(), low, high),
		between(firstDay, lastEnded, "n", s.Orders))
}

// open returns the numbered rows of one in four of the open orders.
func (s Size) open(quarter int) string {
	first := s.Orders - s.Open()
	at := between(firstOpen, lastOpen, fmt.Sprintf("n - %d", first), s.Open())
	return s.orders(fmt.Sprintf("n > %d and n %% 4 = %d", first, quarter), at)
}
