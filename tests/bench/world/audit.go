package world

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/secretgate/secretgate/tests/lab"
)

// Audit counts API server requests by who made them: the API server's own metrics do not tell its clients apart. All
// requests are noted, the bare writer's too, so that it costs everybody the same.
type Audit struct {
	file string
}

const policy = `{"apiVersion":"audit.k8s.io/v1","kind":"Policy","omitStages":["RequestReceived"],"omitManagedFields":true,"rules":[
{"level":"None","nonResourceURLs":["/readyz*","/livez*","/healthz*","/metrics","/version","/openapi/*","/api","/apis"]},
{"level":"Metadata"}]}`

func (a *Audit) prepare(dir string) error {
	return os.WriteFile(filepath.Join(dir, "audit-policy.json"), []byte(policy), 0o600)
}

func (a *Audit) flags(dir string) []string {
	return []string{
		"--audit-policy-file=" + filepath.Join(dir, "audit-policy.json"), "--audit-log-path=" + a.file,
		"--audit-log-maxsize=100000", // in one file
		"--audit-log-mode=batch", "--audit-log-batch-max-wait=" + auditDelay.String(),
	}
}

// auditDelay is how long the API server may keep a line to itself.
const auditDelay = time.Second

// AuditSettles is how long after a request its line is sure to be found.
const AuditSettles = 2 * auditDelay

// Request is what requests are counted by. Subresource is part of Resource, as in "externalsecrets/status".
type Request struct{ Verb, Resource string }

// Write reports whether the request changes what is stored.
func (r Request) Write() bool {
	switch r.Verb {
	case "create", "update", "patch", "delete", "deletecollection":
		return true
	}
	return false
}

// Syncers counts the requests of all syncers, by verb and resource, that the API server received from one time on until
// before another. A watch counts once, when it starts.
func (a *Audit) Syncers(from, to time.Time) (map[Request]int, error) {
	file, err := os.Open(a.file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	counts, reader := map[Request]int{}, bufio.NewReaderSize(file, 1<<20)
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return counts, nil // what lacks its end is being written now, later than any caller asks about
		}
		if err != nil {
			return nil, err
		}
		if !bytes.Contains(line, []byte(syncerUser)) {
			continue // most lines, spared the decoding
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, err
		}
		if e.counts(from, to) {
			counts[e.request()]++
		}
	}
}

// entry is what is read of a line.
type entry struct {
	Stage string
	Verb  string
	User  struct{ Username string }
	Ref   struct {
		Resource, Subresource string
	} `json:"objectRef"`
	Received time.Time `json:"requestReceivedTimestamp"`
}

const syncerUser = "system:serviceaccount:" + lab.Namespace + ":syncer"

func (e entry) counts(from, to time.Time) bool {
	if e.User.Username != syncerUser || e.Received.Before(from) || !e.Received.Before(to) {
		return false
	}
	if e.Verb == "watch" {
		return e.Stage == "ResponseStarted"
	}
	return e.Stage != "ResponseStarted"
}

func (e entry) request() Request {
	resource := e.Ref.Resource
	if e.Ref.Subresource != "" {
		resource += "/" + e.Ref.Subresource
	}
	return Request{Verb: e.Verb, Resource: resource}
}
