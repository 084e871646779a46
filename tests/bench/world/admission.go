package world

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
	"time"

	"github.com/secretgate/secretgate/tests/harness"
)

// Webhook is whom the API server asks about ExternalSecrets.
type Webhook int

// None, one that permits all (of what it adds a faster one cannot take anything away), or ours.
const (
	None Webhook = iota
	Empty
	Ours
)

// Admission is the webhook as the API server knows it: two configurations, which can be taken away and put back.
type Admission struct {
	client         *harness.Client
	address        string                        // of the replica
	ca             []byte                        // PEM
	configurations map[Webhook]map[string][]byte // by the path of their collection
	asked          Webhook
	empty          *empty
}

const (
	registration = "/apis/admissionregistration.k8s.io/v1/"
	webhookName  = "/secretgate-webhook"
)

// configurationName is another for the webhook that permits all: ours keeps its CA in the configurations of its name.
func (w Webhook) configurationName() string {
	if w == Empty {
		return "/permits-all"
	}
	return webhookName
}

// Admission reads the configurations that were installed. Those that it puts back name the replica itself, instead of the
// lab's balancer: a further hop through this process, which no user has, is nothing to measure.
func (w *World) Admission(ctx context.Context) (*Admission, error) {
	a := &Admission{client: w.Client, address: w.Lab.Webhook.Address, asked: Ours, empty: newEmpty()}
	a.configurations = map[Webhook]map[string][]byte{Empty: {}, Ours: {}}
	for kind, plural := range map[string]string{
		"MutatingWebhookConfiguration": "mutatingwebhookconfigurations", "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
	} {
		var stored struct {
			Webhooks []map[string]any `json:"webhooks"`
		}
		path := registration + plural
		if err := w.Client.Do(ctx, http.MethodGet, path+webhookName, "", nil, &stored); err != nil {
			return nil, err
		}
		for _, webhook := range stored.Webhooks {
			config, _ := webhook["clientConfig"].(map[string]any)
			url, _ := config["url"].(string)
			ca, _ := config["caBundle"].(string)
			config["url"] = strings.Replace(url, w.Lab.WebhookBalancer.Addr(), a.address, 1)
			var err error
			if a.ca, err = base64.StdEncoding.DecodeString(ca); err != nil || len(a.ca) == 0 {
				return nil, errors.Join(fmt.Errorf("%s carries no CA", kind), err)
			}
		}
		if err := a.keep(Ours, path, kind, stored.Webhooks); err != nil {
			return nil, err
		}
		for _, webhook := range stored.Webhooks {
			config, _ := webhook["clientConfig"].(map[string]any)
			url, _ := config["url"].(string)
			config["url"], config["caBundle"] = strings.Replace(url, "https://"+a.address, a.empty.server.URL, 1), a.empty.ca()
		}
		if err := a.keep(Empty, path, kind, stored.Webhooks); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *Admission) keep(webhook Webhook, path, kind string, webhooks []map[string]any) error {
	body, err := json.Marshal(map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
		"metadata": map[string]string{"name": webhook.configurationName()[1:]}, "webhooks": webhooks,
	})
	a.configurations[webhook][path] = body
	return err
}

// Close ends the webhook that permits all.
func (a *Admission) Close() { a.empty.server.Close() }

// Switch has the API server ask another webhook, or none, and waits until it does.
func (a *Admission) Switch(ctx context.Context, to Webhook) error {
	if a.asked == to {
		return nil
	}
	for path := range a.configurations[a.asked] {
		if err := a.client.Do(ctx, http.MethodDelete, path+a.asked.configurationName(), "", nil, nil); err != nil {
			return err
		}
	}
	for path, body := range a.configurations[to] {
		if err := a.client.Do(ctx, http.MethodPost, path, harness.JSON, body, nil); err != nil {
			return err
		}
	}
	a.asked = to
	return harness.Poll{Limit: time.Minute, Every: 20 * time.Millisecond}.Until(ctx, func() error {
		a.empty.forget()
		converts, denies, err := a.acts(ctx)
		if err != nil || converts == (to == Ours) && denies == (to == Ours) && a.empty.wasAsked() == (to == Empty) {
			return err
		}
		return fmt.Errorf("after admission was switched to %d the API server converts: %t, denies: %t", to, converts, denies)
	})
}

// acts reports whether an old manifest is converted, and whether a forbidden one is denied, by creates that store nothing.
func (a *Admission) acts(ctx context.Context) (converts, denies bool, err error) {
	converted := map[string]any{}
	if err := a.try(ctx, Manifest{Name: "probe", Entries: 1, Old: true}, &converted); err != nil {
		return false, false, err
	}
	_, old := converted["secretDescriptor"]
	err = a.try(ctx, Manifest{Name: "probe", Entries: 1, Forbidden: true}, nil)
	if refused, ok := errors.AsType[*harness.Refused](err); ok && refused.Code == http.StatusForbidden {
		return !old, true, nil
	}
	return !old, false, err
}

func (a *Admission) try(ctx context.Context, m Manifest, into any) error {
	body, err := m.JSON()
	if err != nil {
		return err
	}
	return a.client.Do(ctx, http.MethodPost, m.Collection()+"?dryRun=All", harness.JSON, body, into)
}

// Judge asks the webhook's replica itself, by HTTP/1.1 over TLS as the API server does.
type Judge struct {
	client   *harness.Client
	template []byte
}

// Judge is given as many connections as it is asked by at a time. Its questions are about the creation of a manifest's object.
func (a *Admission) Judge(m Manifest, connections int) (*Judge, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.ca)
	template, err := review(m)
	return &Judge{template: template, client: &harness.Client{Base: "https://" + a.address, HTTP: &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: connections, DisableCompression: true,
	}}}}, err
}

// Ask has the object judged as if it were another team's. What is not allowed is an error.
func (j *Judge) Ask(ctx context.Context, team int) error {
	return j.post(ctx, bytes.ReplaceAll(j.template, []byte(TeamNamespace(0)), []byte(TeamNamespace(team))))
}

// Repeat asks about the manifest's own object, without another copy of the question.
func (j *Judge) Repeat(ctx context.Context) error { return j.post(ctx, j.template) }

func (j *Judge) post(ctx context.Context, body []byte) error {
	var answer json.RawMessage
	if err := j.client.Do(ctx, http.MethodPost, "/validate", harness.JSON, body, &answer); err != nil {
		return err
	}
	if !bytes.Contains(answer, []byte(`"allowed":true`)) {
		return fmt.Errorf("the webhook denies an object that its namespace permits: %s", answer)
	}
	return nil
}

// Close ends the connections.
func (j *Judge) Close() { j.client.HTTP.CloseIdleConnections() }
