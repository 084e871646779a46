package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/opening"
	"github.com/secretgate/secretgate/syncer/internal/dialect/sealed/keys"
)

// newOpener is one with these keys, which have been read.
func newOpener(t *testing.T, has ...pair) (*Opener, *bytes.Buffer) {
	t.Helper()
	a, log := newAPI(t, has...)
	if _, err := a.Keys.Newest(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &Opener{Keys: a.Keys, Log: a.Log}, log
}

// value is one that a key sealed under a label, and that is shown under another.
func value(t *testing.T, by pair, label, shown string) opening.Value {
	t.Helper()
	ciphertext, err := base64.StdEncoding.DecodeString(seal(t, by, planted, label))
	if err != nil {
		t.Fatal(err)
	}
	return opening.Value{Ciphertext: ciphertext, Label: shown}
}

// asked is the answer to a request for values.
func asked(t *testing.T, o *Opener, within time.Duration, values ...opening.Value) (status int, response opening.Response) {
	t.Helper()
	body, err := json.Marshal(opening.Request{Values: values})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	url := opening.Path + "?" + opening.Query("core", within).Encode()
	o.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body)))
	if strings.Contains(w.Body.String(), planted) {
		t.Error("the answer holds the value")
	}
	if w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), &response); err != nil {
			t.Fatal(err)
		}
	}
	return w.Code, response
}

func TestTheWebhookLearnsWhatNoKeyOpens(t *testing.T) {
	has, lacks := pairs()[:2], pairs()[2]
	o, log := newOpener(t, has...)
	const foreign = "sealed for another cluster, for another namespace, name or scope, or by a key that is gone: " +
		"restore that key in namespace sealing, or seal the value again by kubeseal"
	const malformed = "no sealed value, or is cut off: seal the value again by kubeseal"
	many := make([]opening.Value, opening.MaxClosed+5)
	for i := range many {
		many[i] = opening.Value{Ciphertext: []byte("none")}
	}
	for name, test := range map[string]struct {
		values []opening.Value
		want   opening.Response
	}{
		"nothing":                      {nil, opening.Response{}},
		"values of an old and new key": {[]opening.Value{value(t, has[0], "core/db", "core/db"), value(t, has[1], "", "")}, opening.Response{}},
		"one of a key that is not the cluster's": {
			[]opening.Value{value(t, has[1], "core/db", "core/db"), value(t, lacks, "core/db", "core/db")},
			opening.Response{Closed: []opening.Closed{{Value: 1, Why: foreign}}},
		},
		"one of another object": {
			[]opening.Value{value(t, has[0], "core/db", "core/other")}, opening.Response{Closed: []opening.Closed{{Value: 0, Why: foreign}}},
		},
		"what is no ciphertext": {
			[]opening.Value{{Ciphertext: []byte("none")}}, opening.Response{Closed: []opening.Closed{{Value: 0, Why: malformed}}},
		},
	} {
		for range 2 { // the second time it is remembered
			status, got := asked(t, o, opening.MaxTime, test.values...)
			if diff := cmp.Diff(test.want, got); status != http.StatusOK || diff != "" {
				t.Errorf("%s: got status %d (-want +got):\n%s", name, status, diff)
			}
		}
	}
	if _, got := asked(t, o, opening.MaxTime, many...); len(got.Closed) != opening.MaxClosed || got.Unknown != "the values after these were not tried" {
		t.Errorf("got %d values that no key opens, and %q, want %d, and that there are more", len(got.Closed), got.Unknown, opening.MaxClosed)
	}
	if strings.Contains(log.String(), planted) {
		t.Error("the log holds the value")
	}
}

func TestWhatCannotBeKnownIsUnknown(t *testing.T) {
	one := value(t, pairs()[0], "core/db", "core/db")
	none, _ := newOpener(t)
	if _, got := asked(t, none, opening.MaxTime, one); len(got.Closed) > 0 || !strings.Contains(got.Unknown, "the cluster has no sealing key in namespace sealing") {
		t.Errorf("without a key: got %+v, want unknown", got)
	}
	unread := &Opener{Keys: &keys.Ring{Namespace: "sealing"}}
	if _, got := asked(t, unread, opening.MaxTime, one); len(got.Closed) > 0 || got.Unknown != "the sealing keys have not been read yet" {
		t.Errorf("before the keys have been read: got %+v, want unknown", got)
	}
	has, _ := newOpener(t, pairs()[0])
	status, got := asked(t, has, time.Nanosecond, one)
	if len(got.Closed) > 0 || status == http.StatusOK && !strings.HasPrefix(got.Unknown, "there was no time") {
		t.Errorf("without time: got status %d and %+v, want unknown", status, got)
	}
}

func TestAConnectionIsClosedOnceItIsOld(t *testing.T) {
	o, _ := newOpener(t, pairs()[0])
	for age, want := range map[time.Duration]string{time.Minute: "", time.Hour: "close"} {
		ctx := context.WithValue(t.Context(), opened{}, time.Now().Add(-age))
		w := httptest.NewRecorder()
		aging(o.Handler()).ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, opening.Path, strings.NewReader("{}")))
		if got := w.Header().Get("Connection"); got != want || w.Code != http.StatusOK {
			t.Errorf("after %s: got status %d and Connection %q, want it answered, and %q", age, w.Code, got, want)
		}
	}
}

func TestWhatIsNoRequestOfTheWebhooksIsRefused(t *testing.T) {
	o, _ := newOpener(t, pairs()[0])
	for name, test := range map[string]struct {
		method, path, body string
		want               int
	}{
		"another method":      {http.MethodGet, opening.Path, "", http.StatusMethodNotAllowed},
		"what kubeseal asks":  {http.MethodPost, PathVerify, "{}", http.StatusNotFound},
		"the certificate":     {http.MethodGet, PathCert, "", http.StatusNotFound},
		"a body that is none": {http.MethodPost, opening.Path, "none", http.StatusBadRequest},
		"a body without end":  {http.MethodPost, opening.Path, `{"values":[{"label":"` + strings.Repeat("x", opening.MaxBody) + `"}]}`, http.StatusBadRequest},
	} {
		w := httptest.NewRecorder()
		o.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), test.method, test.path, strings.NewReader(test.body)))
		if w.Code != test.want {
			t.Errorf("%s: got status %d, want %d", name, w.Code, test.want)
		}
	}
}
