package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// storeInClouds fills the backends of all four clouds. The commands are what one would type; AWS is asked by its own client, the
// other clouds by the lab's admin API.
func storeInClouds(ctx context.Context, w *world) error {
	for _, store := range []func(context.Context, *world) error{storeInAWS, storeInParameterStore, storeInOtherClouds} {
		if err := store(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

func storeInAWS(ctx context.Context, w *world) error {
	for name, value := range map[string]string{
		"hello-service/password":    w.value(),
		"hello-service/credentials": fmt.Sprintf(`{"username":%q,"password":%q}`, w.value(), w.value()),
	} {
		fmt.Printf("$ aws secretsmanager create-secret --name %s --secret-string …\n", name)
		if _, err := w.aws.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value}); err != nil {
			return err
		}
	}
	return nil
}

func storeInParameterStore(ctx context.Context, w *world) error {
	for _, name := range []string{"/hello-service/password", "/hello-service/database/host", "/hello-service/database/login/username"} {
		fmt.Printf("$ aws ssm put-parameter --name %s --type SecureString --value …\n", name)
		value := w.value()
		parameter := &ssm.PutParameterInput{Name: &name, Value: &value, Type: types.ParameterTypeSecureString}
		if _, err := w.ssm.PutParameter(ctx, parameter); err != nil {
			return err
		}
	}
	return nil
}

func storeInOtherClouds(ctx context.Context, w *world) error {
	type secrets = []map[string]string
	object := func() string { return fmt.Sprintf(`{"value":%q}`, w.value()) }
	for _, put := range []struct {
		command, path string
		body          map[string]any
	}{
		{"az keyvault secret set --vault-name hello-world --name hello-service --value …", "azure/secrets",
			map[string]any{"vault": "hello-world", "secrets": secrets{{"name": "hello-service", "value": object()}}}},
		{"gcloud secrets create my-gsm-secret-name --project my-gsm-secret-project --data-file -", "google/secrets",
			map[string]any{"secrets": secrets{{"name": "my-gsm-secret-name", "string": object()}}}},
		{"aliyun kms CreateSecret --SecretName hello-credentials1 --SecretData … --VersionId 001", "alicloud/secrets",
			map[string]any{"secrets": secrets{{"name": "hello-credentials1", "string": w.value(), "versionId": "001"}}}},
		{"aliyun kms CreateSecret --SecretName hello-credentials2 --SecretData … --VersionId 001", "alicloud/secrets",
			map[string]any{"secrets": secrets{{"name": "hello-credentials2", "string": w.value(), "versionId": "001"}}}},
	} {
		fmt.Println("$ " + put.command)
		if err := w.admin(ctx, http.MethodPut, put.path, put.body, nil); err != nil {
			return err
		}
	}
	return nil
}
