package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
)

// shares has as many objects and keys as the promise speaks of.
func (s esoSite) shares(t *testing.T) {
	const n, interval = 1000, 10 * time.Second
	ns := s.namespace(t, "shares")
	secrets := make([]secretsmanager.Secret, 0, n)
	var objects strings.Builder
	for i := range n {
		secrets = append(secrets, secretsmanager.Secret{Name: fmt.Sprintf("shares/%d", i), String: "x"})
		fmt.Fprintf(&objects, "%s\n---\n", s.object(fmt.Sprintf("o%d", i), fmt.Sprintf(
			"{secretStoreRef: {name: shared, kind: ClusterSecretStore}, refreshInterval: %s, data: [{secretKey: a, remoteRef: {key: shares/%d}}]}",
			interval, i)))
	}
	s.store(t, secrets...)
	s.kubectl.MustApply(t, ns, objects.String())
	s.within(t, func() error {
		said := s.kubectl.Must(t, "get", "externalsecrets.external-secrets.io", "-n", ns, "-o",
			`jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}`)
		if got := strings.Count(said, "True"); got != n {
			return fmt.Errorf("%d of %d objects are ready", got, n)
		}
		return nil
	})
	atRest := func() (calls, writes int) { return s.calls(), s.log.writes(t, "syncer") }
	s.within(t, func() error { // the last statuses
		_, before := atRest()
		if err := harness.Pause(t.Context(), interval); err != nil {
			return err
		}
		if _, after := atRest(); after != before {
			return fmt.Errorf("the syncer wrote %d times within %s", after-before, interval)
		}
		return nil
	})
	began := time.Now()
	calls, writes := atRest()
	if err := harness.Pause(t.Context(), 3*interval); err != nil {
		t.Fatal(err)
	}
	after, written := atRest()
	// A window of three intervals and a bit may have four slots of each key.
	slots := int(time.Since(began)/interval) + 1
	if got, most := after-calls, 55*slots; got > most || got == 0 {
		t.Errorf("got %d calls in %d intervals, want some, and no more than %d", got, slots, most)
	}
	if written != writes {
		t.Errorf("the syncer wrote %d times at rest, want none", written-writes)
	}
	t.Logf("%d calls in %s", after-calls, time.Since(began))
}

// within waits longer than usual: a thousand objects take a machine a while.
func (s *site) within(t *testing.T, check func() error) {
	t.Helper()
	if err := (harness.Poll{Limit: 5 * time.Minute}).Until(t.Context(), check); err != nil {
		t.Fatal(err)
	}
}

// calls is how often AWS was asked.
func (s esoSite) calls() (n int) {
	for _, c := range s.lab.Clouds.Counters().All() {
		n += c.Count
	}
	return n
}

// writes is how often a service has written, but for Leases.
func (l auditLogFile) writes(t *testing.T, service string) (n int) {
	t.Helper()
	for _, w := range l.writesOf(t, "system:serviceaccount:"+lab.Namespace+":"+service) {
		if w.Resource != "leases" {
			n++
		}
	}
	return n
}

// auditedWrite is one that the API server was asked for.
type auditedWrite struct {
	Verb, Resource, Subresource, Namespace, Name string
	Conflicts                                    bool // nothing was written: the object had changed meanwhile
}

// writesOf lists the writes of a user.
func (l auditLogFile) writesOf(t *testing.T, user string) (writes []auditedWrite) {
	t.Helper()
	file, err := os.Open(string(l))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct {
			Verb      string
			User      struct{ Username string }
			ObjectRef *auditedWrite

			ResponseStatus struct{ Code int }
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			t.Fatal(fmt.Errorf("the audit log: %w", err))
		}
		if event.User.Username == user && event.ObjectRef != nil && !slices.Contains([]string{"get", "list", "watch"}, event.Verb) {
			w := *event.ObjectRef
			w.Verb, w.Conflicts = event.Verb, event.ResponseStatus.Code == http.StatusConflict
			writes = append(writes, w)
		}
	}
	return writes
}
