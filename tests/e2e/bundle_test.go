package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
)

// bundles are what the entries of the two webhook configurations carry at present.
func bundles() (found [][]byte, err error) {
	client, err := cluster()
	if err != nil {
		return nil, err
	}
	for _, kind := range []string{"mutating", "validating"} {
		url := theLab.APIServer + "/apis/admissionregistration.k8s.io/v1/" + kind + "webhookconfigurations/secretgate-webhook"
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
		if err != nil {
			return nil, err
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		var configuration admissionv1.ValidatingWebhookConfiguration // in what counts here, the kinds are alike
		err = errors.Join(json.NewDecoder(response.Body).Decode(&configuration), response.Body.Close())
		if err != nil {
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
	eventually(t, func() error {
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
		names := mustKubectl(t, "", "get", kind+"webhookconfiguration", "secretgate-webhook", "-o", "jsonpath={.webhooks[*].name}")
		var patch []map[string]string
		for i := range strings.Fields(names) {
			patch = append(patch, map[string]string{"op": "add", "path": fmt.Sprintf("/webhooks/%d/clientConfig/caBundle", i), "value": text})
		}
		mustKubectl(t, "", "patch", kind+"webhookconfiguration", "secretgate-webhook", "--type=json", "-p", asJSON(t, patch))
	}
}

// handshake is that of an API server which has this bundle.
func handshake(address string, bundle []byte) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		return errors.New("there is no bundle")
	}
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
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
