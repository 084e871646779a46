package node

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestConfigurationsOfTwoNodesShareNothing(t *testing.T) {
	c := &Cluster{options: Options{Dir: t.TempDir()}}
	rendered := map[string][2]string{}
	for _, name := range []string{"containerd.toml", "kubelet.yaml", "bridge.conflist"} {
		var texts [2]string
		for n := range texts {
			m := c.newMachine(n + 1)
			m.Cgroup = "/cluster/" + m.Name
			target := m.file(name)
			if err := render(name, target, m); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(target)
			if err != nil {
				t.Fatal(err)
			}
			texts[n] = string(text)
		}
		rendered[name] = texts
	}
	for _, own := range []struct{ file, first, second string }{
		{"containerd.toml", "/run/node1/", "/run/node2/"},
		{"containerd.toml", filepath.Join(c.options.Dir, "node1"), filepath.Join(c.options.Dir, "node2")},
		{"kubelet.yaml", "unix:///run/node1/containerd.sock", "unix:///run/node2/containerd.sock"},
		{"kubelet.yaml", "172.30.0.1\n", "172.30.0.2\n"},
		{"kubelet.yaml", "/cluster/node1", "/cluster/node2"},
		{"bridge.conflist", "10.244.1.0/24", "10.244.2.0/24"},
		{"bridge.conflist", `"bridge": "pods1"`, `"bridge": "pods2"`},
	} {
		for n, want := range []string{own.first, own.second} {
			if !strings.Contains(rendered[own.file][n], want) {
				t.Errorf("%s of node %d lacks %q:\n%s", own.file, n+1, want, rendered[own.file][n])
			}
		}
		if strings.Contains(rendered[own.file][1], own.first) {
			t.Errorf("%s of node 2 names %q of node 1", own.file, own.first)
		}
	}
	if err := yaml.UnmarshalStrict([]byte(rendered["kubelet.yaml"][0]), &map[string]any{}); err != nil {
		t.Errorf("kubelet.yaml: %v", err)
	}
	if !json.Valid([]byte(rendered["bridge.conflist"][0])) {
		t.Error("bridge.conflist is no JSON")
	}
}

func TestCleanRefusesFoldersThatMountsCover(t *testing.T) {
	cases := []struct {
		name, dir string
		refused   bool
	}{
		{"a folder below /var", "/var/tmp/cluster", true},
		{"a folder below /run", "/run/cluster", true},
		{"another one", t.TempDir(), false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := (&Cluster{options: Options{Dir: c.dir}}).clean()
			if refused := err != nil && strings.Contains(err.Error(), "choose another"); refused != c.refused {
				t.Errorf("%s: %v", c.dir, err)
			}
		})
	}
}

func TestStartNeedsNamespacesOfItsOwn(t *testing.T) {
	if _, err := Start(t.Context(), Options{Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "call Isolate") {
		t.Errorf("Start outside of a cluster's namespaces answers %v", err)
	}
}
