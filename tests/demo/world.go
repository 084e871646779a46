package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/hashicorp/vault/api"
	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/tests/harness"
)

// world is the running lab, reached as a user reaches theirs: with kubectl, and the clients of AWS and Vault.
type world struct {
	dir       string
	env       map[string]string
	program   harness.Kubectl
	manifests string // folder
	aws       *secretsmanager.Client
	ssm       *ssm.Client
	vault     *api.Client // nil until it is up
	planted   []string    // every value that the demo stored in a backend
}

func enter(dir string) (*world, error) {
	env, err := readEnv(filepath.Join(dir, "env"))
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir, env: env, program: harness.Program(filepath.Join(env["LAB_BIN"], "kubectl"), env["KUBECONFIG"])}
	w.manifests = filepath.Join(filepath.Dir(dir), "tests", "demo", "manifests")
	user := credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], "")
	endpoint, region := aws.String(env["AWS_ENDPOINT"]), env["AWS_REGION"]
	w.aws = secretsmanager.New(secretsmanager.Options{Region: region, BaseEndpoint: endpoint, Credentials: user})
	w.ssm = ssm.New(ssm.Options{Region: region, BaseEndpoint: endpoint, Credentials: user})
	return w, nil
}

// enterVault makes the client of Vault, once that is up: only then the lab says how to use it.
func (w *world) enterVault(dir string) error {
	env, err := readEnv(filepath.Join(dir, "env"))
	if err != nil {
		return err
	}
	if w.vault, err = api.NewClient(&api.Config{Address: env["VAULT_ADDR"]}); err != nil {
		return err
	}
	w.vault.SetToken(env["VAULT_TOKEN"])
	return nil
}

// readEnv lets a shell read the lab's shell assignments.
func readEnv(file string) (map[string]string, error) {
	out, err := exec.Command("env", "-i", "sh", "-c", `set -a; . "$0"; exec env -0`, file).Output() //nolint:noctx // a moment
	if err != nil {
		return nil, fmt.Errorf("the lab's %s cannot be read: %w", file, err)
	}
	env := map[string]string{}
	for variable := range strings.SplitSeq(string(out), "\x00") {
		if name, value, ok := strings.Cut(variable, "="); ok {
			env[name] = value
		}
	}
	return env, nil
}

// value makes a value to store in a backend, and remembers it to look for it where it must not be.
func (w *world) value() string {
	v := "demo-" + rand.Text()
	w.planted = append(w.planted, v)
	return v
}

// kubectl runs a command as a user would, showing both it and its answer.
func (w *world) kubectl(ctx context.Context, args ...string) (string, error) {
	here := strings.NewReplacer(w.manifests+string(filepath.Separator), "")
	fmt.Printf("$ kubectl %s\n", here.Replace(strings.Join(args, " ")))
	out, err := w.program.Show(ctx, args...)
	out = here.Replace(out)
	show(out)
	return out, err
}

func (w *world) manifest(name string) string { return filepath.Join(w.manifests, name+".yaml") }

// secret reads a Secret. Its values are compared, never shown.
func (w *world) secret(ctx context.Context, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	return secret, w.program.Read(ctx, secret, "secret", name)
}

// await asks until a Secret holds a value.
func (w *world) await(ctx context.Context, name, entry, value string) error {
	return harness.Poll{}.Until(ctx, func() error {
		secret, err := w.secret(ctx, name)
		if err != nil {
			return err
		}
		if string(secret.Data[entry]) != value {
			return fmt.Errorf("entry %s of Secret %s is not what the backend holds", entry, name)
		}
		return nil
	})
}

// awaitRotation waits for a new value, and says how long it took.
func (w *world) awaitRotation(ctx context.Context, begin time.Time, name, entry, value string) error {
	if err := w.await(ctx, name, entry, value); err != nil {
		return err
	}
	fmt.Printf("  Secret %s followed within %.1f s (this demo refreshes every %s)\n", name, time.Since(begin).Seconds(), refresh)
	return nil
}

// awaitStatus asks until an object's status starts with a text.
func (w *world) awaitStatus(ctx context.Context, name, prefix string) error {
	return harness.Poll{}.Until(ctx, func() error {
		var object harness.Object
		err := w.program.Read(ctx, &object, "externalsecrets.kubernetes-client.io", name)
		if err == nil && !strings.HasPrefix(object.Status.Status, prefix) {
			err = fmt.Errorf("the status of %s is %q, not %s", name, object.Status.Status, prefix)
		}
		return err
	})
}

// outage makes the lab's AWS Secrets Manager fail, or work again.
func (w *world) outage(ctx context.Context, on bool) error {
	if on {
		return w.admin(ctx, http.MethodPost, "faults", map[string]string{"kind": "outage", "service": "secretsmanager"}, nil)
	}
	return w.admin(ctx, http.MethodDelete, "faults", nil, nil)
}

// admin asks the lab's clouds for what no client of theirs can do. What they answer is decoded, unless into is nil.
func (w *world) admin(ctx context.Context, method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if body == nil {
		text = nil
	}
	request, err := http.NewRequestWithContext(ctx, method, w.env["CLOUDS_URL"]+"/_admin/"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("the lab's clouds refuse %s %s: %s", method, path, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// leaks lists the logs that hold a value which the demo stored.
func (w *world) leaks() (searched int, found []string, err error) {
	files, err := filepath.Glob(filepath.Join(w.dir, "log", "*.log"))
	for _, file := range files {
		text, readErr := os.ReadFile(file)
		err = errors.Join(err, readErr)
		for _, value := range w.planted {
			if bytes.Contains(text, []byte(value)) {
				found = append(found, filepath.Base(file))
			}
		}
	}
	return len(files), found, err
}
