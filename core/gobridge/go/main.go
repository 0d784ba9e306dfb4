// Command gobridge serves the Go libraries that plat calls, over stdin and stdout.
//
// It reads no environment, opens no network connection and starts no program; files are read only below a root that
// a request names.
package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		printVersions(os.Stdout)
		return
	}
	harden()
	limits, err := readLimits(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	limits.enforce()
	server := newServer(operations(), limits, bufio.NewWriterSize(os.Stdout, 1<<16))
	if err := server.serve(bufio.NewReaderSize(os.Stdin, 1<<16)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
