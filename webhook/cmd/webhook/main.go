// Command webhook is Secretgate's admission webhook.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/shared/template/worker"
	"github.com/secretgate/secretgate/webhook/app"
)

// version is set by the linker.
var version = "dev"

func main() {
	worker.RunIfAsked() // ends here, as a template worker
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := app.Program{
		Version: version, Dialects: all.Dialects(), Args: os.Args[1:], Lookup: os.LookupEnv, Stdout: os.Stdout, Stderr: os.Stderr,
	}.Run(ctx)
	stop()
	os.Exit(code)
}
