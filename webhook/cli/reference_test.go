package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/shared/reference"
)

// TestReference keeps the flags of commands on the page as the code has them: those that are not of kubectl, nor settings of the
// installation, which are on the page already.
func TestReference(t *testing.T) {
	p := Program{Path: plugin, Dialects: all.Dialects(), Lookup: func(string) (string, bool) { return "", false }}
	l := p.live()
	l.judges(p.Dialects)
	known := pflag.NewFlagSet("", pflag.ContinueOnError)
	l.config.AddFlags(known)
	for _, section := range l.judging {
		known.AddGoFlagSet(section.Flags)
	}
	own := map[string][]string{"who-can": {"backend"}} // called like a setting of a dialect
	var text strings.Builder
	for _, cmd := range p.root().Commands() {
		if !slices.Contains([]string{"why", "who-can", "refresh", "tree", "status"}, cmd.Name()) {
			continue
		}
		var rows [][]string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" && (known.Lookup(f.Name) == nil || slices.Contains(own[cmd.Name()], f.Name)) {
				rows = append(rows, []string{flagNames(f), code(strings.Trim(f.DefValue, "[]")), f.Usage})
			}
		})
		text.WriteString("`" + usage(cmd) + "`:\n\n" + reference.Table([]string{"flag", "default", "meaning"}, rows))
	}
	if err := reference.Update("command line's flags", text.String()); err != nil {
		t.Error(err)
	}
}

func flagNames(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return code("--"+f.Name) + ", " + code("-"+f.Shorthand)
	}
	return code("--" + f.Name)
}

func usage(cmd *cobra.Command) string { return strings.TrimSuffix(cmd.UseLine(), " [flags]") }

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}
