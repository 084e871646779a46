// Package credential gets what a login proves itself by, at the moment of the login: the value of a Secret's key, read live, or a new
// token of a ServiceAccount. It keeps neither. A rotation needs no watch, since a session that the backend refuses is begun anew.
//
// A token never has an audience of the API server's: its recipient could act in the cluster as the ServiceAccount. See Reserved
// for how these audiences are known.
package credential

import (
	"context"
	"fmt"
	"slices"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Source gets the value of a credential of the cluster's: plan.SecretCredential or plan.AccountCredential, or of what goes with one:
// plan.ConfigMapCredential or plan.AnnotationCredential. The value is never empty.
// Errors are *driver.Error, and never hold a value.
type Source func(ctx context.Context, c plan.Credential) (string, error)

// DefaultAudience is that of a ServiceAccount's token where the credential names none.
const DefaultAudience = "vault"

// lifetime of a ServiceAccount's token is the least that the API server grants. A login needs seconds of it.
const lifetime = 10 * time.Minute

// Cluster gets credentials from the API server. Its rights are needed where Stores refer to credentials, and nowhere else:
// get on secrets, configmaps and serviceaccounts, create on serviceaccounts/token.
type Cluster struct {
	core     corev1.CoreV1Interface
	reserved []string
}

// New makes a Cluster that calls the API server as a configuration says. New itself makes no calls.
func New(config *rest.Config) (*Cluster, error) {
	core, err := corev1.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("prepare to read credentials: %w", err)
	}
	own, err := ownToken(config)
	if err != nil {
		return nil, err
	}
	return &Cluster{core: core, reserved: Reserved(own)}, nil
}

// Get is a Source.
func (c *Cluster) Get(ctx context.Context, of plan.Credential) (string, error) {
	if of.Namespace == "" || of.Name == "" {
		return "", &driver.Error{Kind: driver.Invalid, Problem: "the credential has no name or no namespace", Hint: "name it in the store"}
	}
	switch of.Kind {
	case plan.SecretCredential:
		return c.secret(ctx, of)
	case plan.AccountCredential:
		return c.token(ctx, of)
	case plan.ConfigMapCredential:
		return c.configMap(ctx, of)
	case plan.AnnotationCredential:
		return c.annotation(ctx, of)
	case plan.OwnCredential, plan.InstalledCredential:
	}
	return "", &driver.Error{
		Kind: driver.Invalid, Problem: "a credential of this kind is not in the cluster", Hint: "refer to a Secret or a ServiceAccount",
	}
}

func (c *Cluster) secret(ctx context.Context, of plan.Credential) (string, error) {
	wanted := right{verb: "get", resource: "secrets", deed: "read", kind: "Secret", Credential: of}
	secret, err := c.core.Secrets(of.Namespace).Get(ctx, of.Name, metav1.GetOptions{})
	if err != nil {
		return "", wanted.failure(err)
	}
	value, ok := secret.Data[of.Key]
	return wanted.value(string(value), ok)
}

func (c *Cluster) configMap(ctx context.Context, of plan.Credential) (string, error) {
	wanted := right{verb: "get", resource: "configmaps", deed: "read", kind: "ConfigMap", Credential: of}
	configMap, err := c.core.ConfigMaps(of.Namespace).Get(ctx, of.Name, metav1.GetOptions{})
	if err != nil {
		return "", wanted.failure(err)
	}
	value, ok := configMap.Data[of.Key]
	return wanted.value(value, ok)
}

func (c *Cluster) annotation(ctx context.Context, of plan.Credential) (string, error) {
	wanted := right{verb: "get", resource: "serviceaccounts", deed: "read", kind: "ServiceAccount", Credential: of}
	account, err := c.core.ServiceAccounts(of.Namespace).Get(ctx, of.Name, metav1.GetOptions{})
	if err != nil {
		return "", wanted.failure(err)
	}
	value, ok := account.Annotations[of.Key]
	return wanted.value(value, ok)
}

func (c *Cluster) token(ctx context.Context, of plan.Credential) (string, error) {
	audiences := of.Audiences.Texts()
	if len(audiences) == 0 {
		audiences = []string{DefaultAudience}
	}
	for _, audience := range audiences {
		if slices.Contains(c.reserved, audience) {
			return "", &driver.Error{
				Kind:    driver.Invalid,
				Problem: "a token for the audience " + driver.Word(audience) + " would let the backend act in the cluster as the ServiceAccount",
				Hint:    "choose another audience, such as " + DefaultAudience + ", and let the backend's role accept it",
			}
		}
	}
	wanted := right{
		verb: "create", resource: "serviceaccounts/token", deed: "request a token of", kind: "ServiceAccount", Credential: of,
	}
	seconds := int64(lifetime.Seconds())
	request := &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{Audiences: audiences, ExpirationSeconds: &seconds},
	}
	answer, err := c.core.ServiceAccounts(of.Namespace).CreateToken(ctx, of.Name, request, metav1.CreateOptions{})
	switch {
	case err != nil:
		return "", wanted.failure(err)
	case answer.Status.Token == "":
		return "", &driver.Error{Kind: driver.Unavailable, Problem: "the API server gives no token of " + wanted.name()}
	}
	return answer.Status.Token, nil
}
