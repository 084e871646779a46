package e2e

import (
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/docs/fence"
)

// TestConsolesOfPages compares the outputs that stand on pages beside the galleries with what is printed. Pages break long lines.
func TestConsolesOfPages(t *testing.T) {
	t.Parallel()
	for page, prepare := range map[string]func(t *testing.T, s *shell, namespace string){
		"README.md": func(t *testing.T, s *shell, namespace string) {
			t.Helper()
			annotate(t, namespace, "externalsecrets.kubernetes-client.io/permitted-key-name=/dev/cluster1/core/.*")
			s.write(t, "core-service.yaml", object("core-service",
				"{backendType: secretsManager, data: [{key: /dev/cluster1/core/db, name: password}, {key: /prod/db, name: admin}]}"))
		},
		"webhook/README.md": func(t *testing.T, s *shell, _ string) {
			t.Helper()
			const annotations = "{iam.amazonaws.com/permitted: 'arn:aws:iam::123456789012:role/core'}"
			s.write(t, "clusters/prod/namespaces/core.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: core, annotations: "+annotations+"}\n")
			s.write(t, "manifests/db.yaml", "apiVersion: kubernetes-client.io/v1\nkind: ExternalSecret\nmetadata:\n  name: hello-service\n  namespace: core\n"+
				"spec:\n  backendType: secretsManager\n  roleArn: arn:aws:iam::123456789012:role/admin\n  data: [{key: a, name: b}]\n")
		},
	} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t, nil)
			s := newShell(t, namespace)
			prepare(t, s, namespace)
			compared := 0
			for _, b := range fence.Read(page, []byte(readPage(t, page))) {
				command, output, _ := strings.Cut(strings.TrimPrefix(b.Text, "$ "), "\n")
				if b.Language != "console" || strings.HasSuffix(command, " db.yaml") || strings.HasSuffix(command, " namespace.yaml") {
					continue // TestGalleryOfReadme has these
				}
				compared++
				said, _ := s.run(t.Context(), strings.Replace(command, "bin/webhook", "webhook", 1))
				got := strings.ReplaceAll(strings.Join(strings.Fields(said), " "), namespace, "core")
				if want := strings.Join(strings.Fields(output), " "); !strings.HasPrefix(got, want) {
					t.Errorf("%s: got\n%s\nwant\n%s", b, got, want)
				}
			}
			if compared == 0 {
				t.Error("got no output on the page, want one")
			}
		})
	}
}
