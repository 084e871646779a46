package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/tests/bench/measure"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// A cluster that users of Stakater Reloader complain of (its issues 321, 474, 960 and 977): large templates, and large ConfigMaps.
const (
	largeWorkloads   = 2000 // Deployments of 20 KiB
	largeConfigMaps  = 2000 // of 100 KiB
	reportingSecrets = 5000 // ExternalSecrets of 4 KiB
	// One in so many Deployments asks for restarts, and is patched at the start: the others are in memory just so.
	asking = 50
)

// TestRestartsMemory: what the restarter holds is far from the limit of its manifest in a large cluster, and what it needs to begin with is below,
// with an API server that streams lists and with one that does not, as older ones. It runs alone: what it stores, a quarter of a gigabyte,
// keeps every other API server of the machine waiting.
func TestRestartsMemory(t *testing.T) {
	s := newSite(t, lab.Options{})
	s.installRestarts(t)
	limit, soft := s.restarterMemory(t)
	s.fill(t)
	for name, env := range map[string]string{"lists are streamed": "true", "lists are pages": "false"} {
		t.Run(name, func(t *testing.T) {
			probe := strings.ReplaceAll(name, " ", "-")
			if err := s.post(t, deployments, largeDeployment(probe, true, reportingSecrets-1, largeConfigMaps-1)); err != nil {
				t.Fatal(err)
			}
			pprof := "127.0.0.1:" + freePort(t)
			service, err := s.lab.NewRestarter(t.Context(), probe, lab.Extra{
				Args: []string{"--honour-reloader-annotations", "--pprof-bind-address=" + pprof, "--restart-min-interval=24h"},
				Env:  []string{"KUBE_FEATURE_WatchListClient=" + env, "GOMEMLIMIT=" + soft},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := service.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer service.Stop()
			s.sawAll(t, probe)
			if status, _ := fetched(t, "http://"+pprof+"/debug/pprof/heap?gc=1"); status != http.StatusOK {
				t.Fatalf("got %d, want a collection of garbage", status)
			}
			memory, err := measure.MemoryOf(service.PID())
			if err != nil {
				t.Fatal(err)
			}
			metrics, err := harness.Scrape(t.Context(), service.MetricsAddress)
			if err != nil {
				t.Fatal(err)
			}
			heap, err := metrics.Series("go_memstats_heap_alloc_bytes")
			if err != nil || len(heap) != 1 {
				t.Fatalf("got %v (%v), want the size of the heap", heap, err)
			}
			held := heap[0].Value / (1 << 20)
			t.Logf("it holds %.0f MiB, and is of %.0f MiB now and %.0f MiB at most, of %.0f", held, memory.RSS, memory.Peak, limit)
			if held > limit/6 || memory.Peak > limit*9/10 {
				t.Errorf("it holds %.0f MiB and took %.0f MiB, want no more than a sixth and nine tenths of its limit, %.0f MiB", held, memory.Peak, limit)
			}
		})
	}
}

// restarterMemory is what the manifest limits the restarter to, in MiB, and GOMEMLIMIT.
func (s *site) restarterMemory(t *testing.T) (limit float64, soft string) {
	t.Helper()
	d, err := harness.Get[appsv1.Deployment](t.Context(), s.apiServer, harness.Ref{
		Resource: appsv1.SchemeGroupVersion.WithResource("deployments"), Namespace: lab.Namespace, Name: "restarter",
	})
	if err != nil {
		t.Fatal(err)
	}
	container := d.Spec.Template.Spec.Containers[0]
	for _, e := range container.Env {
		if e.Name == "GOMEMLIMIT" {
			soft = e.Value
		}
	}
	return container.Resources.Limits.Memory().AsApproximateFloat64() / (1 << 20), soft
}

// sawAll waits until the restarter knows what the last of each kind is: lists end with it.
func (s *site) sawAll(t *testing.T, probe string) {
	t.Helper()
	r := &restarting{site: s}
	harness.Eventually(t, func() error {
		got := r.get(t, probe).Annotations[names.AnnotationRevisions]
		for _, want := range []string{fmt.Sprintf("secret-%04d=", reportingSecrets-1), fmt.Sprintf("configmap/settings-%04d=", largeConfigMaps-1)} {
			if !strings.Contains(got, want) {
				return fmt.Errorf("deployment %s remembers %q, want %s", probe, got, want)
			}
		}
		return nil
	})
}

const deployments = "/apis/apps/v1/namespaces/" + restartsNamespace + "/deployments"

func (s *site) post(t *testing.T, path, body string) error {
	t.Helper()
	return s.apiServer.Do(t.Context(), http.MethodPost, path, harness.JSON, []byte(body), nil)
}

// largeDeployment reads a Secret and a ConfigMap, and has 20 KiB of settings beside.
func largeDeployment(name string, asks bool, secret, configMap int) string {
	var env []string
	for i := range 200 {
		env = append(env, fmt.Sprintf(`{"name":"SETTING_%03d","value":%q}`, i, strings.Repeat("v", 70)))
	}
	return fmt.Sprintf(`{"metadata":{"name":%q,"annotations":{"reloader.stakater.com/auto":"%t"}},"spec":{"selector":{"matchLabels":{"app":"web"}},
		"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app","image":"registry.invalid/app","env":[%s],
		"envFrom":[{"secretRef":{"name":"secret-%04d"}},{"configMapRef":{"name":"settings-%04d"}}]}]}}}}`, name, asks, strings.Join(env, ","), secret, configMap)
}

// fill makes the objects.
func (s *site) fill(t *testing.T) {
	t.Helper()
	s.kubectl.Must(t, "create", "namespace", restartsNamespace)
	text := strings.Repeat("0123456789abcdef", 100<<10/16)
	var makes []func() error
	for i := range largeWorkloads {
		makes = append(makes, func() error {
			return s.post(t, deployments, largeDeployment(fmt.Sprintf("web-%04d", i), i%asking == 0, i, i))
		})
	}
	for i := range largeConfigMaps {
		makes = append(makes, func() error {
			return s.post(t, "/api/v1/namespaces/"+restartsNamespace+"/configmaps", fmt.Sprintf(`{"metadata":{"name":"settings-%04d"},"data":{"a":%q}}`, i, text))
		})
	}
	for i := range reportingSecrets {
		makes = append(makes, func() error {
			name := fmt.Sprintf("secret-%04d", i)
			at := "/apis/kubernetes-client.io/v1/namespaces/" + restartsNamespace + "/externalsecrets"
			err := s.post(t, at, fmt.Sprintf(`{"apiVersion":"kubernetes-client.io/v1","kind":"ExternalSecret","metadata":{"name":%q},"spec":{
				"backendType":"secretsManager","data":[{"key":"a","name":"a"}],"template":{"data":{"config":%q}}}}`, name, text[:4<<10]))
			return errors.Join(err, s.apiServer.Do(t.Context(), http.MethodPatch, at+"/"+name+"/status", harness.MergePatch, []byte(
				`{"status":{"conditions":[{"type":"Ready","status":"True","reason":"Synced","message":"","lastTransitionTime":"2026-01-02T03:04:05Z"}],
				"observedGeneration":1,"secretName":"`+name+`","secretUID":"0b0c5a1e-1111","dataRevision":1,"lastSync":"2026-01-02T03:04:05Z"}}`), nil))
		})
	}
	work, errs := make(chan func() error), make([]error, 8)
	var workers sync.WaitGroup
	for i := range errs {
		workers.Go(func() {
			for one := range work {
				if errs[i] == nil {
					errs[i] = one()
				}
			}
		})
	}
	for _, one := range makes {
		work <- one
	}
	close(work)
	workers.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
