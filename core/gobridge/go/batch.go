package main

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// outcome is the result of one item of a batch; an item that fails does not hurt the others.
type outcome struct {
	ok    raw
	error *failure
}

type outcomes []outcome

func (all outcomes) appendJSON(to []byte) []byte {
	size := len(to) + 2
	for i := range all {
		size += len(all[i].ok) + 16
	}
	to = append(slices.Grow(to, size), '[')
	for i := range all {
		if i > 0 {
			to = append(to, ',')
		}
		to = all[i].appendJSON(to)
	}
	return append(to, ']')
}

func (one outcome) appendJSON(to []byte) []byte {
	name, body := `{"ok":`, one.ok
	if one.error != nil {
		name = `{"error":`
		body, _ = encode(one.error)
	}
	return append(append(append(to, name...), body...), '}')
}

func failed(err error) outcome { return outcome{error: asFailure(err)} }

// each runs the items of a batch on all cores, keeps their order, and stops early when the caller is gone.
func each[I any](ctx context.Context, items []I, call func(context.Context, I) (any, error)) outcomes {
	results := make(outcomes, len(items))
	share(len(items), func(i int) { results[i] = attempt(ctx, items[i], call) })
	return results
}

func attempt[I any](ctx context.Context, item I, call func(context.Context, I) (any, error)) (result outcome) {
	defer func() {
		if problem := recover(); problem != nil {
			result = outcome{error: fromPanic("item", problem)}
		}
	}()
	if err := ctx.Err(); err != nil {
		return failed(err)
	}
	out, err := call(ctx, item)
	if err != nil {
		return failed(err)
	}
	body, err := encode(out)
	if err != nil {
		return failed(err)
	}
	return outcome{ok: body}
}

// share calls `work` once for each index below `count`, on as many goroutines as there are cores.
func share(count int, work func(int)) {
	workers := min(runtime.GOMAXPROCS(0), count)
	if workers <= 1 {
		for i := range count {
			work(i)
		}
		return
	}
	var next atomic.Int64
	var done sync.WaitGroup
	for range workers {
		done.Go(func() {
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				work(i)
			}
		})
	}
	done.Wait()
}
