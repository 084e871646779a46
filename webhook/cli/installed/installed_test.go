package installed

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/webhook/cli/explain"
)

func container(change func(*corev1.Container)) *corev1.Container {
	c := &corev1.Container{Name: "syncer"}
	change(c)
	return c
}

func fromMap(name string) corev1.EnvFromSource {
	return corev1.EnvFromSource{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}
}

// known is what these tests look at of the settings.
type known struct {
	Enforce bool
	Role    string // the annotation
	Region  string
	Refresh []explain.Refresh // of each kind
}

func TestRead(t *testing.T) {
	maps := map[string]map[string]string{
		"policy": {"AWS_REGION": "eu-west-1", "ROLE_PERMITTED_ANNOTATION": "team/roles"},
		"env":    {"AWS_REGION": "us-east-1", "POLLER_INTERVAL_MILLISECONDS": "60000"},
	}
	const usual, pace = 5 * time.Minute, 5 * time.Second // of the second dialect
	for name, c := range map[string]struct {
		container *corev1.Container
		given     map[string]string
		want      known
	}{
		"nothing is as documented": {
			container(func(*corev1.Container) {}), nil,
			known{Role: "iam.amazonaws.com/permitted", Refresh: []explain.Refresh{
				{Interval: usual}, {Interval: pace}, {Interval: time.Hour}, {Interval: usual}, {Interval: usual},
			}},
		},
		"a later ConfigMap wins": {
			container(func(c *corev1.Container) {
				c.EnvFrom = []corev1.EnvFromSource{fromMap("policy"), fromMap("env"), fromMap("none")}
			}), nil,
			known{Role: "team/roles", Region: "us-east-1", Refresh: []explain.Refresh{
				{Interval: time.Minute}, {Interval: pace}, {Interval: time.Hour}, {Interval: time.Minute}, {Interval: time.Minute},
			}},
		},
		"a variable by itself wins over it, a flag over that, and the user over all": {
			container(func(c *corev1.Container) {
				c.EnvFrom = []corev1.EnvFromSource{fromMap("policy")}
				c.Env = []corev1.EnvVar{{Name: "AWS_REGION", Value: "a-1"}, {Name: "ROLE_PERMITTED_ANNOTATION", Value: "b"}, {Name: "POLICY_MATCHING", Value: "whole"}}
				c.Args = []string{"--role-permitted-annotation=c", "--refresh-interval", "30s", "--workers=3", "serve", "--enforce-namespace-annotations", "--reconcile-period=7s"}
			}), map[string]string{"role-permitted-annotation": "d"},
			known{Enforce: true, Role: "d", Region: "a-1", Refresh: []explain.Refresh{
				{Interval: 30 * time.Second}, {Interval: 7 * time.Second}, {Interval: time.Hour}, {Interval: 30 * time.Second}, {Interval: 30 * time.Second},
			}},
		},
		"a key of a ConfigMap": {
			container(func(c *corev1.Container) {
				c.Env = []corev1.EnvVar{{Name: "AWS_REGION", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
					LocalObjectReference: corev1.LocalObjectReference{Name: "env"}, Key: "AWS_REGION",
				}}}}
				c.Args = []string{"--disable-polling=true"}
			}), nil,
			known{Role: "iam.amazonaws.com/permitted", Region: "us-east-1", Refresh: []explain.Refresh{
				{Interval: usual, Disabled: true}, {Interval: pace, Disabled: true}, {Interval: time.Hour, Disabled: true}, {Interval: usual, Disabled: true}, {Interval: usual, Disabled: true},
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Read(all.Dialects(), Told(dialect.Syncer, c.container, maps), c.given)
			if err != nil {
				t.Fatal(err)
			}
			got := known{Enforce: s.Policy.Settings.Enforce, Role: s.Policy.Settings.RoleAnnotation, Region: s.Policy.Defaults.Region}
			for _, k := range s.Kinds {
				got.Refresh = append(got.Refresh, s.Refresh(k))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsServed(t *testing.T) {
	s, err := Read(all.Dialects(), Service{Service: dialect.Syncer, Args: []string{"--instance-id=a", "--dialects=kes"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Kinds) < 2 {
		t.Fatalf("got %d kinds, want those of all dialects: objects of others are asked about, too", len(s.Kinds))
	}
	for _, k := range s.Kinds {
		if s.Serves(k, k.New(), nil) {
			t.Errorf("got %s as served, want no object to be: one has another controllerId, the other is of a dialect that is not chosen", k.Type().Kind)
		}
	}
	s, err = Read(all.Dialects(), Service{Service: dialect.Syncer}, nil)
	if err != nil || !s.Serves(s.Kinds[0], s.Kinds[0].New(), nil) {
		t.Errorf("got %v and an object that is not served, want it to be", err)
	}
}

func TestSettingsThatCannotBeUnderstood(t *testing.T) {
	_, err := Read(all.Dialects(), Service{Service: dialect.Syncer, Args: []string{"--policy-matching=some", "--refresh-interval=soon"}}, nil)
	const want = `--refresh-interval is "soon": parse error
--policy-matching is "some": must be whole or legacy`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestDifferences(t *testing.T) {
	read := func(args ...string) Settings {
		s, err := Read(all.Dialects(), Service{Service: dialect.Syncer, Args: args}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	syncer := read("--aws-region=eu-west-1", "--refresh-interval=1h", "--enforce-namespace-annotations")
	if diff := cmp.Diff([]string{"--aws-region", "--enforce-namespace-annotations"}, syncer.Differences(read())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDeployed(t *testing.T) {
	deployments := []appsv1.Deployment{{}, {}}
	deployments[0].Name, deployments[1].Name = "other", "prefixed-syncer"
	deployments[1].Spec.Template.Spec.Containers = []corev1.Container{{Name: "proxy"}, {Name: "syncer", Image: "i"}}
	if d, c := Deployed(deployments, "syncer"); d == nil || d.Name != "prefixed-syncer" || c.Image != "i" {
		t.Errorf("got %v, want the Deployment whose container is called syncer", d)
	}
	if d, _ := Deployed(deployments, "webhook"); d != nil {
		t.Errorf("got %s, want none", d.Name)
	}
	c := container(func(c *corev1.Container) {
		c.EnvFrom = []corev1.EnvFromSource{fromMap("policy"), fromMap("policy"), {SecretRef: &corev1.SecretEnvSource{}}}
	})
	if diff := cmp.Diff([]string{"policy"}, Maps(c)); diff != "" {
		t.Errorf("ConfigMaps to read (-want +got):\n%s", diff)
	}
}
