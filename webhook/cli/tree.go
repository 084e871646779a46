package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/webhook/cli/cluster"
	"github.com/secretgate/secretgate/webhook/cli/explain"
	"github.com/secretgate/secretgate/webhook/cli/shape"
	"github.com/secretgate/secretgate/webhook/cli/show"
)

func (p Program) tree() *cobra.Command {
	l := p.live()
	var entries bool
	cmd := &cobra.Command{
		Use:   "tree [KIND/]NAME",
		Short: "Show an object with its stores and sources, its Secret, and the workloads and pods that use that",
		Long: "Show an object with what it refers to, what it reads and where, the Secret that is made of it, the workloads that are\n" +
			"restarted when it changes, and the pods that mount the Secret or take their environment from it. NAME may also be\n" +
			"NAMESPACE/NAME. A pod that has an older value, since it started before the Secret changed, is named as such, and so is what\n" +
			"a restart waits for. Of the Secret its metadata are read; with --entries also the names of its entries. Values are never shown.",
		Example: p.examples("tree db -n core", "tree core/db --entries"),
		Args:    one("an object"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := l.finish(); err != nil {
				return err
			}
			answer, err := l.grow(cmd, args[0], entries)
			if err != nil {
				return err
			}
			return l.write(answer, show.Tree(answer))
		},
		ValidArgsFunction: l.completeObject,
	}
	l.bind(cmd, func(flags *pflag.FlagSet) {
		flags.BoolVar(&entries, "entries", false, "show the names of the Secret's entries; the Secret is read for that")
	})
	return cmd
}

func (l *live) grow(cmd *cobra.Command, name string, entries bool) (shape.Tree, error) {
	ctx := cmd.Context()
	s, i, err := l.subject(cmd, name)
	if err != nil {
		return shape.Tree{}, err
	}
	record := s.Kind.Status(s.Object).Record()
	t := shape.Tree{
		Object: explain.ObjectOf(s.Kind, s.Object), Ready: string(record.Ready), Reason: string(record.Reason),
		Stores: l.stores(ctx, i, s), Sources: explain.Sources(s.Subject), Pods: []shape.Pod{}, Notes: s.notes,
	}
	t.Secret.Name = secretOf(s)
	changed := l.secret(ctx, s, &t, entries)
	l.restarts(ctx, s, &t)
	pods, err := l.cluster.Pods(ctx, s.Object.GetNamespace(), "")
	if err != nil {
		t.Notes = append(t.Notes, shape.Note("the pods are not known: "+err.Error()))
	}
	t.Pods = explain.Pods(pods, t.Secret.Name, changed)
	if ctx.Err() != nil {
		return t, failed(ctx, ctx.Err())
	}
	return t, nil
}

// secretOf is the name of an object's Secret.
func secretOf(s *subject) string {
	if s.Plan != nil {
		return s.Plan.Target.Name
	}
	if namer, ok := s.Kind.(dialect.Namer); ok {
		return namer.Secret(s.Object)
	}
	return s.Object.GetName()
}

// secret adds what there is to know of the Secret, and returns when it last changed.
func (l *live) secret(ctx context.Context, s *subject, t *shape.Tree, entries bool) (changed time.Time) {
	yes, no := true, false
	got, err := l.cluster.Secret(ctx, s.Object.GetNamespace(), t.Secret.Name)
	switch {
	case errors.Is(err, cluster.ErrNotFound):
		t.Secret.Exists = &no
		return changed
	case err != nil:
		t.Notes = append(t.Notes, shape.Note("the Secret is not known: "+err.Error()))
		return changed
	}
	owned := explain.Owned(got, s.Object)
	t.Secret.Exists, t.Secret.Owned = &yes, &owned
	if changed = explain.Changed(got); !changed.IsZero() {
		at := changed.UTC()
		t.Secret.Changed = &at
	}
	if entries {
		if t.Secret.Entries, err = l.cluster.Entries(ctx, s.Object.GetNamespace(), t.Secret.Name); err != nil {
			t.Notes = append(t.Notes, shape.Note("the names of the entries are not known: "+err.Error()))
		}
	}
	return changed
}

// restarts adds the workloads that are restarted when the Secret changes.
func (l *live) restarts(ctx context.Context, s *subject, t *shape.Tree) {
	workloads, err := l.cluster.Workloads(ctx, s.Object.GetNamespace())
	if err != nil {
		t.Notes = append(t.Notes, shape.Note("some workloads are not known: "+err.Error()))
	}
	t.Restarts = explain.Restarts(workloads, t.Secret.Name, s.Kind, s.Object)
}

// stores lists what the object refers to.
func (l *live) stores(ctx context.Context, i *installation, s *subject) []shape.Store {
	resolved, wanted, err := l.cluster.Resolve(ctx, i.Stores, dialect.ReferencesOf(s.Kind, s.Object))
	var all []shape.Store
	for _, r := range wanted {
		one := shape.Store{Object: shape.Object{Kind: r.Kind.Kind, Namespace: r.Namespace, Name: r.Name}}
		if _, found := resolved[r]; found || err == nil {
			one.Found = &found
		}
		all = append(all, one)
	}
	return all
}
