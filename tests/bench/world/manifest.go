package world

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/tests/harness"
)

// Manifest is an ExternalSecret as a user writes it in a namespace with a policy: it names a role and a region, and each
// entry has a key of its own, so that all of them are judged.
type Manifest struct {
	Team    int // whose namespace it is for
	Name    string
	Entries int
	// Old uses all that is deprecated, which is converted where a webhook answers.
	Old bool
	// Version is part of the keys, so that another one is another spec.
	Version int
	// Padding makes each entry three times as much longer.
	Padding int
	// Forbidden reads keys that the namespace's policy does not permit.
	Forbidden bool
}

// TeamNamespace names the namespace of a team. All names are of one length.
func TeamNamespace(team int) string { return fmt.Sprintf("team-%05d", team) }

// teamPolicy are three annotations; the keys' one has three patterns, of which the second permits what manifests read.
func teamPolicy(team int) map[string]string {
	name := TeamNamespace(team)
	return map[string]string{
		names.AnnotationPermittedRole:    "arn:aws:iam::[0-9]{12}:role/" + name + "(-[a-z]+)?",
		names.AnnotationPermittedRegion:  "eu-(west|central)-[1-3]",
		names.AnnotationPermittedKeyName: "shared/[a-z]+/.*\n(dev|prod)/" + name + "/.*\n" + name + "/(tls|registry)",
	}
}

// Collection is the path of all objects of the manifest's namespace, Path the object's own.
func (m Manifest) Collection() string { return collection(TeamNamespace(m.Team)) }

// Path is the object's own at the API server.
func (m Manifest) Path() string { return m.Collection() + "/" + m.Name }

// JSON is the manifest as it is sent.
func (m Manifest) JSON() ([]byte, error) {
	team := TeamNamespace(m.Team)
	entries := make([]map[string]string, m.Entries)
	for i := range entries {
		key := fmt.Sprintf("prod/%s/app-%d/v%d", team, i, m.Version)
		if m.Forbidden {
			key = "prod/elsewhere/app"
		}
		entries[i] = map[string]string{
			"key": key + strings.Repeat("x", 2*m.Padding), "name": fmt.Sprintf("entry-%d", i),
			"property": "password" + strings.Repeat("x", m.Padding),
		}
	}
	object := map[string]any{
		"apiVersion": apiv1.GroupVersion.String(), "kind": apiv1.Kind,
		"metadata": map[string]string{"namespace": team, "name": m.Name},
	}
	spec := map[string]any{"roleArn": "arn:aws:iam::123456789012:role/" + team, "region": "eu-west-1"}
	if m.Old {
		spec["backendType"], spec["type"], spec["properties"] = string(apiv1.BackendDeprecatedSecretMgr), "Opaque", entries
		object["secretDescriptor"] = spec
	} else {
		spec["backendType"], spec["template"], spec["data"] = string(apiv1.BackendAWSSecretsManager), map[string]string{"type": "Opaque"}, entries
		object["spec"] = spec
	}
	return json.Marshal(object)
}

// Teams creates the namespaces of so many teams, with their policies, and waits until the controllers have put into each what
// they put into every namespace.
func (w *World) Teams(ctx context.Context, n int) error {
	teams := make([]int, n)
	for i := range teams {
		teams[i] = i
	}
	err := each(ctx, teams, func(ctx context.Context, team int) error {
		body, err := json.Marshal(map[string]any{
			"apiVersion": "v1", "kind": "Namespace",
			"metadata": map[string]any{"name": TeamNamespace(team), "annotations": teamPolicy(team)},
		})
		if err != nil {
			return err
		}
		return w.Client.Do(ctx, http.MethodPost, "/api/v1/namespaces", harness.JSON, body, nil)
	})
	if err != nil {
		return err
	}
	return w.awaitTeams(ctx, n)
}

func (w *World) awaitTeams(ctx context.Context, n int) error {
	return harness.Poll{Limit: 5 * time.Minute, Every: time.Second}.Until(ctx, func() error {
		found := 0
		for _, path := range []string{"/api/v1/serviceaccounts", "/api/v1/configmaps"} {
			_, err := harness.List(ctx, w.Client, path, "", metadataList, func(m metav1.PartialObjectMetadata) {
				if strings.HasPrefix(m.Namespace, "team-") {
					found++
				}
			})
			if err != nil {
				return err
			}
		}
		if found < 2*n {
			return fmt.Errorf("the controllers have put %d of %d objects into %d new namespaces", found, 2*n, n)
		}
		return nil
	})
}

// Apply applies a manifest, whose JSON is given, on the server's side.
func (w *World) Apply(ctx context.Context, m Manifest, body []byte) error {
	return w.Client.Do(ctx, http.MethodPatch, m.Path()+"?fieldManager=bench&force=true", harness.ApplyPatch, body, nil)
}

// Store creates the objects of manifests, many at a time.
func (w *World) Store(ctx context.Context, manifests ...Manifest) error {
	return each(ctx, manifests, func(ctx context.Context, m Manifest) error {
		body, err := m.JSON()
		if err != nil {
			return err
		}
		return w.Client.Do(ctx, http.MethodPost, m.Collection(), harness.JSON, body, nil)
	})
}
