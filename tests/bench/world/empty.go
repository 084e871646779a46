package world

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/secretgate/secretgate/tests/harness"
)

// empty is a webhook that permits all and looks at nothing: what it adds to a write is the API server's price of asking.
type empty struct {
	server *httptest.Server
	mu     sync.Mutex
	asked  map[string]bool // the paths, since forget
}

func newEmpty() *empty {
	e := &empty{asked: map[string]bool{}}
	e.server = httptest.NewTLSServer(e)
	return e
}

// ServeHTTP answers one AdmissionReview.
func (e *empty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	e.asked[r.URL.Path] = true
	e.mu.Unlock()
	var review struct {
		Request struct {
			UID string `json:"uid"`
		} `json:"request"`
	}
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", harness.JSON)
	_ = json.NewEncoder(w).Encode(map[string]any{ // whom it does not reach asks again
		"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
		"response": map[string]any{"uid": review.Request.UID, "allowed": true},
	})
}

func (e *empty) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.asked)
}

// wasAsked reports whether both webhooks were asked since forget.
func (e *empty) wasAsked() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked["/mutate"] && e.asked["/validate"]
}

// ca is its certificate, as PEM.
func (e *empty) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.server.Certificate().Raw})
}
