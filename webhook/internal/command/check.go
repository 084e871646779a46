package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/shared/template/worker"
	"github.com/secretgate/secretgate/webhook/internal/check"
)

// Check is the command that judges manifests. Both programs have it.
type Check struct {
	Program  string // its name, with which complaints begin
	Called   string // how users call it
	Version  string
	Dialects []dialect.Dialect // to choose from
	Lookup   func(variable string) (string, bool)
	Stdout   io.Writer
	Stderr   io.Writer
}

// checkOptions are its options.
type checkOptions struct {
	checker             check.Checker
	policy              settings.Policy
	dialects            dialect.Choice
	unknown, output     string
	kubeconfig, context string
}

// Sections are its settings, for the reference.
func (c Check) Sections() []*settings.Section { return c.options().bind(c.Lookup) }

// Command is the command.
func (c Check) Command() *cobra.Command {
	o := c.options()
	sections := o.bind(c.Lookup)
	cmd := &cobra.Command{
		Use:   "check [FILE|FOLDER|-]...",
		Short: "Judge manifests as admission would, without a cluster",
		Long: "Judge the objects that read secrets in files, folders (*.yaml, *.yml and *.json, recursively) and stdin (-) as the\n" +
			"webhook and the CRD would. Give it the policy settings of your installation. Namespaces are judged, too, and used: their\n" +
			"annotations are the policy. What resembles one of these kinds and is none is an error; objects of other kinds are skipped.\n" +
			"The dialects of these objects:\n" + Titles(c.Dialects) + "\n" +
			"Findings go to stdout, or to stderr where --fix writes stdin's new text to stdout; a summary goes to stderr.\n" +
			"Exit codes: 0 clean (warnings are), 1 something would be denied, 2 bad usage or unreadable input.",
		Example: "  " + c.Called + " check --namespaces clusters/prod/namespaces manifests/\n" +
			"  helm template ./chart | " + c.Called + " check --kubeconfig ~/.kube/config -\n" +
			"  " + c.Called + " check --fix manifests/",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.finish(sections, args); err != nil {
				return err
			}
			return c.run(cmd, o, args)
		},
	}
	Group(cmd, Groups(sections))
	return cmd
}

// options are for all dialects, unless --dialects says otherwise: an author need not know what is installed.
func (c Check) options() *checkOptions {
	return &checkOptions{dialects: dialect.Choice{All: c.Dialects, Service: dialect.Check}}
}

func (o *checkOptions) bind(lookup func(string) (string, bool)) []*settings.Section {
	input := settings.NewSection("namespace", lookup)
	input.Flags.Func("namespaces", "`file` or folder with more Namespaces, and with what objects refer to; may be repeated",
		func(text string) error {
			o.checker.NamespaceFiles = append(o.checker.NamespaceFiles, text)
			return nil
		})
	input.String(&o.kubeconfig, "kubeconfig", "",
		"read namespaces, and the objects that others refer to, from the cluster of this kubeconfig file, and nothing else")
	input.String(&o.context, "context", "", "context of the kubeconfig; without --kubeconfig, of KUBECONFIG or ~/.kube/config")
	input.String(&o.checker.Namespace, "namespace", "", "namespace of objects without one (default: the context's, else default)")
	o.checker.Annotations, o.checker.Labels = map[string]string{}, map[string]string{}
	input.Flags.Func("namespace-annotation", "`key=value` of the namespace of objects that name none; may be repeated",
		texts(o.checker.Annotations))
	input.Flags.Func("namespace-label", "`key=value` of the same, for stores that admit namespaces by labels; may be repeated",
		texts(o.checker.Labels))
	input.String(&o.unknown, "unknown-namespace", string(check.UnknownDenies),
		"what to do with an object in an unknown namespace: deny, or skip policy: warn, allow")

	work := settings.NewSection("check", lookup)
	work.Bool(&o.checker.Fix, "fix", false, "rewrite deprecated fields and versions in the files, and change nothing else")
	work.Bool(&o.checker.CompareMatching, "compare-matching", false,
		"list only the objects whose verdict differs between KES's matching (--policy-matching=legacy) and ours (whole), "+
			"and patterns that look like globs")
	work.Flags.Func("crds", "`file` or folder with CustomResourceDefinitions to judge by instead of the built-in ones; may be repeated",
		func(name string) error {
			o.checker.CRDs = append(o.checker.CRDs, name)
			return nil
		})
	work.Bool(&o.checker.StrictReferences, "strict-refs", false,
		"deny, instead of warn of, an object that refers to an unknown object, such as a store")
	work.String(&o.output, "output", string(check.Text), "text, json, sarif or github")

	dialects := settings.NewSection("dialects", lookup)
	each := o.dialects.Bind(dialects, lookup)

	policy := settings.NewSection("policy", lookup)
	o.policy.Bind(policy)
	return slices.Concat([]*settings.Section{input, work, dialects, policy}, each)
}

// texts is a flag that adds to texts by their keys.
func texts(to map[string]string) func(string) error {
	return func(text string) error {
		key, value, found := strings.Cut(text, "=")
		if !found || key == "" {
			return errors.New("must be key=value")
		}
		to[key] = value
		return nil
	}
}

func (o *checkOptions) finish(sections []*settings.Section, args []string) error {
	policy := o.policy.Finish()
	problems := []error{policy, o.dialects.Finish(o.policy), settings.CheckFile("kubeconfig", o.kubeconfig)}
	if len(args) == 0 {
		problems = append(problems, errors.New("nothing to check: name files, folders, or - for stdin"))
	}
	if !slices.Contains(check.Outputs(), check.Output(o.output)) {
		problems = append(problems, fmt.Errorf("--output is %q: must be text, json, sarif or github", o.output))
	}
	o.checker.UnknownNamespace = check.Unknown(o.unknown)
	if !slices.Contains([]check.Unknown{check.UnknownDenies, check.UnknownWarns, check.UnknownPasses}, o.checker.UnknownNamespace) {
		problems = append(problems, fmt.Errorf("--unknown-namespace is %q: must be deny, warn or allow", o.unknown))
	}
	for _, section := range sections {
		problems = append(problems, section.Err())
	}
	o.checker.Settings, o.checker.Kinds, o.checker.Stores = o.policy.Settings, o.dialects.Kinds(), o.dialects.Stores()
	return errors.Join(problems...)
}

// run checks and reports. The summary is the error where there is something wrong.
func (c Check) run(cmd *cobra.Command, o *checkOptions, inputs []string) error {
	if err := o.connect(); err != nil {
		return err
	}
	progress := &progressLine{to: c.Stderr, program: c.Program}
	o.checker.Stdin = cmd.InOrStdin()
	if IsTerminal(c.Stderr) {
		o.checker.Progress = progress.show
	}
	templates := &worker.Pool{}
	defer templates.Close()
	o.checker.Templates = templates.Check
	report, err := o.checker.Run(cmd.Context(), inputs)
	progress.end()
	if errors.Is(err, context.Canceled) {
		return Failed(errors.New("interrupted"))
	}
	if err != nil {
		return err
	}
	findings := c.Stdout
	if o.checker.Fix && slices.Contains(inputs, "-") {
		findings = c.Stderr
		if _, err := c.Stdout.Write(report.Stdin); err != nil {
			return Failed(err)
		}
	}
	if err := report.Write(findings, check.Output(o.output), c.Version); err != nil {
		return Failed(fmt.Errorf("write the findings: %w", err))
	}
	summary := errors.New(report.Summary())
	switch {
	case report.Unreadable > 0:
		return summary
	case report.Count(check.Error) > 0:
		return Failed(summary)
	}
	Complain(c.Stderr, c.Program, summary)
	return nil
}

// connect prepares to ask a cluster, where the flags name one.
func (o *checkOptions) connect() error {
	if o.kubeconfig == "" && o.context == "" {
		return nil
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: o.context})
	cluster, err := loader.ClientConfig()
	if err != nil {
		return fmt.Errorf("how to reach the cluster is not known: %w", err)
	}
	if o.checker.Namespace == "" {
		if o.checker.Namespace, _, err = loader.Namespace(); err != nil {
			return fmt.Errorf("read the context's namespace: %w", err)
		}
	}
	cluster = rest.AddUserAgent(cluster, "secretgate-check")
	if o.checker.Live, err = check.Cluster(cluster); err != nil {
		return err
	}
	o.checker.LiveObject, err = check.ClusterObject(cluster)
	return err
}
