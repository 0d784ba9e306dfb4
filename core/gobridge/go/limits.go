package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"time"
)

// limits bound the whole process; those of a single request come with the request.
type limits struct {
	input    int
	output   int
	memory   int64
	parallel int
}

func readLimits(args []string) (limits, error) {
	var given limits
	flags := flag.NewFlagSet("gobridge", flag.ContinueOnError)
	flags.IntVar(&given.input, "input", 256<<20, "bytes of one request")
	flags.IntVar(&given.output, "output", 256<<20, "bytes of one reply")
	flags.Int64Var(&given.memory, "memory", 2<<30, "bytes of heap at which the process ends itself")
	flags.IntVar(&given.parallel, "parallel", 64, "requests that run at once")
	return given, flags.Parse(args)
}

// soft is the size at which the collector works harder; below it, it works little.
const soft = 112 << 20

// headroom is what the address space may exceed the heap by: the runtime's own reservations.
const headroom = 2 << 30

// exitMemory is the exit code that tells the client "it was the memory".
const exitMemory = 75

func (l limits) enforce() {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(soft)
	debug.SetMaxStack(128 << 20)
	space := uint64(l.memory) + headroom
	_ = syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: space, Max: space})
	go watchMemory(l.memory)
}

// watchMemory ends the process before the machine suffers. The address space limit above catches what comes in one
// piece between two looks.
func watchMemory(limit int64) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for range time.Tick(20 * time.Millisecond) {
		metrics.Read(sample)
		if sample[0].Value.Uint64() > uint64(limit) {
			fmt.Fprintf(os.Stderr, "the heap is larger than %d bytes\n", limit)
			os.Exit(exitMemory)
		}
	}
}

// noNetwork refuses every request of libraries that use Go's default client.
type noNetwork struct{}

func (noNetwork) RoundTrip(call *http.Request) (*http.Response, error) {
	return nil, refused("network", "%s://%s is not fetched: rendering has no network", call.URL.Scheme, call.URL.Host)
}

// harden takes away what a library could reach by itself: environment, programs, network.
func harden() {
	temporary := os.TempDir()
	os.Clearenv()
	_ = os.Setenv("TMPDIR", temporary)
	_ = os.Setenv("HOME", "/nonexistent")
	http.DefaultTransport = noNetwork{}
	http.DefaultClient = &http.Client{Transport: noNetwork{}}
}
