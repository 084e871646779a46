package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

type step struct {
	title string
	run   func(context.Context, *world) error
}

// steps are the demo, in order.
var steps = []step{
	{"The backends hold secrets (values are random, and never shown)", storeSecrets},
	{"An ExternalSecret for AWS Secrets Manager is accepted", acceptAWS},
	{"An ExternalSecret for HashiCorp Vault is accepted", acceptVault},
	{"So are those for AWS Parameter Store (a key and a path), Azure, Google and Alibaba", acceptOthers},
	{"The Secrets exist: their entries, not their values", showSecrets},
	{"The status tells who is in step", showStatus},
	{"A manifest with deprecated fields is converted, with a warning", convertDeprecated},
	{"A namespace's policy rejects an apply, and says why", rejectApply},
	{"A SecretDefinition of tuenti's secrets-manager is served as it stands", acceptDefinition},
	{"A rotation in Vault and in AWS arrives in the Secrets", rotate},
	{"An outage of AWS changes nothing, and the status says so", surviveOutage},
	{"No log holds a value", searchLogs},
}

func show(ctx context.Context, dir string) error {
	w, err := enter(dir)
	if err != nil {
		return err
	}
	for i, s := range steps {
		fmt.Printf("\n=== %d/%d  %s\n", i+1, len(steps), s.title)
		if err := s.run(ctx, w); err != nil {
			return fmt.Errorf("step %d (%s): %w", i+1, s.title, err)
		}
	}
	return nil
}

func acceptAWS(ctx context.Context, w *world) error {
	if _, err := w.kubectl(ctx, "apply", "-f", w.manifest("hello-service")); err != nil {
		return err
	}
	return w.awaitStatus(ctx, "hello-service", "SUCCESS")
}

func acceptVault(ctx context.Context, w *world) error {
	if _, err := w.kubectl(ctx, "apply", "-f", w.manifest("hello-vault-service")); err != nil {
		return err
	}
	return w.awaitStatus(ctx, "hello-vault-service", "SUCCESS")
}

// acceptOthers applies four manifests at once: Parameter Store (a key, and a walk along a path), Key Vault, Google, Alibaba.
func acceptOthers(ctx context.Context, w *world) error {
	names := []string{"hello-parameters", "hello-keyvault-service", "gcp-secrets-manager-example", "hello-alicloud-service"}
	args := []string{"apply"}
	for _, name := range names {
		args = append(args, "-f", w.manifest(name))
	}
	if _, err := w.kubectl(ctx, args...); err != nil {
		return err
	}
	for _, name := range names {
		if err := w.awaitStatus(ctx, name, "SUCCESS"); err != nil {
			return err
		}
	}
	return nil
}

func showSecrets(ctx context.Context, w *world) error {
	for _, name := range []string{"hello-service", "hello-vault-service", "hello-parameters"} {
		if _, err := w.kubectl(ctx, "describe", "secret", name); err != nil {
			return err
		}
	}
	_, err := w.kubectl(ctx, "get", "secrets")
	return err
}

func showStatus(ctx context.Context, w *world) error {
	_, err := w.kubectl(ctx, "get", "externalsecrets.kubernetes-client.io")
	return err
}

func convertDeprecated(ctx context.Context, w *world) error {
	out, err := w.kubectl(ctx, "apply", "-f", w.manifest("hello-deprecated"))
	if err != nil {
		return err
	}
	if !strings.Contains(out, "Warning:") {
		return errors.New("kubectl showed no warning")
	}
	_, err = w.kubectl(ctx, "get", "externalsecrets.kubernetes-client.io", "hello-deprecated", "-o", `jsonpath={.spec}{"\n"}`)
	if err != nil {
		return err
	}
	return w.awaitStatus(ctx, "hello-deprecated", "SUCCESS")
}

func rejectApply(ctx context.Context, w *world) error {
	if _, err := w.kubectl(ctx, "apply", "-f", w.manifest("core-namespace")); err != nil {
		return err
	}
	out, err := w.kubectl(ctx, "apply", "-f", w.manifest("core-service"))
	if err == nil {
		return errors.New("the object was accepted")
	}
	for _, wanted := range []string{"spec.data[1].key", "spec.roleArn", "permitted-key-name"} {
		if !strings.Contains(out, wanted) {
			return fmt.Errorf("the rejection does not name %s", wanted)
		}
	}
	return nil
}

func acceptDefinition(ctx context.Context, w *world) error {
	value := w.value()
	encoded := base64.StdEncoding.EncodeToString([]byte(value))
	w.planted = append(w.planted, encoded)
	fmt.Println("$ vault kv put secret/pathtosecret1 value=…")
	if _, err := w.vault.KVv2("secret").Put(ctx, "pathtosecret1", map[string]any{"value": encoded}); err != nil {
		return err
	}
	if _, err := w.kubectl(ctx, "apply", "-f", w.manifest("secretdefinition-sample")); err != nil {
		return err
	}
	if err := w.await(ctx, "supersecretnew", "decoded", value); err != nil {
		return err
	}
	if _, err := w.kubectl(ctx, "get", "secret", "supersecretnew"); err != nil {
		return err
	}
	_, err := w.kubectl(ctx, "get", "secretdefinitions")
	return err
}

func rotate(ctx context.Context, w *world) error {
	inVault, inAWS, begin := w.value(), w.value(), time.Now()
	fmt.Println("$ vault kv put secret/hello-service/credentials password=… api-key=…")
	credentials := map[string]any{"password": inVault, "api-key": w.value()}
	if _, err := w.vault.KVv2("secret").Put(ctx, "hello-service/credentials", credentials); err != nil {
		return err
	}
	fmt.Println("$ aws secretsmanager put-secret-value --secret-id hello-service/password --secret-string …")
	password := &secretsmanager.PutSecretValueInput{SecretId: aws.String("hello-service/password"), SecretString: &inAWS}
	if _, err := w.aws.PutSecretValue(ctx, password); err != nil {
		return err
	}
	if err := w.await(ctx, "hello-vault-service", "password", inVault); err != nil {
		return err
	}
	if err := w.await(ctx, "hello-service", "password", inAWS); err != nil {
		return err
	}
	fmt.Printf("  both Secrets followed within %.1f s (this demo refreshes every 2 s)\n", time.Since(begin).Seconds())
	return nil
}

func surviveOutage(ctx context.Context, w *world) error {
	before, err := w.secret(ctx, "hello-service")
	if err != nil {
		return err
	}
	fmt.Println("  AWS Secrets Manager goes down")
	if err := w.outage(ctx, true); err != nil {
		return err
	}
	if err := w.awaitStatus(ctx, "hello-service", "ERROR"); err != nil {
		return err
	}
	if _, err := w.kubectl(ctx, "get", "externalsecrets.kubernetes-client.io", "hello-service", "-o", "wide"); err != nil {
		return err
	}
	after, err := w.secret(ctx, "hello-service")
	if err != nil {
		return err
	}
	if after.ResourceVersion != before.ResourceVersion {
		return errors.New("the Secret was touched during the outage")
	}
	fmt.Printf("  Secret hello-service is as it was (resourceVersion %s, entries %v)\n",
		after.ResourceVersion, slices.Sorted(maps.Keys(after.Data)))
	fmt.Println("  AWS Secrets Manager comes back")
	if err := w.outage(ctx, false); err != nil {
		return err
	}
	if err := w.awaitStatus(ctx, "hello-service", "SUCCESS"); err != nil {
		return err
	}
	_, err = w.kubectl(ctx, "get", "externalsecrets.kubernetes-client.io")
	return err
}

func searchLogs(_ context.Context, w *world) error {
	searched, found, err := w.leaks()
	if err != nil {
		return err
	}
	if searched == 0 || len(found) > 0 {
		return fmt.Errorf("of %d logs searched, these hold values: %v", searched, found)
	}
	fmt.Printf("  %d values searched for in %d logs: none found\n", len(w.planted), searched)
	return nil
}
