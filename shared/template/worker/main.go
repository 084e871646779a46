// Package worker renders templates in processes that hold nothing. A template is a program that a tenant wrote: it may loop, eat
// memory, or find a fault in its engine. A worker is the service's own program, started with nothing of its environment and no descriptor
// but two pipes; it takes every right from itself before it reads a byte, and its parent kills it when it takes too long. So what an
// engine's own limits let through, the operating system's do not, and what a template may do to its process is done to no other.
package worker

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/secretgate/secretgate/shared/template"
)

// Argument is what a program is started with to be a worker.
const Argument = "template-worker"

// able reports whether this program can be a worker: one that cannot would do its own work again instead, for every request.
var able atomic.Bool

// RunIfAsked does what a worker does, and ends the process, where the program was started as one. It belongs at the head of main.
func RunIfAsked() {
	able.Store(true)
	if len(os.Args) == 2 && os.Args[1] == Argument {
		os.Exit(run())
	}
}

const (
	// softTime is how much processor time a request may take; the parent's limit is for workers that do not keep to it.
	softTime = maxTime * 2 / 3
	// maxOutput is what all texts of an object may have together. No Secret holds more.
	maxOutput = 1 << 20
	// stackBytes and heapBytes are what a worker may take.
	stackBytes = 32 << 20
	heapBytes  = 32 << 20
	// garbage is how much of it may come upon what lives, in percent, before it is collected.
	garbage = 400
)

// run answers requests until there are no more.
func run() int {
	debug.SetMaxStack(stackBytes)
	debug.SetMemoryLimit(heapBytes) // garbage is collected in time,
	debug.SetGCPercent(garbage)     // and seldom before
	runtime.GOMAXPROCS(1)
	requests, answers := os.NewFile(0, "requests"), os.NewFile(1, "answers")
	if err := confine(); err != nil {
		_ = send(answers, ready{Problem: err.Error()}, maxAnswer)
		return 1
	}
	if send(answers, ready{Ready: true}, maxAnswer) != nil || serve(requests, answers) != nil {
		return 1
	}
	return 0
}

// ready is what a worker says first.
type ready struct {
	Ready   bool   `json:"ready"`
	Problem string `json:"problem,omitempty"` // why it is not
}

func serve(requests io.Reader, answers io.Writer) error {
	for {
		var request template.Request
		if err := receive(requests, &request, maxRequest); err != nil {
			if errors.Is(err, io.EOF) && !errors.Is(err, errCutOff) {
				return nil
			}
			return err
		}
		if err := send(answers, answer(&request), maxAnswer); err != nil {
			return err
		}
	}
}

// answer checks or renders all texts.
func answer(request *template.Request) template.Answer {
	a := template.Answer{ID: request.ID}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	begin := processorTime()
	defer time.AfterFunc(watchPeriod, func() { watchTime(ctx, cancel, begin) }).Stop()
	e, problems := engineOf(request)
	switch {
	case len(problems) > 0:
		a.Problems = problems
	case request.Check:
		check(e, &a)
	default:
		render(ctx, e, request, &a)
	}
	if len(a.Problems) > 0 {
		a.Rendered, a.Uses = nil, nil
	}
	return a
}

// check finds what is wrong with texts, those of the library included, and what they use.
func check(e engine, a *template.Answer) {
	for n := range e.texts() {
		uses, problem := e.check(n)
		switch {
		case problem == nil:
			a.Uses = append(a.Uses, uses)
		case !slices.Contains(a.Problems, *problem): // one of the library may be that of several texts
			a.Problems = append(a.Problems, *problem)
		}
	}
}

func render(ctx context.Context, e engine, request *template.Request, a *template.Answer) {
	size := 0
	for n, text := range request.Texts {
		rendered, problem := e.render(ctx, n)
		if problem == nil && text.Object {
			rendered, problem = object(text, rendered)
		}
		size += len(rendered)
		switch {
		case problem != nil && slices.Contains(a.Problems, *problem): // of another text, which both call
		case problem != nil:
			a.Problems = append(a.Problems, *problem)
		case size > maxOutput:
			a.Problems = append(a.Problems, template.Problem{
				Field: text.Field, Kind: template.Limit, Detail: "the texts up to this one have more than 1 MiB",
			})
		default:
			a.Rendered = append(a.Rendered, []byte(rendered))
		}
	}
}

// watchTime cancels what takes more processor time than it may.
func watchTime(ctx context.Context, cancel func(), begin time.Duration) {
	tick := time.NewTicker(watchPeriod)
	defer tick.Stop()
	for processorTime()-begin < softTime {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	cancel()
}
