package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const externalSecrets = "externalsecrets.kubernetes-client.io"

func acceptAWS(ctx context.Context, w *world) error {
	if _, err := w.apply(ctx, "hello-service"); err != nil {
		return err
	}
	return w.awaitStatus(ctx, "hello-service", "SUCCESS")
}

// acceptTemplate looks whether the Secret is what its type wants: the API server has checked its form.
func acceptTemplate(ctx context.Context, w *world) error {
	if _, err := w.apply(ctx, "hello-registry"); err != nil {
		return err
	}
	if err := w.awaitStatus(ctx, "hello-registry", "SUCCESS"); err != nil {
		return err
	}
	_, err := w.kubectl(ctx, "get", "secret", "hello-registry")
	return err
}

// acceptOthers applies four manifests at once: Parameter Store (a key, and a walk along a path), Key Vault, Google, Alibaba.
func acceptOthers(ctx context.Context, w *world) error {
	names := []string{"hello-parameters", "hello-keyvault-service", "gcp-secrets-manager-example", "hello-alicloud-service"}
	if _, err := w.apply(ctx, names...); err != nil {
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
	for _, name := range []string{"hello-service", "hello-parameters"} {
		if _, err := w.kubectl(ctx, "describe", "secret", name); err != nil {
			return err
		}
	}
	if _, err := w.kubectl(ctx, "get", "secrets"); err != nil {
		return err
	}
	_, err := w.kubectl(ctx, "get", externalSecrets)
	return err
}

func convertDeprecated(ctx context.Context, w *world) error {
	out, err := w.apply(ctx, "hello-deprecated")
	if err != nil {
		return err
	}
	if !strings.Contains(out, "Warning:") {
		return errors.New("kubectl showed no warning")
	}
	if _, err := w.kubectl(ctx, "get", externalSecrets, "hello-deprecated", "-o", `jsonpath={.spec}{"\n"}`); err != nil {
		return err
	}
	return w.awaitStatus(ctx, "hello-deprecated", "SUCCESS")
}

func rejectApply(ctx context.Context, w *world) error {
	if _, err := w.apply(ctx, "core-namespace"); err != nil {
		return err
	}
	out, err := w.apply(ctx, "core-service")
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

func rotateInAWS(ctx context.Context, w *world) error {
	value, begin := w.value(), time.Now()
	fmt.Println("$ aws secretsmanager put-secret-value --secret-id hello-service/password --secret-string …")
	password := &secretsmanager.PutSecretValueInput{SecretId: aws.String("hello-service/password"), SecretString: &value}
	if _, err := w.aws.PutSecretValue(ctx, password); err != nil {
		return err
	}
	return w.awaitRotation(ctx, begin, "hello-service", "password", value)
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
	if _, err := w.kubectl(ctx, "get", externalSecrets, "hello-service", "-o", "wide"); err != nil {
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
	for _, name := range []string{"hello-service", "hello-deprecated"} {
		if err := w.awaitStatus(ctx, name, "SUCCESS"); err != nil {
			return err
		}
	}
	_, err = w.kubectl(ctx, "get", externalSecrets)
	return err
}
