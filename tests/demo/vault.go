package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"
)

func acceptVault(ctx context.Context, w *world) error {
	fmt.Println("$ vault kv put secret/hello-service/credentials password=… api-key=…")
	credentials := map[string]any{"password": w.value(), "api-key": w.value()}
	if _, err := w.vault.KVv2("secret").Put(ctx, "hello-service/credentials", credentials); err != nil {
		return err
	}
	if _, err := w.apply(ctx, "hello-vault-service"); err != nil {
		return err
	}
	if err := w.awaitStatus(ctx, "hello-vault-service", "SUCCESS"); err != nil {
		return err
	}
	_, err := w.kubectl(ctx, "describe", "secret", "hello-vault-service")
	return err
}

func acceptDefinition(ctx context.Context, w *world) error {
	value := w.value()
	encoded := base64.StdEncoding.EncodeToString([]byte(value))
	w.planted = append(w.planted, encoded)
	fmt.Println("$ vault kv put secret/pathtosecret1 value=…")
	if _, err := w.vault.KVv2("secret").Put(ctx, "pathtosecret1", map[string]any{"value": encoded}); err != nil {
		return err
	}
	if _, err := w.apply(ctx, "secretdefinition-sample"); err != nil {
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

func rotateInVault(ctx context.Context, w *world) error {
	value, begin := w.value(), time.Now()
	fmt.Println("$ vault kv put secret/hello-service/credentials password=… api-key=…")
	credentials := map[string]any{"password": value, "api-key": w.value()}
	if _, err := w.vault.KVv2("secret").Put(ctx, "hello-service/credentials", credentials); err != nil {
		return err
	}
	return w.awaitRotation(ctx, begin, "hello-vault-service", "password", value)
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
