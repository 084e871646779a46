package app

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/secretgate/secretgate/shared/settings"
)

// client-go logs what it sends and receives, if it is asked to log enough.
func TestNoLevelOfTheLogShowsASecret(t *testing.T) {
	const value = "planted"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db","namespace":"ns"},"data":{"a":"` +
			base64.StdEncoding.EncodeToString([]byte(value)) + `"}}`))
	}))
	defer server.Close()
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Secret"), meta.RESTScopeNamespace)
	c, err := client.New(&rest.Config{Host: server.URL}, client.Options{Mapper: mapper})
	if err != nil {
		t.Fatal(err)
	}
	for _, level := range []string{"trace", "debug", "info"} {
		t.Run(level, func(t *testing.T) {
			var logged bytes.Buffer
			var l settings.Log
			section := settings.NewSection("", func(string) (string, bool) { return "", false })
			l.Bind(section)
			if err := section.Flags.Set("log-level", level); err != nil {
				t.Fatal(err)
			}
			handler, err := l.Handler(&logged)
			if err != nil {
				t.Fatal(err)
			}
			ctx := log.IntoContext(t.Context(), logr.FromSlogHandler(handler)) // as controller-runtime calls a Reconciler
			secret := &corev1.Secret{}
			if err := c.Get(ctx, client.ObjectKey{Namespace: "ns", Name: "db"}, secret); err != nil || string(secret.Data["a"]) != value {
				t.Fatal(err)
			}
			if err := c.Update(ctx, secret); err != nil {
				t.Fatal(err)
			}
			for _, form := range []string{value, base64.StdEncoding.EncodeToString([]byte(value)), `"body"`} {
				if strings.Contains(logged.String(), form) {
					t.Errorf("the log shows the value:\n%s", logged.String())
				}
			}
		})
	}
}
