package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/component-base/cli/flag"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/webhook/cli/cluster"
	"github.com/secretgate/secretgate/webhook/cli/show"
	"github.com/secretgate/secretgate/webhook/internal/command"
)

// live is what all commands have in common that ask a cluster.
type live struct {
	program      Program
	config       *genericclioptions.ConfigFlags
	installation string // the namespace that Secretgate runs in
	format       string
	colour       string
	judging      []*settings.Section // the settings that the user may give; nil: none

	cluster   *cluster.Cluster
	namespace string
}

func (p Program) live() *live {
	config := genericclioptions.NewConfigFlags(true)
	config.CacheDir = nil // nothing is discovered
	return &live{program: p, config: config}
}

// judges adds the settings by which objects are judged, to be given where they cannot be read. of are the dialects whose own settings
// are among them.
func (l *live) judges(of []dialect.Dialect) {
	none := func(string) (string, bool) { return "", false }
	section := settings.NewSection("policy", none)
	new(settings.Policy).Bind(section)
	l.judging = []*settings.Section{section}
	if len(of) == 0 {
		return
	}
	choice := dialect.Choice{All: of, Service: dialect.Check}
	l.judging = append(l.judging, choice.Bind(settings.NewSection("", none), none)...)
}

// bind adds the flags of a command: its own, those of the output, of the settings, and of the cluster.
func (l *live) bind(cmd *cobra.Command, own func(flags *pflag.FlagSet)) {
	var groups flag.NamedFlagSets
	flags := groups.FlagSet(cmd.Name())
	flags.StringVarP(&l.format, "output", "o", show.Text, "text, json or yaml")
	flags.StringVar(&l.colour, "color", "auto", "colours: auto (on a terminal, unless NO_COLOR is set), always or never")
	own(flags)
	for _, section := range l.judging {
		groups.FlagSet(section.Title).AddGoFlagSet(section.Flags)
	}
	connection := groups.FlagSet("cluster")
	connection.StringVar(&l.installation, "secretgate-namespace", "secretgate", "the namespace that Secretgate is installed in")
	l.config.AddFlags(connection)
	connection.Lookup("namespace").Usage = "the namespace of the objects (default: the context's)"
	command.Group(cmd, groups)
	for name, complete := range map[string]cobra.CompletionFunc{
		"namespace": l.completeNamespaces, "context": l.completeContexts, "secretgate-namespace": l.completeNamespaces,
		"output": cobra.FixedCompletions(show.Formats(), cobra.ShellCompDirectiveNoFileComp),
		"color":  cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp),
	} {
		if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
			panic(err) // a flag that is not there is a mistake of this function
		}
	}
}

// given are the settings that the user gave, by flag.
func (l *live) given(cmd *cobra.Command) map[string]string {
	given := map[string]string{}
	for _, section := range l.judging {
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		flags.AddGoFlagSet(section.Flags)
		flags.VisitAll(func(f *pflag.Flag) {
			if cmd.Flags().Changed(f.Name) {
				given[f.Name] = f.Value.String()
			}
		})
	}
	return given
}

// finish checks the flags that all commands have.
func (l *live) finish() error {
	var problems []error
	if !slices.Contains(show.Formats(), l.format) {
		problems = append(problems, fmt.Errorf("--output is %q: must be text, json or yaml", l.format))
	}
	if !slices.Contains([]string{"auto", "always", "never"}, l.colour) {
		problems = append(problems, fmt.Errorf("--color is %q: must be auto, always or never", l.colour))
	}
	return errors.Join(problems...)
}

// connect prepares to ask the cluster that the flags name. It sends no request yet.
func (l *live) connect() error {
	config, err := l.config.ToRESTConfig()
	if err != nil {
		return fmt.Errorf("how to reach the cluster is not known: %w", err)
	}
	if l.namespace, _, err = l.config.ToRawKubeConfigLoader().Namespace(); err != nil {
		return fmt.Errorf("read the context's namespace: %w", err)
	}
	l.cluster, err = cluster.Connect(config)
	return err
}

// write shows an answer. value is its shape.
func (l *live) write(value any, answer show.Answer) error {
	page := show.Page{Now: l.program.Now(), Colour: l.colours()}
	if err := show.Write(l.program.Stdout, l.format, value, answer, page); err != nil {
		return command.Failed(fmt.Errorf("write the answer: %w", err))
	}
	return nil
}

// colours reports whether the answer is coloured, as https://no-color.org has it.
func (l *live) colours() bool {
	switch l.colour {
	case "always":
		return true
	case "never":
		return false
	}
	off, _ := l.program.Lookup("NO_COLOR")
	term, _ := l.program.Lookup("TERM")
	return off == "" && term != "dumb" && command.IsTerminal(l.program.Stdout)
}
