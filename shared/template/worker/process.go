package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/secretgate/secretgate/shared/template"
)

const (
	// maxTime is how much processor time a request may take, and maxWait how long it may take on machines that have none to spare.
	maxTime = 300 * time.Millisecond
	maxWait = 2 * time.Second
	// maxMemory is how much memory a worker may hold that it shares with no other process.
	maxMemory = 64 << 20
	// startTime is how long a worker may take until it is ready.
	startTime = 10 * time.Second
	// watchPeriod is how often a worker is looked at that works.
	watchPeriod = 5 * time.Millisecond
)

// oneArena is all of a worker's environment. The C library, where a program is linked with it, would reserve 64 MiB of addresses for
// each thread, and the worker would have too few left for its heap.
const oneArena = "MALLOC_ARENA_MAX=1"

// What ends a worker.
var (
	errTime   = fmt.Errorf("the templates take more than %s of processor time", maxTime)
	errWait   = errors.New("the templates take too long")
	errMemory = fmt.Errorf("the templates take more than %d MiB of memory", maxMemory>>20)
	errBroken = errors.New("the template worker ended, or answered what was not asked")
)

// process is a worker, as its parent has it. It serves one request at a time.
type process struct {
	command *exec.Cmd
	in      *os.File
	answers chan reply // what comes from the worker; closed after an error
	end     sync.Once
}

type reply struct {
	answer template.Answer
	err    error
}

// start starts a worker, and returns once it is ready.
func start(ctx context.Context, program string) (*process, error) {
	childIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, childIn.Close(), in.Close())
	}
	command := exec.Command(program, Argument) //nolint:noctx // it outlives the request that started it
	command.Env = []string{oneArena}
	command.Dir = "/"
	command.Stdin, command.Stdout = childIn, childOut
	err = command.Start()
	err = errors.Join(err, childIn.Close(), childOut.Close())
	if err != nil {
		return nil, errors.Join(err, in.Close(), out.Close())
	}
	p := &process{command: command, in: in, answers: make(chan reply, 1)}
	began := make(chan error, 1)
	go p.read(out, began)
	limit := time.NewTimer(startTime)
	defer limit.Stop()
	select {
	case err = <-began:
	case <-ctx.Done():
		err = ctx.Err()
	case <-limit.C:
		err = fmt.Errorf("it is not ready after %s", startTime)
	}
	if err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// read takes what the worker says. It never waits for who asked: what was not asked for ends the worker.
func (p *process) read(out *os.File, began chan<- error) {
	defer func() { _ = out.Close() }()
	defer close(p.answers)
	var first ready
	if err := receive(out, &first, maxAnswer); err != nil || !first.Ready {
		began <- errors.Join(err, errors.New("it does not begin: "+first.Problem))
		return
	}
	began <- nil
	for {
		var r reply
		r.err = receive(out, &r.answer, maxAnswer)
		select {
		case p.answers <- r:
		default: // there is one already that no caller waits for
			p.kill()
			return
		}
		if r.err != nil {
			return
		}
	}
}

// kill ends the worker.
func (p *process) kill() {
	p.end.Do(func() {
		_ = p.command.Process.Kill()
		_ = p.in.Close()
		_ = p.command.Wait() // its way out is ours
	})
}

// exchange makes a request. After an error the worker is to be killed.
func (p *process) exchange(ctx context.Context, request *template.Request) (template.Answer, error) {
	select {
	case <-p.answers: // before anything was asked
		return template.Answer{}, errBroken
	default:
	}
	over := make(chan struct{})
	exceeded := make(chan error, 1)
	// Most requests end before the worker is first looked at.
	begin := time.AfterFunc(watchPeriod, func() { exceeded <- p.watch(ctx, over) })
	err := send(p.in, request, maxRequest)
	var r reply
	if err == nil {
		r = <-p.answers // a worker that is killed answers by its end
		err = r.err
	}
	close(over)
	if !begin.Stop() {
		if excess := <-exceeded; excess != nil {
			return template.Answer{}, excess
		}
	}
	if errors.Is(err, errTooLong) && r.err == nil {
		return template.Answer{}, err
	}
	if err != nil && !errors.Is(err, io.EOF) || r.answer.ID != request.ID {
		return template.Answer{}, errBroken
	}
	return r.answer, err
}

// watch kills the worker when it takes too much, and says of what.
func (p *process) watch(ctx context.Context, over <-chan struct{}) error {
	begin, before := time.Now(), usageOf(p.command.Process.Pid)
	tick := time.NewTicker(watchPeriod)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-over:
			return nil
		case <-ctx.Done():
			err = ctx.Err()
		case <-tick.C:
			now := usageOf(p.command.Process.Pid)
			switch {
			case now.time-before.time > maxTime:
				err = errTime
			case now.memory > maxMemory:
				err = errMemory
			case time.Since(begin) > maxWait:
				err = errWait
			}
		}
		if err != nil {
			p.kill()
			return err
		}
	}
}
