package supervisor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/secretgate/secretgate/tests/lab"
)

// What a supervisor and the program that started it say to each other: the options, as JSON, and later stay, on the
// supervisor's standard input; events, as JSON, on its standard output.
const stay = "stay\n"

// event is one thing that a supervisor says.
type event struct {
	Line    string `json:"line,omitempty"`    // stays
	Showing string `json:"showing,omitempty"` // goes on now
	Reached stage  `json:"reached,omitempty"`
}

// stage is how far a lab has come.
type stage string

const (
	labUp   stage = "lab"
	vaultUp stage = "vault"
)

// Run is the supervisor: the process that a lab belongs to. It ends with ctx, with a server that ends by itself, and with the
// program that started it, unless that has said Release.
func Run(ctx context.Context) error {
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	out := &pipe{out: os.Stdout}
	err := run(ctx, os.Stdin, out)
	if err != nil {
		_, _ = fmt.Fprintln(out, err)
	}
	return err
}

func run(ctx context.Context, in io.Reader, out *pipe) error {
	said := bufio.NewReader(in)
	line, err := said.ReadBytes('\n')
	if err != nil {
		return errors.New("a supervisor is started by other commands, which give it the lab's options")
	}
	options := lab.Options{Progress: out}
	if err := json.Unmarshal(line, &options); err != nil {
		return fmt.Errorf("the lab's options cannot be read: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if word, _ := said.ReadString('\n'); word != stay {
			cancel(errors.New("interrupted"))
		}
	}()

	l, err := lab.Start(ctx, options)
	if err != nil {
		return err
	}
	defer l.Stop()
	if err := l.WriteEnv(); err != nil {
		return err
	}
	out.send(event{Reached: labUp})
	if options.LateVault {
		if err := l.StartVault(ctx); err != nil {
			return err
		}
		if err := l.WriteEnv(); err != nil {
			return err
		}
	}
	out.send(event{Reached: vaultUp})
	out.close()
	if err := l.Wait(ctx); err != nil {
		return fmt.Errorf("the lab is stopped, since a server is gone: %w", err)
	}
	return nil
}

// pipe is the progress.Shower of a supervisor. Once closed, or where no one reads, it throws away what it is given.
type pipe struct {
	mu  sync.Mutex
	out io.WriteCloser
}

func (p *pipe) Write(line []byte) (int, error) {
	p.send(event{Line: string(line)})
	return len(line), nil
}

// Show implements progress.Shower.
func (p *pipe) Show(line string) { p.send(event{Showing: line}) }

func (p *pipe) send(e event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = json.NewEncoder(p.out).Encode(e)
}

func (p *pipe) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.out.Close()
}
