package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/secretgate/secretgate/tests/harness"
)

// bundles are what the entries of the two webhook configurations carry at present.
func bundles() (found [][]byte, err error) {
	for _, kind := range []string{"mutating", "validating"} {
		path := "/apis/admissionregistration.k8s.io/v1/" + kind + "webhookconfigurations/secretgate-webhook"
		var configuration admissionv1.ValidatingWebhookConfiguration // in what counts here, the kinds are alike
		if err := apiServer.Do(context.Background(), http.MethodGet, path, "", nil, &configuration); err != nil {
			return nil, err
		}
		for _, webhook := range configuration.Webhooks {
			found = append(found, webhook.ClientConfig.CABundle)
		}
	}
	return found, nil
}

// awaitBundle waits until all entries carry this bundle.
func awaitBundle(t *testing.T, want func() []byte) {
	t.Helper()
	harness.Eventually(t, func() error {
		carried, err := bundles()
		if err != nil {
			return err
		}
		wanted := want()
		for i, bundle := range carried {
			if len(wanted) == 0 || !bytes.Equal(bundle, wanted) {
				return fmt.Errorf("entry %d of the webhook configurations carries\n%s\nnot\n%s", i+1, bundle, wanted)
			}
		}
		return nil
	})
}

// inject writes a bundle into all entries, as cert-manager's cainjector does.
func inject(t *testing.T, bundle []byte) {
	t.Helper()
	text := base64.StdEncoding.EncodeToString(bundle)
	for _, kind := range []string{"mutating", "validating"} {
		names := kubectl.Must(t, "get", kind+"webhookconfiguration", "secretgate-webhook", "-o", "jsonpath={.webhooks[*].name}")
		var patch []map[string]string
		for i := range strings.Fields(names) {
			patch = append(patch, map[string]string{"op": "add", "path": fmt.Sprintf("/webhooks/%d/clientConfig/caBundle", i), "value": text})
		}
		kubectl.Must(t, "patch", kind+"webhookconfiguration", "secretgate-webhook", "--type=json", "-p", asJSON(t, patch))
	}
}

// handshake is that of an API server which has this bundle.
func handshake(address string, bundle []byte) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		return errors.New("there is no bundle")
	}
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	ctx, cancel := context.WithTimeout(context.Background(), harness.Timeout)
	defer cancel()
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// startWitness opens connections all the time: an API server that keeps its own would seldom notice a certificate that its
// bundle does not verify. It has the bundle of the moment, and that of the moment before, as an API server that has not heard.
func startWitness(t *testing.T) {
	t.Helper()
	stopped, done := make(chan struct{}), make(chan struct{})
	look := func(before []byte) []byte {
		carried, err := bundles()
		if err != nil {
			t.Error(err)
			return before
		}
		for which, bundle := range map[string][]byte{"present": carried[0], "last": before} {
			if err := handshake(theLab.WebhookBalancer.Addr(), bundle); err != nil && len(bundle) > 0 {
				t.Errorf("a handshake with the %s bundle: %v", which, err)
			}
		}
		return carried[0]
	}
	go func() {
		defer close(done)
		var before []byte
		for {
			before = look(before)
			select {
			case <-stopped:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() { close(stopped); <-done })
}
