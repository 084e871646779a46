package lab

import (
	"os"

	"github.com/secretgate/secretgate/tests/lab/process"
)

// run starts a server that lives until Stop.
func (l *Lab) run(command process.Command) (*process.Process, error) {
	p, err := l.launch(command)
	if err != nil {
		return nil, err
	}
	l.onStop(p.Stop)
	return p, nil
}

// launch starts a server that the caller stops. That it ends by itself is what Wait answers.
func (l *Lab) launch(command process.Command) (*process.Process, error) {
	command.Log = l.LogFile(command.Name)
	p, err := process.Start(command)
	if err != nil {
		return nil, err
	}
	go func() {
		<-p.Done()
		if p.Asked() {
			return
		}
		select {
		case l.failed <- p.Err():
		default: // an earlier one is enough
		}
	}()
	return p, nil
}

// environment is what every child is given: enough to run, and nothing of the caller's clouds, proxies and kubeconfigs.
func (l *Lab) environment(extra ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + l.stateFile("home"), "TMPDIR=" + os.TempDir()}, extra...)
}
