package main

import "comanda/services/internal/server"

func main() {
	server.Main("product", run)
}
