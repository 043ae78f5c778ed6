package main

import "fmt"

// greeting returns the text for a newcomer when the system is ready.
func (l *launcher) greeting() string {
	v := l.settings
	return fmt.Sprintf(`
  Comanda is ready: %[1]s

    customer  %-26[2]s %[3]s
    kitchen   %-26[4]s %[5]s
    admin     %-26[6]s %[7]s
    (also in %[8]s)

  Try, in another terminal:

    make demo
    curl -s '%[1]s/api/v1/products?limit=5'
    curl -s %[1]s/api/v1/auth/login -H 'Content-Type: application/json' \
      -d '{"email":"%[2]s","password":"%[3]s"}'
    make restart SERVICE=order    # after a change in services/order

  %[9]s
  Logs      %[10]s (make run ARGS=-v shows all of them here)
  Ctrl-C stops everything. The data stays for the next make run.

`, v["COMANDA_URL"], v["CUSTOMER_EMAIL"], v["CUSTOMER_PASSWORD"], v["KITCHEN_EMAIL"], v["KITCHEN_PASSWORD"],
		v["ADMIN_EMAIL"], v["ADMIN_PASSWORD"], l.paths.relative(l.paths.secrets()), dashboardLine(),
		l.paths.relative(l.paths.logs()))
}
