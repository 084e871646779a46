package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	// services is how many further objects share their calls, each with a secret of its own.
	services = 30
	// refreshes is for how many of them the calls are counted.
	refreshes = 5
)

// shareCalls applies objects by the dozen, and counts the calls that keep them fresh.
func shareCalls(ctx context.Context, w *world) error {
	manifest, err := w.storeForServices(ctx)
	if err != nil {
		return err
	}
	fmt.Println("$ cat service-01.yaml        # and so on: an object and a secret of its own for each of", services, "services")
	show(manifest[0])
	out, err := w.program.Apply(ctx, "", strings.Join(manifest, "---\n"))
	if err != nil {
		return err
	}
	fmt.Println("$ kubectl apply -f service-01.yaml -f service-02.yaml …")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	fmt.Printf("  %s\n  … %d more\n", lines[0], len(lines)-1)
	if _, err := w.program.Run(ctx, "wait", "--for=condition=Ready", "--timeout=60s", externalSecrets, "-l", "demo=services"); err != nil {
		return err
	}
	objects, entries, err := w.entriesInAWS(ctx)
	if err != nil {
		return err
	}
	before, err := w.callsToAWS(ctx)
	if err != nil {
		return err
	}
	select {
	case <-time.After(refreshes * refresh):
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := w.callsToAWS(ctx)
	if err != nil {
		return err
	}
	fmt.Print(saved(objects, entries, after-before))
	return nil
}

// saved compares the calls that were counted with one per entry and refresh.
func saved(objects, entries, calls int) string {
	without := entries * refreshes
	return fmt.Sprintf("  %d objects with %d entries in AWS Secrets Manager, refreshed every %s, for %s:\n"+
		"    a read per entry and refresh    %4d calls\n"+
		"    Secretgate                      %4d calls, as AWS counted them: %d%% saved\n",
		objects, entries, refresh, refreshes*refresh, without, calls, 100-(100*calls+without-1)/without)
}

// storeForServices makes a secret and a manifest for each service.
func (w *world) storeForServices(ctx context.Context) (manifests []string, err error) {
	template, err := os.ReadFile(w.manifest("service"))
	if err != nil {
		return nil, err
	}
	var secrets []map[string]string
	for i := range services {
		number := fmt.Sprintf("%02d", i+1)
		secrets = append(secrets, map[string]string{
			"name": "services/" + number, "string": fmt.Sprintf(`{"username":%q,"password":%q}`, w.value(), w.value()),
		})
		manifests = append(manifests, strings.ReplaceAll(string(template), "NN", number))
	}
	return manifests, w.admin(ctx, http.MethodPut, "aws/secrets", map[string]any{"secrets": secrets}, nil)
}

// entriesInAWS counts what the objects that read from AWS Secrets Manager ask for.
func (w *world) entriesInAWS(ctx context.Context) (objects, entries int, err error) {
	var list struct {
		Items []struct {
			Spec struct {
				BackendType string `json:"backendType"`
				Data        []any  `json:"data"`
			} `json:"spec"`
		} `json:"items"`
	}
	err = w.program.Read(ctx, &list, externalSecrets, "--all-namespaces")
	for _, item := range list.Items {
		if item.Spec.BackendType == "secretsManager" {
			objects++
			entries += len(item.Spec.Data)
		}
	}
	return objects, entries, err
}

// callsToAWS is how many calls AWS Secrets Manager has answered.
func (w *world) callsToAWS(ctx context.Context) (calls int, err error) {
	var counts []struct {
		Service string `json:"service"`
		Count   int    `json:"count"`
	}
	err = w.admin(ctx, http.MethodGet, "counters", nil, &counts)
	for _, c := range counts {
		if c.Service == "secretsmanager" {
			calls += c.Count
		}
	}
	return calls, err
}
