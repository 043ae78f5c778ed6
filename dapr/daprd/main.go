package main

import "os"

func main() {
	relaxTimers()
	os.Exit(run(os.Args[1:]))
}
