package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/secretgate/secretgate/tests/lab/balancer"
)

const (
	// Namespace is where Secretgate is installed.
	Namespace = "secretgate"

	crd = "customresourcedefinition/externalsecrets.kubernetes-client.io"
	// localWebhook is where kustomize/overlays/local says that the webhook is.
	localWebhook = "https://127.0.0.1:9443/"
)

// install applies an overlay that users have, too: with the webhook configurations where a webhook will answer them.
func (l *Lab) install(ctx context.Context) error {
	overlay := "local-plain"
	if l.options.Services {
		overlay = "local"
	}
	manifests, err := l.kubectl(ctx, "", "kustomize", filepath.Join(l.Root, "kustomize", "overlays", overlay))
	if err != nil {
		return err
	}
	if l.options.Services {
		if manifests, err = l.redirectWebhook(manifests); err != nil {
			return err
		}
	}
	// Kept so that a user can see what is installed.
	file, err := l.writeState("installed.yaml", []byte(manifests))
	if err != nil {
		return err
	}
	if _, err := l.kubectl(ctx, "", "apply", "--filename="+file); err != nil {
		return err
	}
	if _, err := l.kubectl(ctx, "", "wait", "--for=condition=Established", "--timeout=60s", crd); err != nil {
		return err
	}
	return l.readInstalled(ctx)
}

// redirectWebhook sends admission to the balancer in front of the webhook's replicas, since the lab's ports are free ones.
func (l *Lab) redirectWebhook(manifests string) (string, error) {
	if !strings.Contains(manifests, localWebhook) {
		return "", fmt.Errorf("kustomize/overlays/local names no webhook at %s: the lab cannot lead admission to its own webhook", localWebhook)
	}
	var err error
	if l.WebhookBalancer, err = balancer.Listen(); err != nil {
		return "", err
	}
	l.onStop(l.WebhookBalancer.Close)
	return strings.ReplaceAll(manifests, localWebhook, "https://"+l.WebhookBalancer.Addr()+"/"), nil
}

// readInstalled takes from the cluster what pods would be given: the ServiceAccounts' tokens and the policy's settings.
func (l *Lab) readInstalled(ctx context.Context) error {
	var err error
	if l.WebhookKubeconfig, _, err = l.ServiceAccountKubeconfig(ctx, Namespace, "webhook"); err != nil {
		return err
	}
	if l.SyncerKubeconfig, l.VaultJWTPath, err = l.ServiceAccountKubeconfig(ctx, Namespace, "syncer"); err != nil {
		return err
	}
	text, err := l.kubectl(ctx, "", "get", "configmap/policy", "--namespace="+Namespace, "--output=json")
	if err != nil {
		return err
	}
	var policy struct{ Data map[string]string }
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		return fmt.Errorf("configmap policy cannot be read: %w", err)
	}
	l.policy = policy.Data
	return nil
}

// checkPrograms finds out early that the services were not built.
func (l *Lab) checkPrograms() error {
	if !l.options.Services {
		return nil
	}
	for _, name := range []string{"webhook", "syncer"} {
		if _, err := os.Stat(l.program(name)); err != nil {
			return fmt.Errorf("the service %s is not built: %w: run make build, or leave the services out with LAB_SERVICES=0", name, err)
		}
	}
	return nil
}

func (l *Lab) program(name string) string { return filepath.Join(l.Root, "bin", name) }
