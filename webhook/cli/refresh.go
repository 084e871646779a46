package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/secretgate/secretgate/webhook/cli/cluster"
	"github.com/secretgate/secretgate/webhook/cli/shape"
	"github.com/secretgate/secretgate/webhook/cli/show"
	"github.com/secretgate/secretgate/webhook/internal/command"
)

// refresher is what refresh is told.
type refresher struct {
	*live

	all, everywhere, wait bool
	selector              string
	timeout               time.Duration
}

func (p Program) refresh() *cobra.Command {
	r := &refresher{live: p.live()}
	cmd := &cobra.Command{
		Use:   "refresh [KIND/]NAME...",
		Short: "Have the values of objects read again now, and wait until that is done",
		Long: "Have the syncer read the values of objects again now, by the annotation secretgate.io/force-sync, and wait until their status\n" +
			"reports that it was done. NAME may also be NAMESPACE/NAME. The syncer reads 20 objects of a namespace at once by this\n" +
			"annotation, then one a second. Exit code 1: an object was not refreshed, and the answer says why.",
		Example: p.examples("refresh db -n core", "refresh --all -n core", "refresh --all-namespaces -l team=core --timeout=10m"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(r.finish(), r.check(args)); err != nil {
				return err
			}
			return r.run(cmd, args)
		},
		ValidArgsFunction: r.completeObjects,
	}
	r.bind(cmd, func(flags *pflag.FlagSet) {
		flags.BoolVar(&r.all, "all", false, "all objects of the namespace")
		flags.BoolVarP(&r.everywhere, "all-namespaces", "A", false, "all objects of all namespaces, or those that --selector selects")
		flags.StringVarP(&r.selector, "selector", "l", "", "the objects that have these labels, such as team=core")
		flags.BoolVar(&r.wait, "wait", true, "wait until the status of each object shows it")
		flags.DurationVar(&r.timeout, "timeout", 0, "how long to wait for all of them (default a minute, and a second for each object)")
	})
	return cmd
}

// check refuses what names no objects, or names them twice.
func (r *refresher) check(args []string) error {
	many := r.all || r.everywhere || r.selector != ""
	switch {
	case len(args) == 0 && !many:
		return errors.New("nothing to refresh: name objects, or write --all, --all-namespaces or --selector")
	case len(args) > 0 && many:
		return errors.New("names of objects do not go with --all, --all-namespaces and --selector")
	case r.timeout < 0:
		return fmt.Errorf("--timeout is %s: must not be negative", r.timeout)
	}
	return nil
}

// run refreshes, and reports each object.
func (r *refresher) run(cmd *cobra.Command, args []string) error {
	ctx := cmd.Context()
	if err := r.connect(); err != nil {
		return err
	}
	i, err := r.readSettings(ctx, nil)
	if err != nil {
		return failed(ctx, err)
	}
	targets, err := r.targets(ctx, i, args)
	if err != nil {
		return failed(ctx, err)
	}
	token := r.program.Now().UTC().Format(time.RFC3339Nano)
	timeout := r.timeout
	if timeout == 0 {
		timeout = time.Minute + time.Duration(len(targets))*time.Second
	}
	b := newBatch(r.live, targets, token, r.everywhere)
	b.progress(true)
	b.request(ctx)
	if r.wait {
		b.await(ctx, timeout)
	}
	b.progress(false)
	answer := b.answer(ctx, r.wait, timeout)
	if err := r.write(answer, show.Refresh(answer)); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return failed(ctx, ctx.Err())
	}
	n := 0
	for _, one := range answer.Results {
		if one.Outcome == shape.Failed || one.Outcome == shape.TimedOut {
			n++
		}
	}
	if n > 0 {
		return command.Failed(fmt.Errorf("%d of %d objects were not refreshed", n, len(answer.Results)))
	}
	return nil
}

// targets are the objects to refresh.
func (r *refresher) targets(ctx context.Context, i *installation, args []string) ([]found, error) {
	var all []found
	for _, name := range args {
		ref, err := kindList(i.Kinds).parse(name, r.namespace)
		if err != nil {
			return nil, err
		}
		one, err := r.find(ctx, i.Kinds, ref)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	if len(args) > 0 {
		return all, nil
	}
	namespace := r.namespace
	if r.everywhere {
		namespace = ""
	}
	for _, k := range i.Kinds {
		objects, err := r.cluster.Objects(ctx, k, namespace, r.selector)
		if errors.Is(err, cluster.ErrNotServed) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			all = append(all, found{k, o})
		}
	}
	if len(all) == 0 {
		return nil, errors.New("there are no such objects: " + where(namespace, r.selector))
	}
	return all, nil
}

func where(namespace, selector string) string {
	text := "looked at all namespaces"
	if namespace != "" {
		text = fmt.Sprintf("looked at namespace %q", namespace)
	}
	if selector != "" {
		text += fmt.Sprintf(" for labels %q", selector)
	}
	return text
}
