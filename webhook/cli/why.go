package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/near"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/webhook/cli/explain"
	"github.com/secretgate/secretgate/webhook/cli/installed"
	"github.com/secretgate/secretgate/webhook/cli/shape"
	"github.com/secretgate/secretgate/webhook/cli/show"
	"github.com/secretgate/secretgate/webhook/internal/check"
	"github.com/secretgate/secretgate/webhook/internal/command"
)

func (p Program) why() *cobra.Command {
	l := p.live()
	l.judges(p.Dialects)
	var files []string
	cmd := &cobra.Command{
		Use:   "why [KIND/]NAME",
		Short: "Explain what an object reads, as whom, which patterns permit or deny that, and how it is",
		Long: "Explain an object: of each source the backend, the identity and the key; each limit of the namespace that applies, with its\n" +
			"pattern and its verdict; what its status says; and when it is read next. NAME may also be NAMESPACE/NAME.\n" +
			"The settings of the installation are read where you may read them, and else assumed, which the answer says. With --filename it\n" +
			"explains a manifest, by the namespaces in the same files, and asks no cluster.",
		Example: p.examples("why db -n core", "why core/db -o json", "why -f manifests/ core/db"),
		Args:    one("an object"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := l.finish(); err != nil {
				return err
			}
			answer, err := l.explain(cmd, args[0], files)
			if err != nil {
				return err
			}
			return l.write(answer, show.Why(answer))
		},
		ValidArgsFunction: l.completeObject,
	}
	l.bind(cmd, func(flags *pflag.FlagSet) { bindFiles(flags, &files) })
	return cmd
}

func bindFiles(flags *pflag.FlagSet, files *[]string) {
	flags.StringArrayVarP(files, "filename", "f", nil,
		"file or folder with the objects, their namespaces and what they refer to, or - for stdin, instead of a cluster; may be repeated")
}

func (l *live) explain(cmd *cobra.Command, name string, files []string) (shape.Why, error) {
	if len(files) > 0 {
		return l.explainFiles(cmd, name, files)
	}
	s, i, err := l.subject(cmd, name)
	if err != nil {
		return shape.Why{}, err
	}
	answer := explain.Why(s.Subject)
	answer.Settings, answer.Notes = i.said, slices.Concat(i.notes, s.notes)
	return answer, nil
}

// subject is an object of the cluster, and what there is to know of it.
type subject struct {
	explain.Subject

	notes []shape.Note
}

// subject reads the object that a user names, its namespace, what it refers to, and the settings.
func (l *live) subject(cmd *cobra.Command, name string) (*subject, *installation, error) {
	ctx := cmd.Context()
	r, err := l.named(name)
	if err != nil {
		return nil, nil, err
	}
	i, err := l.readSettings(ctx, l.given(cmd))
	if err != nil {
		return nil, nil, failed(ctx, err)
	}
	one, err := l.find(ctx, i.Kinds, r)
	if err != nil {
		return nil, nil, failed(ctx, err)
	}
	s := l.about(ctx, i, one)
	ns, err := l.cluster.Namespace(ctx, r.namespace)
	if err != nil {
		s.notes = append(s.notes, shape.Note("policy was not judged: "+err.Error()))
	}
	s.Namespace, s.Known = ns, err == nil
	return s, i, nil
}

// named reads the name of an object, once the cluster is known.
func (l *live) named(name string) (objectName, error) {
	if err := l.connect(); err != nil {
		return objectName{}, err
	}
	return l.allKinds().parse(name, l.namespace)
}

// about is what there is to know of an object but its namespace.
func (l *live) about(ctx context.Context, i *installation, one found) *subject {
	s := &subject{Subject: explain.Subject{
		Kind: one.kind, Object: one.object, Settings: i.Policy.Settings, Live: true, Refresh: i.Refresh(one.kind), Now: l.program.Now(),
	}}
	resolved, _, err := l.cluster.Resolve(ctx, i.Stores, dialect.ReferencesOf(one.kind, one.object))
	if i.known {
		served := i.Serves(one.kind, one.object, resolved)
		s.Served = &served
	}
	if err != nil {
		s.notes = append(s.notes, shape.Note("what the object refers to could not be read: "+err.Error()))
	}
	p, errs := one.kind.Plan(one.object, resolved)
	s.Plan = p
	s.Wrong, s.Missing = dialect.Split(errs)
	return s
}

// failed is an error of what was asked for; that of a context is said plainly.
func failed(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		err = errors.New("interrupted")
	}
	return command.Failed(err)
}

// offline is what files hold.
type offline struct {
	installed.Settings

	planned    []check.Planned
	namespaces map[string]policy.Namespace
}

// readFiles reads objects and namespaces of files, by the settings that the user and the environment give.
func (l *live) readFiles(cmd *cobra.Command, files []string) (*offline, error) {
	told := installed.Service{Service: dialect.Check, Lookup: l.program.Lookup}
	read, err := installed.Read(l.program.Dialects, told, l.given(cmd))
	if err != nil {
		return nil, err
	}
	checker := check.Checker{Kinds: read.Kinds, Stores: read.Stores, Namespace: *l.config.Namespace, Stdin: cmd.InOrStdin()}
	o := &offline{Settings: read, namespaces: map[string]policy.Namespace{}}
	all, known, err := checker.Plans(cmd.Context(), files)
	if err != nil {
		return nil, err
	}
	o.planned = all
	for _, ns := range known {
		o.namespaces[ns.Name] = ns
	}
	return o, nil
}

// subject is an object of the files.
func (o *offline) subject(l *live, one check.Planned) explain.Subject {
	ns, known := o.namespaces[one.Object.GetNamespace()]
	return explain.Subject{
		Kind: one.Kind, Object: one.Object, Plan: one.Plan, Wrong: one.Wrong, Missing: one.Missing,
		Namespace: ns, Known: known, Settings: o.Policy.Settings, Refresh: o.Refresh(one.Kind), Now: l.program.Now(),
	}
}

func (l *live) explainFiles(cmd *cobra.Command, name string, files []string) (shape.Why, error) {
	r, err := l.allKinds().parse(name, *l.config.Namespace)
	if err != nil {
		return shape.Why{}, err
	}
	o, err := l.readFiles(cmd, files)
	if err != nil {
		return shape.Why{}, err
	}
	var all []check.Planned
	var names []string
	for _, one := range o.planned {
		names = append(names, one.Object.GetName())
		if one.Object.GetName() == r.name && (r.namespace == "" || one.Object.GetNamespace() == r.namespace) &&
			(r.kinds == nil || r.kinds.has(one.Kind)) {
			all = append(all, one)
		}
	}
	switch len(all) {
	case 0:
		return shape.Why{}, command.Failed(fmt.Errorf("the files hold no object %q%s", name, didYouMean(near.Typo(r.name, names))))
	case 1:
	default:
		return shape.Why{}, fmt.Errorf("%q names several objects of the files: write KIND/NAMESPACE/NAME", name)
	}
	s := o.subject(l, all[0])
	answer := explain.Why(s)
	if !s.Known {
		answer.Notes = append(answer.Notes, shape.Note(fmt.Sprintf(
			"policy was not judged: namespace %q is not among the files: name the file of its manifest, too (--filename)",
			all[0].Object.GetNamespace())))
	}
	return answer, nil
}
