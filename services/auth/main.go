package main

import "comanda/services/internal/process"

func main() { process.Main("auth", run) }
