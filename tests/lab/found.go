package lab

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/secretgate/secretgate/tests/lab/servers"
)

// UseFound sets Servers to those of this machine, and says which they are, unless LAB_SERVERS or LAB_KUBERNETES of the environment asks
// for builds. Tests do not call it: they run on the pinned versions.
func (o *Options) UseFound(ctx context.Context, out io.Writer) error {
	build, err := asksForBuilds(os.Getenv("LAB_SERVERS"), os.Getenv("LAB_KUBERNETES"))
	if err != nil || build {
		return err
	}
	search := servers.SearchEnvironment()
	search.WithoutControllers = o.Quick
	var lines []string
	o.Servers, lines = search.Find(ctx)
	for _, line := range lines {
		_, _ = fmt.Fprintln(out, line)
	}
	return nil
}

// asksForBuilds reads the two variables of the environment that decide whether servers of this machine are used.
func asksForBuilds(from, kubernetes string) (bool, error) {
	switch from {
	case "build":
		return true, nil
	case "", "find":
		return kubernetes != "", nil // a lab of a certain Kubernetes is one of that version
	}
	return false, fmt.Errorf("LAB_SERVERS is %q: set it to find (the default: use servers of this machine) or build", from)
}
