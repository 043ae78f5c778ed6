package main

import "os"

func main() {
	relaxScheduling()
	os.Exit(run(os.Args[1:]))
}
