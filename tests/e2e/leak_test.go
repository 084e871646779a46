package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// planted is all that may be found in no log, status, event or metric: values that tests put into backends, and credentials.
var planted struct {
	sync.Mutex
	values []string
}

// plant remembers a text, and how it looks in a Secret.
func plant(value string) {
	planted.Lock()
	defer planted.Unlock()
	for _, form := range []string{value, base64.StdEncoding.EncodeToString([]byte(value))} {
		if value != "" && !slices.Contains(planted.values, form) {
			planted.values = append(planted.values, form)
		}
	}
}

// secretValue makes a value that can be found again wherever it leaks to.
func secretValue() string {
	value := "planted-" + rand.Text()
	plant(value)
	return value
}

// plantPEM remembers the lines of private keys: logs break them, or not.
func plantPEM(text []byte) {
	for _, line := range regexp.MustCompile(`[A-Za-z0-9+/=]{40,}`).FindAll(text, -1) {
		plant(string(line))
	}
}

// plantJWT remembers a token and its signature, which alone is secret.
func plantJWT(token string) {
	token = strings.TrimSpace(token)
	plant(token)
	plant(token[strings.LastIndex(token, ".")+1:])
}

// plantCredentials remembers those of the lab.
func plantCredentials(ctx context.Context) error {
	azure, alicloud := theLab.Clouds.Azure().LabApp(), theLab.Clouds.Alicloud().LabUser()
	for _, value := range []string{
		theLab.VaultToken, theLab.AWSAccessKeyID, theLab.AWSSecretAccessKey, azure.Secret, alicloud.AccessKeyID, alicloud.AccessKeySecret,
	} {
		plant(value)
	}
	google, err := os.ReadFile(theLab.GoogleCredentials)
	if err != nil {
		return err
	}
	plantPEM(google)
	jwt, err := os.ReadFile(theLab.VaultJWTPath)
	if err != nil {
		return err
	}
	plantJWT(string(jwt))
	// The key of the webhook's own CA, encoded once more as all data of Secrets.
	out, err := kubectl.Run(ctx, "get", "secret", "-n", lab.Namespace, "webhook-tls", "-o", `jsonpath={.data.ca\.key}`)
	if err != nil {
		return err
	}
	key, err := base64.StdEncoding.DecodeString(out)
	if len(key) == 0 {
		return errors.Join(err, errors.New("the webhook has no CA of its own"))
	}
	plantPEM(key)
	return err
}

func holdsPlanted(text []byte) bool {
	planted.Lock()
	defer planted.Unlock()
	return slices.ContainsFunc(planted.values, func(value string) bool { return bytes.Contains(text, []byte(value)) })
}

// tellsNothing looks through the statuses and events of a namespace.
func tellsNothing(t *testing.T, namespace string) {
	t.Helper()
	told, err := kubectl.Run(context.Background(), "get", "externalsecrets,secretdefinitions,events", "-n", namespace, "-o", "json")
	if err != nil {
		t.Error(err)
	}
	if holdsPlanted([]byte(told)) {
		t.Errorf("a status or an event in namespace %s holds a planted value", namespace)
	}
}

// leaks lists the logs and metrics of the lab, and of syncers beside it, that hold a planted value; tellsNothing looks through
// statuses and events. The API server's own storage is not one.
func leaks(metricsAddresses ...string) []string { return leaksOf(theLab, metricsAddresses...) }

// leaksOf is leaks of another lab.
func leaksOf(l *lab.Lab, metricsAddresses ...string) []string {
	logs, err := filepath.Glob(l.LogFile("*"))
	if err != nil || len(logs) == 0 {
		return []string{"no logs were found to search"}
	}
	var found []string
	for _, file := range logs {
		text, err := os.ReadFile(file)
		if err != nil {
			found = append(found, file+" cannot be read")
		}
		if holdsPlanted(text) {
			found = append(found, filepath.Base(file))
		}
	}
	for _, address := range append(metricsAddresses, l.Webhook.MetricsAddress, l.Syncer.MetricsAddress) {
		metrics, err := harness.Scrape(context.Background(), address)
		if err != nil {
			found = append(found, "the metrics at "+address+" cannot be read")
			continue
		}
		if holdsPlanted([]byte(metrics)) {
			found = append(found, "the metrics at "+address)
		}
	}
	return found
}
