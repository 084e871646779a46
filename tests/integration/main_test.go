package integration

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/secretgate/secretgate/tests/lab"
)

// oneLab is the lab that tests share which change only what is theirs in it. It starts with the first of them.
var oneLab shared

type shared struct {
	once sync.Once
	dir  string
	lab  *lab.Lab
	err  error
}

func TestMain(m *testing.M) {
	if play(os.Args) {
		return
	}
	code := m.Run()
	oneLab.stop()
	os.Exit(code)
}

// sharedLab is a lab without the two services.
func sharedLab(t *testing.T) *lab.Lab {
	t.Helper()
	oneLab.once.Do(oneLab.start)
	if oneLab.err != nil {
		t.Fatal(oneLab.err)
	}
	return oneLab.lab
}

func (s *shared) start() {
	if s.dir, s.err = os.MkdirTemp("", "secretgate-lab-"); s.err != nil {
		return
	}
	s.lab, s.err = lab.Start(context.Background(), lab.Options{Dir: filepath.Join(s.dir, "lab"), Progress: os.Stderr})
}

func (s *shared) stop() {
	if s.lab != nil {
		s.lab.Stop()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}
