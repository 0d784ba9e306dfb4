package main

import "sync"

// compiled keeps what is costly to make from a text: programs, templates, scripts. When it is full, it starts anew:
// simpler than order of use, and a busy text comes back at once.
type compiled[T any] struct {
	mutex sync.Mutex
	known map[string]T
	limit int
}

func newCompiled[T any](limit int) *compiled[T] {
	return &compiled[T]{known: map[string]T{}, limit: limit}
}

func (c *compiled[T]) get(text string, compile func() (T, error)) (T, error) {
	c.mutex.Lock()
	found, ok := c.known[text]
	c.mutex.Unlock()
	if ok {
		return found, nil
	}
	made, err := compile()
	if err != nil {
		return made, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.known) >= c.limit {
		c.known = map[string]T{}
	}
	c.known[text] = made
	return made, nil
}
