package admit

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// gated answers small reviews at once and large ones when the gate opens, and notes how many bytes of objects it has at a time.
type gated struct {
	Mutator
	slowKind
	arrived chan struct{}
	open    chan struct{}
}

func (g *gated) Handle(ctx context.Context, request admission.Request) admission.Response {
	if n := len(request.Object.Raw); n > smallReview {
		g.enter(n)
		defer g.enter(-n)
		g.arrived <- struct{}{}
		<-g.open
	}
	return g.Mutator.Handle(ctx, request)
}

func reviewOf(namespace string, size int) string {
	return fmt.Sprintf(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u","kind":{"group":"kubernetes-client.io",`+
		`"version":"v1","kind":"ExternalSecret"},"name":"db","namespace":%q,"operation":"CREATE","userInfo":{"username":"eve"},`+
		`"object":{"a":"%s"}}}`, namespace, strings.Repeat("x", size))
}

func post(t *testing.T, url string, body io.Reader) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/mutate?timeout=5s", body)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return response.StatusCode, string(raw)
}

func TestManyLargeReviewsTakeNoMoreThanTheirLaneAndLeaveSmallOnesAlone(t *testing.T) {
	const large, senders = 1 << 20, 30
	l := NewLimiter()
	handler := &gated{Mutator: Mutator{Kinds: externalSecrets}, arrived: make(chan struct{}, senders), open: make(chan struct{})}
	server := httptest.NewServer(NewIntake(l, handler))
	defer server.Close()
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			if status, answer := post(t, server.URL, strings.NewReader(reviewOf("hostile", large))); status != http.StatusOK {
				t.Errorf("a large review is answered %d %s", status, answer)
			}
		})
	}
	for range largeReviews / (large + 1<<10) { // until the lane is full
		<-handler.arrived
	}
	status, answer := post(t, server.URL, strings.NewReader(reviewOf("healthy", 5<<10)))
	if status != http.StatusOK || !strings.Contains(answer, `"allowed":true`) {
		t.Errorf("a small review meanwhile is answered %d %s", status, answer)
	}
	close(handler.open)
	all.Wait()
	if handler.most > largeReviews {
		t.Errorf("%d bytes of large reviews at a time, want %d at most", handler.most, largeReviews)
	}
	server.Close()
	if used := l.reviews.large.used + l.reviews.small.used; used != 0 {
		t.Errorf("%d bytes are still taken in the end", used)
	}
}

func TestReviewsAreRefusedWithASentence(t *testing.T) {
	const tooMuch = "the review has 3301 KiB, and no more than 3200 KiB are judged, with objects of 1536 KiB at most, as etcd stores no more: " +
		"make several objects of it"
	large := reviewOf("core", 3300<<10)
	for name, test := range map[string]struct {
		handler Handler
		body    io.Reader
		status  int
		want    string
	}{
		"one that is too large, as a review": {
			&Validator{}, strings.NewReader(large), http.StatusOK, `"allowed":false,"status":{"metadata":{},"status":"Failure","message":"` + tooMuch + `"`,
		},
		"one of a namespace that is too large is let pass": {
			&NamespaceValidator{}, strings.NewReader(large), http.StatusOK, `lets them pass: ` + tooMuch,
		},
		"one without a uid, as text": {
			&Validator{}, strings.NewReader(strings.Repeat("x", 3300<<10)), http.StatusRequestEntityTooLarge, "and no more than 3200 KiB are judged",
		},
		"one whose length is not told": {
			&Validator{}, io.MultiReader(strings.NewReader("{}")), http.StatusLengthRequired, "an AdmissionReview without a Content-Length is not read",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(NewIntake(NewLimiter(), test.handler))
			defer server.Close()
			status, answer := post(t, server.URL, test.body)
			if status != test.status || !strings.Contains(answer, test.want) {
				t.Errorf("got %d %s, want %d %s", status, answer, test.status, test.want)
			}
		})
	}
}

func TestOutlinesOfAReview(t *testing.T) {
	whole := admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "u", Kind: metav1.GroupVersionKind{Group: "g", Version: "v", Kind: "K"}, Resource: metav1.GroupVersionResource{Resource: "ks"},
			Name: "db", Namespace: "core", Operation: admissionv1.Update, UserInfo: authenticationv1.UserInfo{Username: "eve"},
			Object: runtime.RawExtension{Raw: []byte(`{"namespace":"other"}`)},
		},
	}
	outlines := *whole.Request
	outlines.Resource, outlines.Object = metav1.GroupVersionResource{}, runtime.RawExtension{}
	text := string(asJSON(t, whole))
	before, _, _ := strings.Cut(text, `"object"`)
	for name, test := range map[string]struct {
		head string
		want admissionv1.AdmissionRequest
	}{
		"a whole one":              {text, outlines},
		"one that breaks off":      {before + `"object":{"a":"xx`, outlines},
		"what comes after":         {`{"a":[1,{}],"request":{"b":{},"uid":"u"}}`, admissionv1.AdmissionRequest{UID: "u"}},
		"what is below the object": {`{"request":{"object":{"uid":"x"},"uid":"y"}}`, admissionv1.AdmissionRequest{}},
		"no object":                {`[{"request":{"uid":"u"}}]`, admissionv1.AdmissionRequest{}},
		"a uid that is no text":    {`{"request":{"uid":1,"namespace":"core"}}`, admissionv1.AdmissionRequest{}},
		"no request":               {`{"request":null}`, admissionv1.AdmissionRequest{}},
		"no JSON":                  {`xxxx`, admissionv1.AdmissionRequest{}},
		"nothing":                  {``, admissionv1.AdmissionRequest{}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, outlinesOf(bytes.Clone([]byte(test.head)))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
