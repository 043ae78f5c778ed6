// Demo plays a customer and the kitchen against a running Comanda and tells each step as it happens: `make demo`. It
// registers somebody new each time, and puts back what it sold, so that it can be played as often as one likes. It exits
// with 1 and one line of explanation when anything is not as it should be.
//
// Where the system is and who the kitchen is, it takes from the environment (COMANDA_URL, KITCHEN_EMAIL,
// KITCHEN_PASSWORD), and what is not set there from what `make run` keeps (.comanda/secrets.env). If the kitchen has no
// account yet, the admin (ADMIN_EMAIL, ADMIN_PASSWORD), if known, gives it one.
package main
