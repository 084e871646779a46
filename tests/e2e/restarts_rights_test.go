package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// restartEverything runs the restarter through all it can do: workloads of each kind, and objects of each dialect that report on them.
func (s *site) restartEverything(t *testing.T, env []string) {
	t.Helper()
	const namespace, unused = "restarted", "unused"
	s.addRollouts(t)
	s.kubectl.Must(t, "create", "namespace", namespace)
	s.kubectl.Must(t, "create", "namespace", unused)
	s.addReportings(t, namespace, unused)
	s.kubectl.MustApply(t, namespace, fencedWorkloads)
	s.kubectl.MustApply(t, namespace, fencedRollouts)
	s.kubectl.Must(t, "annotate", "-n", namespace, "deployments,statefulsets,daemonsets,rollouts.argoproj.io", "--all", "secretgate.io/restart=db")
	restarter, err := s.lab.NewRestarter(t.Context(), "restarter", lab.Extra{
		Env: env, Args: []string{"--honour-reloader-annotations", "--dialects=kes,eso,vso,tuenti,sealed", "--restart-quiet-period=1s"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := restarter.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer restarter.Stop()
	harness.Eventually(t, func() error { // none has rolled out, and so is only recorded
		got, err := s.kubectl.Run(t.Context(), "get", "-n", namespace, "deployments,statefulsets,daemonsets,rollouts.argoproj.io",
			"-o", `jsonpath={.items[*].metadata.annotations.secretgate\.io/revisions}`)
		if recorded := strings.Count(got, "db="); err == nil && recorded != 4 {
			err = fmt.Errorf("%d workloads have a record, want 4", recorded)
		}
		return err
	})
	reports := reportings(namespace)
	last := reports[len(reports)-1] // no syncer serves it
	patch := `{"status":{"sync":{"dataRevision":9}}}`
	if err := s.apiServer.Do(t.Context(), http.MethodPatch, last.ref.Path()+"/status", harness.MergePatch, []byte(patch), nil); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, func() error {
		var errs []error
		for _, r := range reports {
			got, err := s.kubectl.Run(t.Context(), "get", r.ref.Resource.Resource+"."+r.ref.Resource.Group, "db", "-n", namespace, "-o", "jsonpath={.status}")
			if err == nil && !strings.Contains(got, plan.ConditionRestartPending) {
				err = fmt.Errorf("%s has no condition", r.ref)
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
}
