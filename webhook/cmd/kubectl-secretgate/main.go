// Command kubectl-secretgate is the command line for users, as a plugin of kubectl and by itself.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/shared/template/worker"
	"github.com/secretgate/secretgate/webhook/cli"
)

// version is set by the linker.
var version = "dev"

func main() {
	worker.RunIfAsked() // ends here, as a template worker
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Program{
		Path: os.Args[0], Version: version, Dialects: all.Dialects(), Args: os.Args[1:], Lookup: os.LookupEnv,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}.Run(ctx)
	stop()
	os.Exit(code)
}
