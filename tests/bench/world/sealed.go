package world

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect/sealed/crypt"
	"github.com/secretgate/secretgate/shared/dialect/sealed/v1alpha1"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// SealingBits is the length of the sealing key, which is what Sealed Secrets makes.
const SealingBits = 4096

const (
	allSealed   = "/apis/bitnami.com/v1alpha1/sealedsecrets"
	sealedCRD   = "crds/sealed/bitnami.com_sealedsecrets.yaml"
	sealedParts = "kustomize/components/dialects/sealed"
	rbac        = "/apis/rbac.authorization.k8s.io/v1"
)

// InstallSealed adds the kind SealedSecret, the syncer's rights on its objects and keys, and a key, which it answers.
func (w *World) InstallSealed(ctx context.Context) (*rsa.PrivateKey, error) {
	for _, file := range []string{sealedCRD, sealedParts + "/objects/rbac.yaml", sealedParts + "/keys/rbac.yaml"} {
		text, err := os.ReadFile(filepath.Join(w.Lab.Root, filepath.FromSlash(file)))
		if err != nil {
			return nil, err
		}
		for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
			if err := w.install(ctx, document); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	err := harness.Poll{Limit: time.Minute, Every: 100 * time.Millisecond}.Until(ctx, func() error {
		return w.Client.Do(ctx, http.MethodGet, allSealed, "", nil, nil)
	})
	if err != nil {
		return nil, err
	}
	return w.addKey(ctx)
}

// install applies a cluster's object, or one of the installation's namespace, on the server's side.
func (w *World) install(ctx context.Context, document []byte) error {
	var object metav1.PartialObjectMetadata
	if err := yaml.Unmarshal(document, &object); err != nil {
		return err
	}
	within := rbac + "/namespaces/" + lab.Namespace
	path, known := map[string]string{
		"CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
		"ClusterRole":              rbac + "/clusterroles", "ClusterRoleBinding": rbac + "/clusterrolebindings",
		"Role": within + "/roles", "RoleBinding": within + "/rolebindings",
	}[object.Kind]
	if !known {
		return fmt.Errorf("the kind %q is not known here", object.Kind)
	}
	return w.Client.Do(ctx, http.MethodPatch, path+"/"+object.Name+"?fieldManager=bench&force=true", harness.ApplyPatch, document, nil)
}

func (w *World) addKey(ctx context.Context) (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, SealingBits)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, NotBefore: time.Now(), NotAfter: time.Now().Add(24 * time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(&corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{
			Name: "sealing-key", Labels: map[string]string{"sealedsecrets.bitnami.com/sealed-secrets-key": "active"},
		},
		Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{
			corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
			corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		},
	})
	if err != nil {
		return nil, err
	}
	return key, w.Client.Do(ctx, http.MethodPost, "/api/v1/namespaces/"+lab.Namespace+"/secrets", harness.JSON, body, nil)
}

// SealedPath is the path of an object's SealedSecret at the API server.
func SealedPath(o Object) string {
	return "/apis/bitnami.com/v1alpha1/namespaces/" + o.Namespace + "/sealedsecrets/" + o.Name
}

// FurnishSealed stores a SealedSecret for each object, of what its source holds: two entries, of the strict scope.
func (w *World) FurnishSealed(ctx context.Context, key *rsa.PublicKey, objects ...Object) error {
	if err := w.Put(SourcesOf(objects)...); err != nil {
		return err
	}
	return each(ctx, objects, func(ctx context.Context, o Object) error {
		sealed := map[string][]byte{}
		for name, value := range w.data(o) {
			var err error
			if sealed[name], err = crypt.Seal(key, []byte(value), o.String()); err != nil {
				return err
			}
		}
		body, err := json.Marshal(map[string]any{
			"apiVersion": v1alpha1.GroupVersion.String(), "kind": v1alpha1.Kind,
			"metadata": metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name}, "spec": map[string]any{"encryptedData": sealed},
		})
		if err != nil {
			return err
		}
		var stored struct {
			Metadata struct{ UID types.UID } `json:"metadata"`
		}
		collection := filepath.Dir(SealedPath(o))
		err = w.Client.Do(ctx, http.MethodPost, collection, harness.JSON, body, &stored)
		w.uids.Store(o.NamespacedName, stored.Metadata.UID)
		return err
	})
}

// AwaitSealedStatuses waits until the condition Synced of every object's SealedSecret is True, and answers when it saw that.
func (w *World) AwaitSealedStatuses(ctx context.Context, limit time.Duration, n int) (time.Time, error) {
	var seen time.Time
	err := harness.Poll{Limit: limit, Every: 100 * time.Millisecond}.Until(ctx, func() error {
		synced := 0
		_, err := harness.List(ctx, w.Client, allSealed, "", harness.JSON, func(s v1alpha1.SealedSecret) {
			for _, c := range s.Status.Conditions {
				if c.Type == "Synced" && c.Status == metav1.ConditionTrue {
					synced++
				}
			}
		})
		seen = time.Now()
		if err == nil && synced < n {
			err = fmt.Errorf("%d of %d SealedSecrets report that they are synced", synced, n)
		}
		return err
	})
	return seen, err
}
