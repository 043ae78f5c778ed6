package main

import "comanda/services/internal/process"

func main() { process.Main("gateway", run) }
