package awsparameterstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// page is an answer to GetParametersByPath: a parameter, and where to go on.
type page struct {
	name, value, next string
	copies            int  // more than one of the parameter
	refused           bool // the session has ended
}

// walk walks what a server says, which is asked with the tokens of its pages.
func walk(t *testing.T, answer func(token string) page) ([]driver.Value, error) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t", "AWS_PROFILE": "", "AWS_ENDPOINT_URL": "",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none",
	} {
		t.Setenv(name, value)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ NextToken string }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		p := answer(asked.NextToken)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if p.refused {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `{"__type":"ExpiredTokenException"}`)
			return
		}
		parameter := fmt.Sprintf(`{"Name":%q,"Value":%q,"Version":1}`, p.name, p.value)
		_, _ = fmt.Fprintf(w, `{"Parameters":[%s%s],"NextToken":%q}`, strings.Repeat(parameter+",", max(0, p.copies-1)), parameter, p.next)
	}))
	t.Cleanup(server.Close)
	d, err := New(Config{Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return d.Walk(t.Context(), plan.Store{Location: "eu-west-1"}, plan.Read{Key: "/a", Path: true})
}

func TestAWalkWithoutEndIsGivenUp(t *testing.T) {
	for name, test := range map[string]struct {
		value  string
		copies int // of a page's parameter
		want   int // pages until it is given up
	}{
		"of large values": {strings.Repeat("x", 1<<20), 1, 16},
		"of empty ones":   {"", 50_000, 4},
	} {
		t.Run(name, func(t *testing.T) {
			pages := 0
			found, err := walk(t, func(string) page {
				pages++
				if pages > 2*test.want {
					return page{refused: true} // it must have been given up by now
				}
				return page{name: fmt.Sprint("/a/", pages), value: test.value, next: fmt.Sprint(pages), copies: test.copies}
			})
			if !errors.Is(err, errTooMuch) || found != nil || pages != test.want {
				t.Errorf("got %d values and the error %v after %d pages, want none after %d", len(found), err, pages, test.want)
			}
		})
	}
}

func TestAWalkWhoseSessionEndsBeginsAnew(t *testing.T) {
	ended := false
	found, err := walk(t, func(token string) page {
		switch {
		case token == "":
			return page{name: "/a/1", value: "first", next: "more"}
		case !ended:
			ended = true
			return page{refused: true}
		}
		return page{name: "/a/2", value: "second"}
	})
	want := []driver.Value{{Name: "/a/1", Data: []byte("first"), Version: "1"}, {Name: "/a/2", Data: []byte("second"), Version: "1"}}
	if diff := cmp.Diff(want, found); diff != "" || err != nil {
		t.Errorf("error %v, values (-want +got):\n%s", err, diff)
	}
}
