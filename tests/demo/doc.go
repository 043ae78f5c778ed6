// Demo acts as a customer and the kitchen of a running Comanda and prints each step: `make demo`. It registers a new
// customer each time and restores the stock that it sold, so it can run any number of times. When a result is wrong, it
// prints one line of explanation and exits with 1.
//
// Its settings are COMANDA_URL, KITCHEN_EMAIL and KITCHEN_PASSWORD. It reads them from the environment, and settings that are
// not set there from the file that `make run` writes (.comanda/secrets.env). If the kitchen has no account yet and
// ADMIN_EMAIL and ADMIN_PASSWORD are known, the admin creates the account.
package main
