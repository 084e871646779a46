package world

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"sync"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
)

// value is what a source holds: a JSON object of the two properties that objects read.
type value struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// sources remembers what each source was last given.
type sources struct {
	mu     sync.Mutex
	values map[string]value
}

// Put gives sources new values at AWS; those that do not exist are created.
func (w *World) Put(names ...string) error {
	secrets := make([]secretsmanager.Secret, len(names))
	w.sources.mu.Lock()
	defer w.sources.mu.Unlock()
	for i, name := range names {
		v := value{Username: "user-" + rand.Text()[:8], Password: rand.Text()}
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		secrets[i] = secretsmanager.Secret{Name: name, String: string(text)}
		w.sources.values[name] = v
	}
	return w.Lab.Clouds.AWS().PutSecrets(w.Lab.AWSRegion, secrets...)
}

// Rotate gives all sources of objects new values, each once, and answers a Mark that waits for the Secrets to follow.
func (w *World) Rotate(objects ...Object) (*Mark, error) {
	mark := w.Secrets.Expect(objects...)
	mark.Start = time.Now()
	return mark, w.Put(SourcesOf(objects)...)
}

// SourcesOf names the sources of objects, each once.
func SourcesOf(objects []Object) []string {
	seen := map[string]struct{}{}
	var names []string
	for _, o := range objects {
		if _, ok := seen[o.Source]; !ok {
			seen[o.Source] = struct{}{}
			names = append(names, o.Source)
		}
	}
	return names
}

// data is what an object's Secret is to hold.
func (w *World) data(o Object) map[string]string {
	w.sources.mu.Lock()
	defer w.sources.mu.Unlock()
	v := w.sources.values[o.Source]
	want := map[string]string{"username": v.Username, "password": v.Password}
	if o.Copy {
		want["copy"] = v.Password
	}
	if o.Templated {
		login := base64.StdEncoding.EncodeToString([]byte(v.Username + ":" + v.Password))
		want["config"] = "user: " + v.Username + "\npassword: " + v.Password + "\nlogin: " + login + "\n"
	}
	return want
}
