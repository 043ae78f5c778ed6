package main

import "fmt"

// greeting is what a newcomer reads when all is ready.
func (l *launcher) greeting() string {
	v := l.settings
	return fmt.Sprintf(`
  Comanda is ready: %[1]s

    customer  %-26[2]s %[3]s
    kitchen   %-26[4]s %[5]s
    admin     %-26[6]s %[7]s
    (all of it also in %[8]s)

  Try, in another terminal:

    make demo
    curl -s '%[1]s/api/v1/products?limit=5'
    curl -s %[1]s/api/v1/auth/login -H 'Content-Type: application/json' \
      -d '{"email":"%[2]s","password":"%[3]s"}'
    make restart SERVICE=order    # after a change in services/order

  %[9]s
  Logs      %[10]s (make run ARGS=-v shows all of them here)
  Ctrl-C stops everything; the next make run finds what you ordered.

`, v["COMANDA_URL"], v["CUSTOMER_EMAIL"], v["CUSTOMER_PASSWORD"], v["KITCHEN_EMAIL"], v["KITCHEN_PASSWORD"],
		v["ADMIN_EMAIL"], v["ADMIN_PASSWORD"], l.place.relative(l.place.secrets()), dashboardLine(),
		l.place.relative(l.place.logs()))
}
