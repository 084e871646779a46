package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/near"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/webhook/cli/cluster"
	"github.com/secretgate/secretgate/webhook/cli/explain"
	"github.com/secretgate/secretgate/webhook/cli/shape"
	"github.com/secretgate/secretgate/webhook/cli/show"
)

// whoCan is what who-can is asked.
type whoCan struct {
	*live

	backend string
	roles   []string
	denied  bool
	files   []string
}

func (p Program) whoCan() *cobra.Command {
	w := &whoCan{live: p.live()}
	w.judges(nil)
	cmd := &cobra.Command{
		Use:   "who-can KEY",
		Short: "List the namespaces whose policies permit a key, and the objects that read it",
		Long: "List the namespaces whose annotations permit a key of a secret manager, which of their annotations decides that, and the\n" +
			"objects that read the key, or walk a path that it is below. It looks at all namespaces that you may list, else at that of\n" +
			"--namespace, and says what could not be looked at. A namespace without an annotation for keys permits all of them (no limit).",
		Example: p.examples("who-can /dev/core/db",
			"who-can secret/data/db --backend vault --role core", "who-can /dev/core/db -f clusters/prod/"),
		Args: one("a key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			query, err := w.query(args[0])
			if err := errors.Join(w.finish(), err); err != nil {
				return err
			}
			answer, err := w.answer(cmd, query)
			if err != nil {
				return err
			}
			return w.write(answer, show.WhoCan(answer))
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	w.bind(cmd, func(flags *pflag.FlagSet) {
		flags.StringVar(&w.backend, "backend", "", "the secret manager that the key is of, of "+backend.Names()+"; empty: any")
		flags.StringArrayVar(&w.roles, "role", nil, "the role that reads it; may be repeated; none: any")
		flags.BoolVar(&w.denied, "denied", false, "list the namespaces that do not permit it, too")
		bindFiles(flags, &w.files)
	})
	return cmd
}

// query checks what is asked for.
func (w *whoCan) query(key string) (explain.Query, error) {
	q := explain.Query{Key: key, Backend: plan.Backend(w.backend), Roles: w.roles}
	if key == "" {
		return q, errors.New("the key is empty: write the secret manager's name of a secret")
	}
	if w.backend == "" {
		return q, nil
	}
	b, known := backend.Of(q.Backend)
	if !known {
		var names []string
		for _, one := range backend.All() {
			names = append(names, string(one.Name))
		}
		return q, fmt.Errorf("--backend is %q: must be one of %s%s", w.backend, backend.Names(), didYouMean(near.Name(w.backend, names)))
	}
	if problem := b.Key(key); problem != "" {
		return q, fmt.Errorf("%q can never be a key of %s: it %s", key, b.Name, problem)
	}
	return q, nil
}

func (w *whoCan) answer(cmd *cobra.Command, q explain.Query) (shape.WhoCan, error) {
	answer := shape.WhoCan{Key: q.Key, Backend: w.backend, Roles: w.roles, Namespaces: []shape.Access{}, Readers: []shape.Reader{}}
	var subjects []explain.Subject
	var known []policy.Namespace
	var settings policy.Settings
	if len(w.files) > 0 {
		o, err := w.readFiles(cmd, w.files)
		if err != nil {
			return answer, err
		}
		settings = o.Policy.Settings
		for _, name := range slices.Sorted(maps.Keys(o.namespaces)) {
			known = append(known, o.namespaces[name])
		}
		for _, one := range o.planned {
			subjects = append(subjects, o.subject(w.live, one))
		}
	} else {
		if err := w.connect(); err != nil {
			return answer, err
		}
		i, err := w.readSettings(cmd.Context(), w.given(cmd))
		if err != nil {
			return answer, failed(cmd.Context(), err)
		}
		settings = i.Policy.Settings
		answer.Notes = slices.Concat(i.notes, settingsNotes(i.said))
		var notes []shape.Note
		if known, subjects, notes, err = w.look(cmd.Context(), i); err != nil {
			return answer, failed(cmd.Context(), err)
		}
		answer.Notes = append(answer.Notes, notes...)
	}
	w.judge(&answer, q, known, subjects, settings)
	return answer, nil
}

// judge fills in the answer.
func (w *whoCan) judge(answer *shape.WhoCan, q explain.Query, known []policy.Namespace, subjects []explain.Subject, s policy.Settings) {
	for _, ns := range known {
		access := explain.Access(q, ns, s)
		if access.Verdict == shape.Denied {
			answer.Denied++
			if !w.denied {
				continue
			}
		}
		answer.Namespaces = append(answer.Namespaces, access)
	}
	rank := map[string]int{shape.Permitted: 0, shape.NoLimit: 1, shape.Denied: 2}
	slices.SortStableFunc(answer.Namespaces, func(a, b shape.Access) int { return cmp.Compare(rank[a.Verdict], rank[b.Verdict]) })
	for _, one := range subjects {
		answer.Readers = append(answer.Readers, explain.Readers(q, one)...)
	}
}

// settingsNotes says what is assumed of the settings.
func settingsNotes(said []shape.Settings) []shape.Note {
	var notes []shape.Note
	for _, one := range said {
		if one.Assumed != "" && one.Service == services[0].name { // by which values are read
			notes = append(notes, shape.Note("the settings of the "+one.Service+" were assumed: "+one.Assumed))
		}
	}
	return notes
}

// look reads all namespaces and objects that the user may list, else those of one namespace.
func (w *whoCan) look(ctx context.Context, i *installation) (
	known []policy.Namespace, subjects []explain.Subject, notes []shape.Note, err error,
) {
	known, err = w.cluster.Namespaces(ctx)
	if err != nil {
		notes = append(notes, shape.Note(fmt.Sprintf("of the namespaces, %q alone was looked at: %s", w.namespace, err)))
		one, oneErr := w.cluster.Namespace(ctx, w.namespace)
		if oneErr != nil {
			return nil, nil, nil, errors.Join(err, oneErr)
		}
		known = []policy.Namespace{one}
	}
	by := map[string]policy.Namespace{}
	for _, ns := range known {
		by[ns.Name] = ns
	}
	for _, k := range i.Kinds {
		found, where, err := w.objects(ctx, k)
		if errors.Is(err, cluster.ErrNotServed) {
			continue
		}
		if err != nil {
			return nil, nil, nil, err
		}
		if where != "" {
			notes = append(notes, shape.Note(where))
		}
		for _, one := range found {
			s := w.about(ctx, i, one)
			s.Namespace, s.Known = by[one.object.GetNamespace()], by[one.object.GetNamespace()].Name != ""
			subjects = append(subjects, s.Subject)
			notes = append(notes, s.notes...)
		}
	}
	return known, subjects, slices.Compact(notes), nil
}
