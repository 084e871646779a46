package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/secretgate/secretgate/shared/fair"
	"github.com/secretgate/secretgate/shared/template"
)

const (
	// maxWorkers is how many there are at a time; a namespace has one of them at most.
	maxWorkers = 2
	// maxRequests is how many requests a worker serves, before another one takes its place.
	maxRequests = 10_000
	// idleTime is how long a worker waits for a request. What it was given is in its memory until it ends.
	idleTime = 10 * time.Second
)

// Pool has workers, as many as are needed. Its zero value is ready to use, and may be used concurrently.
type Pool struct {
	// Program is the program to start with Argument; empty: this one.
	Program string

	mu      sync.Mutex
	last    uint64          // ID of a request
	working map[string]bool // namespaces that have a worker
	waiting fair.Queue[turn]
	idle    []*idler
	closed  bool
}

// idler is a worker that waits for a request.
type idler struct {
	*process
	served int
	expiry *time.Timer
}

var errClosed = errors.New("no template is rendered any more: the service ends")

// Do makes a request for an object of a namespace. What the templates are to blame for is among the answer's problems, at the path of
// the template where it is not known of which text. An error says that there is no answer, which another attempt may have.
func (p *Pool) Do(ctx context.Context, namespace, path string, request template.Request) (template.Answer, error) {
	done, err := p.turn(ctx, namespace)
	if err != nil {
		return template.Answer{}, fmt.Errorf("the templates still wait for others of the namespace, which take long: %w", err)
	}
	defer done()
	for {
		answer, used, err := p.try(ctx, &request)
		switch {
		case err == nil:
			return answer, nil
		case ctx.Err() != nil:
			return template.Answer{}, ctx.Err()
		case errors.Is(err, errBroken) && used: // maybe by what another object left behind
			continue
		case errors.Is(err, errTime), errors.Is(err, errWait), errors.Is(err, errMemory), errors.Is(err, errBroken), errors.Is(err, errTooLong):
			problem := template.Problem{Field: path, Kind: template.Limit, Detail: err.Error() + ": make them smaller, or split the object"}
			return template.Answer{Problems: []template.Problem{problem}}, nil
		}
		return template.Answer{}, fmt.Errorf("no template can be rendered: %w", err)
	}
}

// turn is a namespace's, once it has come.
type turn struct {
	namespace string
	come      chan struct{}
}

// turn waits until the namespace may have a worker.
func (p *Pool) turn(ctx context.Context, namespace string) (done func(), err error) {
	p.mu.Lock()
	mine := turn{namespace, make(chan struct{})}
	place := p.waiting.Push(namespace, mine)
	p.next()
	p.mu.Unlock()
	done = func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.working, namespace)
		p.next()
	}
	select {
	case <-mine.come:
		return done, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	select {
	case <-mine.come: // it came all the same
		p.mu.Unlock()
		done()
	default:
		p.waiting.Remove(place)
		p.mu.Unlock()
	}
	return nil, ctx.Err()
}

// next gives turns, as many as there are.
func (p *Pool) next() {
	for len(p.working) < maxWorkers {
		turn, ok := p.waiting.Pop(func(namespace string) bool { return !p.working[namespace] })
		if !ok {
			return
		}
		if p.working == nil {
			p.working = map[string]bool{}
		}
		p.working[turn.namespace] = true
		close(turn.come)
	}
}

// try makes a request of a worker, which is used again if it behaves. used: other requests have used it before.
func (p *Pool) try(ctx context.Context, request *template.Request) (answer template.Answer, used bool, err error) {
	w, err := p.worker(ctx)
	if err != nil {
		return template.Answer{}, false, err
	}
	used = w.served > 0
	p.mu.Lock()
	p.last++
	request.ID = p.last
	p.mu.Unlock()
	answer, err = w.exchange(ctx, request)
	w.served++
	if err != nil || w.served == maxRequests {
		w.kill()
		return answer, used, err
	}
	p.keep(w)
	return answer, used, nil
}

func (p *Pool) worker(ctx context.Context) (*idler, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errClosed
	}
	if last := len(p.idle) - 1; last >= 0 {
		w := p.idle[last]
		p.idle = p.idle[:last]
		p.mu.Unlock()
		w.expiry.Stop()
		return w, nil
	}
	p.mu.Unlock()
	program, err := p.program()
	if err != nil {
		return nil, err
	}
	started, err := start(ctx, program)
	if err != nil {
		return nil, fmt.Errorf("a template worker cannot be started: %w", err)
	}
	return &idler{process: started}, nil
}

// program is this program, also where its file has been replaced since.
func (p *Pool) program() (string, error) {
	switch {
	case p.Program != "":
		return p.Program, nil
	case !able.Load():
		return "", errors.New("this program cannot be a template worker: its main does not call worker.RunIfAsked")
	case runtime.GOOS == "linux":
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

func (p *Pool) keep(w *idler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		w.kill()
		return
	}
	w.expiry = time.AfterFunc(idleTime, func() { p.expire(w) })
	p.idle = append(p.idle, w)
}

func (p *Pool) expire(w *idler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.idle {
		if other == w {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			w.kill()
			return
		}
	}
}

// Close ends the workers that wait, and lets no other begin. Without it they end with this process.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, w := range p.idle {
		w.expiry.Stop()
		w.kill()
	}
	p.idle = nil
}
