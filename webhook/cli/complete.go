package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/secretgate/secretgate/webhook/internal/command"
)

// completionTimeout is how long a shell waits for what the cluster has.
const completionTimeout = 2 * time.Second

func completionHelp(name string) string {
	return "Print a script by which a shell completes commands, flags, namespaces and names of objects. For the words after\n" +
		"`kubectl secretgate`, kubectl runs a program kubectl_complete-secretgate in your PATH, which `" + name +
		" completion kubectl` prints:\n" +
		"  " + name + " completion kubectl > ~/.local/bin/kubectl_complete-secretgate && chmod +x ~/.local/bin/kubectl_complete-secretgate"
}

// shim prints the program that kubectl asks for completions of the plugin.
func shim() *cobra.Command {
	return &cobra.Command{
		Use:   "kubectl",
		Short: "Print the program kubectl_complete-secretgate, which kubectl runs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), "#!/bin/sh\nexec kubectl secretgate __complete \"$@\"\n")
			if err != nil {
				return command.Failed(err)
			}
			return nil
		},
	}
}

// completeObject completes the name of an object, where a command takes one.
func (l *live) completeObject(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return l.completeObjects(cmd, args, word)
}

// completeObjects completes the names of objects. Where none begins with the word, it completes their kinds, as in externalsecret/db.
func (l *live) completeObjects(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	prefix, kinds, namespace := "", l.allKinds(), ""
	if before, _, found := strings.Cut(word, "/"); found {
		prefix, namespace = before+"/", before
		if named := kinds.named(before); len(named) > 0 {
			kinds, namespace = named, ""
		}
	}
	var all []string
	for _, name := range l.namesOf(ctx, kinds, namespace) {
		if name = prefix + name; !slices.Contains(args, name) {
			all = append(all, name)
		}
	}
	if prefix != "" || slices.ContainsFunc(all, func(name string) bool { return strings.HasPrefix(name, word) }) {
		return all, cobra.ShellCompDirectiveNoFileComp
	}
	for _, k := range kinds {
		if name := strings.ToLower(k.Type().Kind) + "/"; !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// namesOf lists the names of objects in a namespace, if empty the user's, as far as the user may list them: a shell shows no errors.
func (l *live) namesOf(ctx context.Context, kinds kindList, namespace string) []string {
	if l.connect() != nil {
		return nil
	}
	var all []string
	for _, k := range kinds {
		objects, err := l.cluster.Objects(ctx, k, cmp.Or(namespace, l.namespace), "")
		if err != nil {
			continue
		}
		for _, o := range objects {
			all = append(all, o.GetName())
		}
	}
	return all
}

// completeNamespaces completes the names of namespaces.
func (l *live) completeNamespaces(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	if l.connect() != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found, err := l.cluster.Namespaces(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var all []string
	for _, ns := range found {
		all = append(all, ns.Name)
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}

// completeContexts completes the contexts of the kubeconfig.
func (l *live) completeContexts(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	raw, err := l.config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var all []string
	for name := range raw.Contexts {
		all = append(all, name)
	}
	slices.Sort(all)
	return all, cobra.ShellCompDirectiveNoFileComp
}
