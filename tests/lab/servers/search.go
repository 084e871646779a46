package servers

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/version"
)

// Search looks for servers of this machine. Its zero value finds none.
type Search struct {
	// Assets is a folder of etcd, kube-apiserver and kubectl as envtest has it (KUBEBUILDER_ASSETS); it is looked at first.
	Assets string
	// Path are the folders to look at then, in their order.
	Path []string
	// WithoutControllers does not look for kube-controller-manager.
	WithoutControllers bool
}

// SearchEnvironment is the Search that the environment asks for: KUBEBUILDER_ASSETS, then PATH.
func SearchEnvironment() Search {
	return Search{Assets: os.Getenv("KUBEBUILDER_ASSETS"), Path: filepath.SplitList(os.Getenv("PATH"))}
}

// Find answers the programs to use, by name, and a line about each program that it looked at: what was found, or why it is
// refused. Nothing is written beside what is found.
func (s Search) Find(ctx context.Context) (found map[string]string, lines []string) {
	found = map[string]string{}
	versions := map[string]*version.Version{}
	for _, w := range wanted() {
		if s.WithoutControllers && w.name == controllerManager {
			continue
		}
		chosen, said := choose(w, s.candidates(ctx, w), versions)
		lines = append(lines, said...)
		if chosen.path != "" {
			found[w.name], versions[w.name] = chosen.path, chosen.version
		}
	}
	return found, lines
}

// candidate is a program that was found, and what it says about its version.
type candidate struct {
	path    string
	from    string // such as PATH
	version *version.Version
	err     error // it says nothing about its version
}

func (s Search) candidates(ctx context.Context, w want) []candidate {
	var all []candidate
	var seen []os.FileInfo // on many systems /bin is /usr/bin
	look := func(folder, from string) {
		path := filepath.Join(folder, w.name)
		info, err := os.Stat(path)
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 || !filepath.IsAbs(folder) ||
			slices.ContainsFunc(seen, func(other os.FileInfo) bool { return os.SameFile(info, other) }) {
			return
		}
		seen = append(seen, info)
		c := candidate{path: path, from: from}
		c.version, c.err = askVersion(ctx, w, path)
		all = append(all, c)
	}
	if w.envtest {
		look(s.Assets, "KUBEBUILDER_ASSETS")
	}
	for _, folder := range s.Path {
		look(folder, "PATH")
	}
	return all
}

// askVersion runs a program in an environment that names no cluster and no server.
func askVersion(ctx context.Context, w want, path string) (*version.Version, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, w.args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s fails: %w", strings.Join(append([]string{w.name}, w.args...), " "), err)
	}
	return parseVersion(w, string(out))
}

func parseVersion(w want, output string) (*version.Version, error) {
	found := w.says.FindStringSubmatch(output)
	if found == nil {
		first, _, _ := strings.Cut(strings.TrimSpace(output), "\n")
		return nil, fmt.Errorf("%s says no version: %.100q", w.name, first)
	}
	return version.ParseGeneric(found[1])
}

// choose takes the first candidate whose version the lab supports, beside the versions of what was chosen before.
func choose(w want, candidates []candidate, chosen map[string]*version.Version) (first candidate, lines []string) {
	for _, c := range candidates {
		if c.err != nil {
			lines = append(lines, Row(w.name, fmt.Sprintf("%s is not used: %v", c.path, c.err)))
			continue
		}
		if why := w.refusal(c.version, chosen); why != "" {
			lines = append(lines, Row(w.name, fmt.Sprintf("%s is not used: it is %s, and %s", c.path, c.version, why)))
			continue
		}
		return c, append(lines, Row(w.name, fmt.Sprintf("found %s: %s (%s)", c.version, c.path, c.from)))
	}
	return candidate{}, lines
}

// want is a program to look for.
type want struct {
	name    string
	envtest bool // it is among what KUBEBUILDER_ASSETS holds
	args    []string
	says    *regexp.Regexp
	// refusal says why a version cannot be used beside those of other programs; empty: it can.
	refusal func(v *version.Version, chosen map[string]*version.Version) string
}

// wanted lists what to look for: the API server before what must fit it.
func wanted() []want {
	says, ask := regexp.MustCompile(`^Kubernetes v(\d\S*)`), []string{"--version"}
	return []want{
		{etcd, true, ask, regexp.MustCompile(`^etcd Version: (\d\S*)`), within("3.5", "4.0", "etcd 3.5 and later 3.x")},
		{apiServer, true, ask, says, supportedKubernetes},
		{kubectl, true, []string{"version", "--client", "--output=json"}, regexp.MustCompile(`"gitVersion": "v(\d[^"]*)"`), besideAPIServer},
		{controllerManager, true, ask, says, sameAsAPIServer},
		{vault, false, ask, regexp.MustCompile(`^Vault v(\d\S*)`), within("1.15", "", "Vault 1.15 and later")},
	}
}

// within refuses versions before least, and those from end on.
func within(least, end, supported string) func(*version.Version, map[string]*version.Version) string {
	return func(v *version.Version, _ map[string]*version.Version) string {
		if v.LessThan(version.MustParseGeneric(least)) || end != "" && v.AtLeast(version.MustParseGeneric(end)) {
			return "the lab supports " + supported
		}
		return ""
	}
}

func supportedKubernetes(v *version.Version, _ map[string]*version.Version) string {
	oldest, newest := minor(version.MustParseGeneric(Oldest)), minor(version.MustParseGeneric(Newest))
	if minor(v).LessThan(oldest) || newest.LessThan(minor(v)) {
		return fmt.Sprintf("the lab supports Kubernetes %s to %s", short(oldest), short(newest))
	}
	return ""
}

// besideAPIServer refuses what Kubernetes' skew policy does: kubectl more than one minor version away from the API server.
func besideAPIServer(v *version.Version, chosen map[string]*version.Version) string {
	server := chosen[apiServer]
	if server == nil {
		server = version.MustParseGeneric(Newest)
	}
	if apart := int(v.Minor()) - int(server.Minor()); v.Major() != server.Major() || apart < -1 || apart > 1 {
		return fmt.Sprintf("the API server of the lab is %s, which it may be one minor version away from", short(minor(server)))
	}
	return ""
}

// sameAsAPIServer is for kube-controller-manager, which is built together with an API server that is built.
func sameAsAPIServer(v *version.Version, chosen map[string]*version.Version) string {
	switch server := chosen[apiServer]; {
	case server == nil:
		return "no API server of its version is used"
	case !minor(v).EqualTo(minor(server)):
		return fmt.Sprintf("the API server of the lab is %s", short(minor(server)))
	}
	return ""
}

func minor(v *version.Version) *version.Version { return version.MajorMinor(v.Major(), v.Minor()) }

func short(v *version.Version) string { return fmt.Sprintf("%d.%d", v.Major(), v.Minor()) }

// isMinimal reports whether a Vault was built without kubernetes auth, as the lab's own is. The versions that HashiCorp
// publishes have it.
func isMinimal(program string) bool {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return false
	}
	for _, setting := range info.Settings {
		if setting.Key == "-tags" {
			return slices.Contains(strings.Split(setting.Value, ","), minimal)
		}
	}
	return false
}
