// Command webhook is Secretgate's webhook with one more dialect: that of Probes.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/shared/dialect/dialecttest/probe"
	"github.com/secretgate/secretgate/shared/template/worker"
	"github.com/secretgate/secretgate/webhook/app"
)

func main() {
	worker.RunIfAsked() // ends here, as a template worker
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := app.Program{
		Version: "probe", Args: os.Args[1:], Lookup: os.LookupEnv, Stdout: os.Stdout, Stderr: os.Stderr,
		Dialects: append(all.Dialects(), probe.Dialect()),
	}.Run(ctx)
	stop()
	os.Exit(code)
}
