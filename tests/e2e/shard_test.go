package e2e

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
)

// Replicas come and go for some minutes: this test runs while no other does.
func TestShardsFollowTheReplicas(t *testing.T) {
	s := newSharing(t, theLab)
	replicas := s.startThree()
	for _, r := range replicas {
		if s.metric(r, filteredObjects, filteredKind) == 0 {
			t.Errorf("%s was sent its own objects alone: this API server should not know how", r.Name)
		}
	}
	s.replicasComeAndGo(replicas)
}

// The same on an API server that lists and watches shards. The lab has no admission: its objects need none.
func TestShardsOfTheAPIServer(t *testing.T) {
	if theLab.Oldest {
		t.Skip("this Kubernetes has no ShardedListAndWatch")
	}
	l, err := lab.Start(t.Context(), lab.Options{Dir: filepath.Join(t.TempDir(), "lab"), APIServerArgs: []string{"--feature-gates=ShardedListAndWatch=true"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Stop)
	s := newSharing(t, l)
	replicas := s.startThree()
	for _, r := range replicas {
		if n := s.metric(r, filteredObjects, filteredKind); n > 0 {
			t.Errorf("%s was sent %v objects of others", r.Name, n)
		}
	}
	s.replicasComeAndGo(replicas)
}

// A syncer that may keep no Lease where it is told to serves everything, as one alone does.
func TestShardIsEverythingWithoutLeases(t *testing.T) {
	t.Parallel()
	s := newSharing(t, theLab)
	r := s.start("alone", "--lease-namespace="+s.namespace)
	s.createObjects()
	if s.metric(r, "secretgate_shard_alone") != 1 || s.metric(r, "secretgate_shard_owned_ratio") != 1 || s.hasLease(r) {
		t.Errorf("the metrics are\n%s", harness.MustScrape(t, r.MetricsAddress))
	}
	log, err := os.ReadFile(r.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(log), "--lease-namespace"); n != 1 {
		t.Errorf("the log names the remedy %d times:\n%s", n, log)
	}
}

const filteredObjects, filteredKind = "secretgate_shard_filtered_objects_total", `kind="ExternalSecret"`

// sharing is a ring of syncers with objects of its own, all of which read one secret.
type sharing struct {
	*testing.T
	lab       *lab.Lab
	kubectl   harness.Kubectl
	namespace string // and the instance, and the secret
}

const sharedObjects = 60

func newSharing(t *testing.T, l *lab.Lab) *sharing {
	t.Helper()
	s := &sharing{T: t, lab: l, kubectl: l.Kubectl, namespace: "e2e-" + strings.ToLower(rand.Text()[:10])}
	s.kubectl.Must(t, "create", "namespace", s.namespace)
	return s
}

// start starts a replica of the ring.
func (s *sharing) start(name string, args ...string) *lab.Service {
	s.Helper()
	r, err := s.lab.NewSyncer(s.namespace+"-"+name, lab.Extra{
		Args: append(args, "--refresh-interval=2s", "--min-refresh-interval=1s"), Env: []string{"INSTANCE_ID=" + s.namespace},
	})
	if err == nil {
		err = r.Start(s.Context())
	}
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(r.Stop)
	return r
}

// startThree starts three replicas, and gives them their objects.
func (s *sharing) startThree() []*lab.Service {
	s.Helper()
	replicas := []*lab.Service{s.start("a"), s.start("b"), s.start("c")}
	s.awaitRing(replicas)
	s.createObjects()
	s.awaitShares(replicas)
	return replicas
}

// createObjects waits until their Secrets are there.
func (s *sharing) createObjects() {
	s.Helper()
	value := s.rotate()
	var manifests []string
	for i := range sharedObjects {
		manifests = append(manifests, object(fmt.Sprint("db-", i),
			fmt.Sprintf("{controllerId: %s, backendType: secretsManager, data: [{key: %s, name: password}]}", s.namespace, s.namespace)))
	}
	s.kubectl.Stdin(strings.Join(manifests, "---\n")).Must(s.T, "create", "--namespace="+s.namespace, "--filename=-")
	s.awaitValue(value)
}

// replicasComeAndGo kills one of three replicas, adds another one, stops one, and brings the dead one back. Each time the objects
// go on following their source, and each has one replica.
func (s *sharing) replicasComeAndGo(replicas []*lab.Service) {
	s.Helper()
	a, b, c := replicas[0], replicas[1], replicas[2]
	c.Kill()
	if !s.hasLease(c) {
		s.Errorf("%s was killed, and has no Lease", c.Name)
	}
	s.awaitValue(s.rotate()) // no matter which replica served them
	s.awaitShares([]*lab.Service{a, b})

	d := s.start("d")
	s.awaitShares([]*lab.Service{a, b, d})
	s.awaitValue(s.rotate())

	d.Stop()
	if s.hasLease(d) {
		s.Errorf("%s has stopped, and left its Lease behind", d.Name)
	}
	s.awaitShares([]*lab.Service{a, b})
	s.awaitValue(s.rotate())

	if err := c.Start(s.Context()); err != nil {
		s.Fatal(err)
	}
	s.awaitShares([]*lab.Service{a, b, c})
	s.awaitValue(s.rotate())
	for _, r := range []*lab.Service{a, b, c} {
		log, err := os.ReadFile(r.LogFile())
		if err != nil {
			s.Fatal(err)
		}
		if strings.Contains(string(log), `"level":50`) || strings.Contains(string(log), "sync failed") {
			s.Errorf("%s logs an error:\n%s", r.Name, log)
		}
	}
}

// rotate stores a new value.
func (s *sharing) rotate() string {
	s.Helper()
	value := secretValue()
	if err := s.lab.Clouds.AWS().PutSecrets(s.lab.AWSRegion, secretsmanager.Secret{Name: s.namespace, String: value}); err != nil {
		s.Fatal(err)
	}
	return value
}

// awaitValue waits until all Secrets have a value.
func (s *sharing) awaitValue(value string) {
	s.Helper()
	harness.Eventually(s.T, func() error {
		var list corev1.SecretList
		if err := s.kubectl.Read(s.Context(), &list, "secrets", "--namespace="+s.namespace); err != nil {
			return err
		}
		have := 0
		for _, secret := range list.Items {
			if string(secret.Data["password"]) == value {
				have++
			}
		}
		if have != sharedObjects {
			return fmt.Errorf("%d of %d Secrets have the new value", have, sharedObjects)
		}
		return nil
	})
}

// awaitRing waits until each of these replicas knows that they are the ring.
func (s *sharing) awaitRing(replicas []*lab.Service) {
	s.Helper()
	harness.Eventually(s.T, func() error {
		for _, r := range replicas {
			if n := s.metric(r, "secretgate_shard_members"); int(n) != len(replicas) {
				return fmt.Errorf("%s sees %v members, not %d", r.Name, n, len(replicas))
			}
		}
		return nil
	})
}

// awaitShares waits until these replicas are the ring, and each object is served by one of them alone.
func (s *sharing) awaitShares(replicas []*lab.Service) {
	s.Helper()
	s.awaitRing(replicas)
	harness.Eventually(s.T, func() error {
		served := map[string]string{}
		for _, r := range replicas {
			own := s.served(r)
			if len(own) == 0 {
				return fmt.Errorf("%s serves nothing", r.Name)
			}
			for _, name := range own {
				if other, twice := served[name]; twice {
					return fmt.Errorf("%s is served by %s and %s", name, other, r.Name)
				}
				served[name] = r.Name
			}
		}
		if len(served) != sharedObjects {
			return fmt.Errorf("%d of %d objects are served", len(served), sharedObjects)
		}
		return nil
	})
}

// served are the objects that a replica has metrics of.
func (s *sharing) served(r *lab.Service) []string {
	s.Helper()
	series, err := harness.MustScrape(s.T, r.MetricsAddress).Series("kubernetes_external_secrets_last_sync_call_state", fmt.Sprintf("namespace=%q", s.namespace))
	if err != nil {
		s.Fatal(err)
	}
	var names []string
	for _, one := range series {
		names = append(names, one.Label("name"))
	}
	return names
}

// metric adds up the series of a metric; 0 where there is none.
func (s *sharing) metric(r *lab.Service, name string, labels ...string) float64 {
	s.Helper()
	return harness.MustScrape(s.T, r.MetricsAddress).MustSum(s.T, name, labels...)
}

func (s *sharing) hasLease(r *lab.Service) bool {
	s.Helper()
	var list metav1.PartialObjectMetadataList
	if err := s.kubectl.Read(s.Context(), &list, "leases", "--namespace="+lab.Namespace); err != nil {
		s.Fatal(err)
	}
	for _, lease := range list.Items {
		if strings.HasSuffix(lease.Name, "-"+r.Name) {
			return true
		}
	}
	return false
}
