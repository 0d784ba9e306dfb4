package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"
)

// A frame is two lengths (big endian, 4 bytes each), a head of JSON and a body of JSON: the body is read and written
// once only, however large it is.

// request is the head of a frame from the client: a call, or with `cancel` the wish to end one. The body is its input.
type request struct {
	ID     uint64 `json:"id"`
	Op     string `json:"op"`
	Millis int64  `json:"ms"`
	Cancel uint64 `json:"cancel"`
	body   []byte
}

// reply is the head of a frame to the client; without an error the body is the result.
type reply struct {
	ID    uint64   `json:"id"`
	Error *failure `json:"error,omitempty"`
	out   any
}

// failure says whose fault something is: "user" (the input), "refused" (a limit or a rule), "fault" (this program).
type failure struct {
	Kind    string `json:"kind"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
	Where   string `json:"where,omitempty"`
	Line    int    `json:"line,omitempty"`
}

func (f *failure) Error() string { return f.Message }

func userError(format string, args ...any) *failure {
	return &failure{Kind: "user", Message: fmt.Sprintf(format, args...)}
}

func refused(code, format string, args ...any) *failure {
	return &failure{Kind: "refused", Code: code, Message: fmt.Sprintf(format, args...)}
}

// asFailure keeps a failure, names a passed deadline, and takes any other error for the input's fault: the libraries
// report bad input as plain errors.
func asFailure(err error) *failure {
	var known *failure
	if errors.As(err, &known) {
		return known
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return refused("deadline", "took longer than allowed")
	}
	if errors.Is(err, context.Canceled) {
		return refused("cancelled", "cancelled by the caller")
	}
	return userError("%s", err)
}

// handler carries out one operation on raw JSON and returns something that encoding/json can write.
type handler func(ctx context.Context, in json.RawMessage) (any, error)

// operation wraps a typed function as a handler.
func operation[I any](call func(context.Context, I) (any, error)) handler {
	return func(ctx context.Context, in json.RawMessage) (any, error) {
		var input I
		if err := json.Unmarshal(in, &input); err != nil {
			var known *failure
			if errors.As(err, &known) {
				return nil, known
			}
			return nil, &failure{Kind: "fault", Code: "protocol", Message: "the request does not fit: " + err.Error()}
		}
		return call(ctx, input)
	}
}

type server struct {
	operations map[string]handler
	limits     limits
	out        *bufio.Writer
	writing    sync.Mutex
	running    sync.WaitGroup
	cancels    sync.Map
	inFlight   chan struct{}
}

func newServer(table map[string]handler, with limits, out *bufio.Writer) *server {
	return &server{operations: table, limits: with, out: out, inFlight: make(chan struct{}, with.parallel)}
}

// serve reads frames until the client closes its end, then waits for what still runs.
func (s *server) serve(in *bufio.Reader) error {
	for {
		head, body, err := readFrame(in, s.limits.input)
		if errors.Is(err, io.EOF) {
			s.running.Wait()
			return nil
		}
		if err != nil {
			return err
		}
		call := request{body: body}
		if err := json.Unmarshal(head, &call); err != nil {
			return fmt.Errorf("a frame is not a request: %w", err)
		}
		s.accept(call)
	}
}

func (s *server) accept(call request) {
	if call.Cancel != 0 {
		if cancel, found := s.cancels.Load(call.Cancel); found {
			cancel.(context.CancelFunc)()
		}
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	if call.Millis > 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(call.Millis)*time.Millisecond)
	}
	s.cancels.Store(call.ID, cancel)
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		defer s.cancels.Delete(call.ID)
		defer cancel()
		s.inFlight <- struct{}{}
		defer func() { <-s.inFlight }()
		s.write(s.answer(ctx, call))
	}()
}

// answer runs one call; a panic of a library is that call's failure alone.
func (s *server) answer(ctx context.Context, call request) (answer reply) {
	defer func() {
		if problem := recover(); problem != nil {
			answer = reply{ID: call.ID, Error: fromPanic(call.Op, problem)}
		}
	}()
	run, found := s.operations[call.Op]
	if !found {
		return reply{ID: call.ID, Error: &failure{Kind: "fault", Code: "protocol", Message: "no operation " + call.Op}}
	}
	if ctx.Err() != nil {
		return reply{ID: call.ID, Error: asFailure(ctx.Err())}
	}
	out, err := run(ctx, call.body)
	if err != nil {
		return reply{ID: call.ID, Error: asFailure(err)}
	}
	return reply{ID: call.ID, out: out}
}

func fromPanic(op string, problem any) *failure {
	if known, ok := problem.(error); ok {
		var limit *failure
		if errors.As(known, &limit) {
			return limit
		}
	}
	stack := string(debug.Stack())
	return &failure{Kind: "fault", Code: "panic", Message: fmt.Sprintf("%s: %v\n%s", op, problem, stack[:min(len(stack), 2000)])}
}

func (s *server) write(answer reply) {
	body, err := encode(answer.out)
	if err == nil && len(body) > s.limits.output {
		err = refused("output", "the result of %d bytes is larger than the limit of %d", len(body), s.limits.output)
	}
	if err != nil {
		answer.Error, body = asFailure(err), nil
	}
	head, _ := encode(answer)
	s.writing.Lock()
	defer s.writing.Unlock()
	var size [8]byte
	binary.BigEndian.PutUint32(size[:4], uint32(len(head)))
	binary.BigEndian.PutUint32(size[4:], uint32(len(body)))
	_, _ = s.out.Write(size[:])
	_, _ = s.out.Write(head)
	_, _ = s.out.Write(body)
	_ = s.out.Flush()
}

func readFrame(in *bufio.Reader, limit int) (head, body []byte, err error) {
	var size [8]byte
	if _, err := io.ReadFull(in, size[:]); err != nil {
		return nil, nil, err
	}
	first, second := int(binary.BigEndian.Uint32(size[:4])), int(binary.BigEndian.Uint32(size[4:]))
	if first+second > limit {
		return nil, nil, fmt.Errorf("a frame of %d bytes is larger than the limit of %d", first+second, limit)
	}
	frame := make([]byte, first+second)
	_, err = io.ReadFull(in, frame)
	return frame[:first], frame[first:], err
}
