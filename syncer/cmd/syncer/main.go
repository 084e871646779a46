// Command syncer keeps Kubernetes Secrets in step with external secret managers.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/shared/template/worker"
	"github.com/secretgate/secretgate/syncer/app"
)

// version is set by the linker.
var version = "dev"

func main() {
	worker.RunIfAsked() // ends here, as a template worker
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := app.Program{
		Version: version, Args: os.Args[1:], Lookup: os.LookupEnv, Stdout: os.Stdout, Stderr: os.Stderr, Dialects: all.Dialects(),
	}.Run(ctx)
	stop()
	os.Exit(code)
}
