package admit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/dialecttest/probe"
	"github.com/secretgate/secretgate/shared/names"
)

// probes is the dialect of tests, whose stores are judged.
func probes() (kinds []dialect.Kind, stores []dialect.StoreKind) {
	installation := probe.Dialect().New()
	return installation.Kinds(), installation.Stores()
}

// probeValidator is a webhook of Probes beside what a cluster holds. keeps is what the API server keeps from it: a kind.
func probeValidator(t *testing.T, keeps string, manifests ...string) *Validator {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), probe.Dialect().AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	kinds, stores := probes()
	build := fake.NewClientBuilder().WithScheme(scheme)
	for _, text := range manifests {
		build = build.WithObjects(objectOf(t, scheme, text))
	}
	cluster := build.Build()
	refusing := func(kind string, refusal func() error) client.Reader {
		return interceptor.NewClient(cluster, interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
				if gvk, err := c.GroupVersionKindFor(into); err != nil || gvk.Kind == kind {
					return errors.Join(refusal(), err)
				}
				return c.Get(ctx, key, into, options...)
			},
		})
	}
	cached := refusing("ServiceAccount", func() error {
		t.Error("the cache is asked for what is not watched, which starts an informer")
		return errors.New("not watched")
	})
	live := refusing(keeps, func() error { return apierrors.NewForbidden(corev1.Resource(strings.ToLower(keeps)+"s"), "", nil) })
	references := References{Kinds: stores, Cached: cached, Live: live}
	return &Validator{
		Kinds: kinds, References: references, Namespaces: Namespaces{Cached: cached, Live: live},
		Stored: Stored{Kinds: kinds, References: references, Live: live},
	}
}

func objectOf(t *testing.T, scheme *runtime.Scheme, text string) client.Object {
	t.Helper()
	var of metav1.TypeMeta
	if err := yaml.Unmarshal([]byte(text), &of); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	empty, err := scheme.New(of.GroupVersionKind())
	if err != nil {
		t.Fatal(err)
	}
	object, ok := empty.(client.Object)
	if err := yaml.Unmarshal([]byte(text), object); err != nil || !ok {
		t.Fatalf("%s: %v", text, err)
	}
	return object
}

// ask sends the write of an object; old is empty where it is created.
func ask(t *testing.T, v *Validator, text, old string) admission.Response {
	t.Helper()
	var object metav1.PartialObjectMetadata
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	request := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		Operation: admissionv1.Create, Kind: metav1.GroupVersionKind(object.GroupVersionKind()), Namespace: object.Namespace, Name: object.Name,
		Object: runtime.RawExtension{Raw: jsonOf(t, text)},
	}}
	if old != "" {
		request.Operation, request.OldObject.Raw = admissionv1.Update, jsonOf(t, old)
	}
	var response admission.Response
	synctest.Test(t, func(t *testing.T) { response = v.Handle(t.Context(), request) }) // what is looked through is bounded in time
	return response
}

func jsonOf(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return raw
}

const (
	aNamespace = `{apiVersion: v1, kind: Namespace, metadata: {name: core, labels: {team: core}, annotations: {` + names.AnnotationPermittedRole + `: core}}}`
	another    = `{apiVersion: v1, kind: Namespace, metadata: {name: prod, annotations: {` + names.AnnotationPermittedRole + `: prod}}}`
	account    = `{apiVersion: v1, kind: ServiceAccount, metadata: {name: reader, namespace: core, annotations: {role: ROLE}}}`
)

// aStore is a ProbeStore with a role; aShared is a ClusterProbeStore.
func aStore(role string) string {
	return `{apiVersion: probe.secretgate.io/v1, kind: ProbeStore, metadata: {name: vault, namespace: core}, spec: {
		server: "https://vault", method: jwt, mount: jwt, role: ` + role + `, serviceAccountRef: {name: reader}}}`
}

func aShared(role, conditions string) string {
	return `{apiVersion: probe.secretgate.io/v1, kind: ClusterProbeStore, metadata: {name: shared}, spec: {
		server: "https://vault", method: jwt, mount: jwt, role: ` + role + `, serviceAccountRef: {name: reader}, conditions: ` + conditions + `}}`
}

// byAnnotation is a ProbeStore whose ServiceAccount names the role.
const byAnnotation = `{apiVersion: probe.secretgate.io/v1, kind: ProbeStore, metadata: {name: vault, namespace: core}, spec: {
	server: "https://vault", method: jwt, mount: jwt, serviceAccountRef: {name: reader, roleAnnotation: role}}}`

// aProbe reads through a store, such as {name: vault}.
func aProbe(namespace, name, store string) string {
	return fmt.Sprintf(`{apiVersion: probe.secretgate.io/v1, kind: Probe, metadata: {name: %s, namespace: %s}, spec: {
		storeRef: %s, entries: [{name: a, key: secret/data/a}]}}`, name, namespace, store)
}

const vaultRef, sharedRef = `{name: vault}`, `{kind: ClusterProbeStore, name: shared}`
