package servers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// Builder builds the servers. Source and Cache are required.
type Builder struct {
	// Source is the folder tests/lab/servers of a checkout.
	Source string
	// Cache is the folder that keeps the servers, a folder per module, version and kind of machine.
	Cache string
	// Oldest has the oldest Kubernetes that Secretgate supports, instead of the newest.
	Oldest bool
	// Found are servers of this machine, by their names: they are used as they are, and not built. Search finds them.
	Found map[string]string
	// WithoutControllers has no kube-controller-manager.
	WithoutControllers bool
	// Quick builds what is missing unoptimised, in half the time, apart from what others build.
	Quick bool
	// Progress receives a line per server; nil throws them away. A progress.Shower is shown what goes on, too.
	Progress io.Writer
}

// task is one program that has to be there.
type task struct {
	module module
	program
	target string
}

// Build returns all servers, and builds first the ones that are missing: on two cores a quarter of an hour for all of
// them. A program is moved to its place when it is complete, so an interrupted build leaves nothing half-built, and the
// next one goes on where it ended. Two processes that build at once take turns.
func (b Builder) Build(ctx context.Context) (Set, error) {
	plane, err := b.BuildControlPlane(ctx)
	if err != nil {
		return Set{}, err
	}
	vaults, err := b.BuildVault(ctx)
	return Set{plane, vaults}, err
}

// BuildControlPlane is Build for the programs of Kubernetes alone.
func (b Builder) BuildControlPlane(ctx context.Context) (ControlPlane, error) {
	wanted := []string{etcd, apiServer, kubectl}
	switch {
	case b.WithoutControllers:
	case b.Found[apiServer] != "" && b.Found[controllerManager] == "":
		// One that is built may be newer than the API server, which Kubernetes does not support.
		b.say(controllerManager, "left out, since none of the API server's version was found: a deleted namespace stays, and so does garbage")
	default:
		wanted = append(wanted, controllerManager)
	}
	at, err := b.buildAll(ctx, controlPlane(b.Oldest), wanted)
	if err != nil {
		return ControlPlane{}, err
	}
	return ControlPlane{Etcd: at[etcd], APIServer: at[apiServer], ControllerManager: at[controllerManager], Kubectl: at[kubectl]}, nil
}

// BuildVault is Build for Vault alone. One that was found has its own kubernetes auth, or is given the plugin.
func (b Builder) BuildVault(ctx context.Context) (VaultSet, error) {
	wanted := []string{vault, vaultPlugin}
	if found := b.Found[vault]; found != "" && !isMinimal(found) {
		wanted = wanted[:1]
	}
	at, err := b.buildAll(ctx, vaultModules(), wanted)
	if err != nil {
		return VaultSet{}, err
	}
	set := VaultSet{Vault: at[vault]}
	if plugin := at[vaultPlugin]; plugin != "" {
		set.VaultPlugins = filepath.Dir(plugin)
	}
	return set, nil
}

// buildAll answers where the wanted programs are, when they are all there.
func (b Builder) buildAll(ctx context.Context, modules []module, wanted []string) (at map[string]string, err error) {
	tasks, err := b.plan(modules, wanted)
	if err != nil {
		return nil, err
	}
	if len(missing(tasks)) > 0 {
		if err := b.buildMissing(ctx, tasks); err != nil {
			return nil, err
		}
	}
	at = map[string]string{}
	for _, t := range tasks {
		at[t.name] = t.target
	}
	for _, name := range wanted {
		if found := b.Found[name]; found != "" {
			at[name] = found
		}
	}
	return at, nil
}

func (b Builder) buildMissing(ctx context.Context, tasks []task) error {
	unlock, err := b.lock(ctx)
	if err != nil {
		return fmt.Errorf("the lab's servers cannot be built: %w", err)
	}
	defer unlock()
	for _, together := range batches(missing(tasks)) { // fewer, when another process has just built them
		if err := b.build(ctx, together); err != nil {
			return err
		}
	}
	return nil
}

// plan lists the programs that are wanted and were not found, in the order of the modules. A program of two modules is the
// later one's.
func (b Builder) plan(modules []module, wanted []string) ([]task, error) {
	var tasks []task
	for _, m := range modules {
		folder, err := b.folder(m)
		if err != nil {
			return nil, err
		}
		for _, p := range m.programs {
			if !slices.Contains(wanted, p.name) || b.Found[p.name] != "" {
				continue
			}
			t := task{module: m, program: p, target: filepath.Join(folder, p.name)}
			if b.Quick && m.gcflags == "" && !exists(t.target) {
				t.module.gcflags = unoptimised
				quick, err := b.folder(t.module)
				if err != nil {
					return nil, err
				}
				t.target = filepath.Join(quick, p.name)
			}
			tasks = slices.DeleteFunc(tasks, func(earlier task) bool { return earlier.name == p.name })
			tasks = append(tasks, t)
		}
	}
	return tasks, nil
}

// folder is where a module's programs are kept.
func (b Builder) folder(m module) (string, error) {
	stamp, err := b.stamp(m)
	if err != nil {
		return "", fmt.Errorf("the sources of the lab's servers are incomplete: %w", err)
	}
	return filepath.Join(b.Cache, fmt.Sprintf("%s-%s-%s-%s-%s", m.folder, m.version, runtime.GOOS, runtime.GOARCH, stamp)), nil
}

// stamp names everything that decides what is built: the pinned modules, our own sources and the flags.
func (b Builder) stamp(m module) (string, error) {
	folder := filepath.Join(b.Source, m.folder)
	sources, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	_, _ = fmt.Fprintf(hash, "%+v\n", m)
	for _, file := range append([]string{filepath.Join(folder, "go.mod"), filepath.Join(folder, "go.sum")}, sources...) {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		_, _ = fmt.Fprintf(hash, "%s %d\n%s", filepath.Base(file), len(text), text)
	}
	return hex.EncodeToString(hash.Sum(nil))[:10], nil
}

func missing(tasks []task) []task {
	return slices.DeleteFunc(slices.Clone(tasks), func(t task) bool { return exists(t.target) })
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// batches groups the tasks that one call of the go command can do: what is compiled for several programs is compiled once, and
// while one is linked, which takes one processor, the others go on.
func batches(tasks []task) [][]task {
	var groups [][]task
	for _, t := range tasks {
		i := slices.IndexFunc(groups, func(g []task) bool {
			return g[0].module.folder == t.module.folder && g[0].module.gcflags == t.module.gcflags
		})
		if i < 0 {
			groups = append(groups, nil)
			i = len(groups) - 1
		}
		groups[i] = append(groups[i], t)
	}
	return groups
}

func (b Builder) say(name, format string, args ...any) {
	if b.Progress != nil {
		_, _ = fmt.Fprintln(b.Progress, Row(name, fmt.Sprintf(format, args...)))
	}
}

// Row is a line about one server.
func Row(name, text string) string { return fmt.Sprintf("%-15s %s", name, text) }
