package google_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/secretgate/secretgate/tests/lab/clouds/google"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/iam"
	store "github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// list lists all pages, and says how many secrets each has, or how the call was refused.
func (l *lab) list(t *testing.T, token, parent, filter string) (pages []string) {
	t.Helper()
	connection, err := grpc.NewClient(l.secured.Listener.Addr().String(), grpc.WithTransportCredentials(l.tls()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
	request := &secretmanagerpb.ListSecretsRequest{Parent: parent, Filter: filter}
	for {
		page, err := secretmanagerpb.NewSecretManagerServiceClient(connection).ListSecrets(ctx, request)
		if err != nil {
			return append(pages, said(err))
		}
		pages = append(pages, fmt.Sprint(len(page.GetSecrets())))
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return pages
		}
	}
}

func TestLists(t *testing.T) {
	l := start(t)
	for i := range 30 {
		labels := map[string]string{"team": fmt.Sprint("t", i%10)}
		for _, location := range []string{"", "europe-west1"} {
			if err := l.PutSecrets("other-project", store.Secret{Name: fmt.Sprint("s", i), String: "x", Labels: labels, Location: location}); err != nil {
				t.Fatal(err)
			}
		}
	}
	may := permission.Allow{Actions: []string{"secretmanager.secrets.list"}, Resources: []string{"projects/other-project"}}
	if err := l.IAM().PutAccount(iam.Account{Email: reader, Permissions: permission.Set{may}}); err != nil {
		t.Fatal(err)
	}
	token, err := l.IAM().Mint(reader, true, l.now)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		parent, filter string
		want           []string
	}{
		"all, in pages":            {"projects/other-project", "", []string{"20", "10"}},
		"by the project's number":  {"projects/77", "labels.team=t3", []string{"3"}},
		"by a text in any case":    {"projects/77", "name:S1", []string{"11"}},
		"by both":                  {"projects/77", "name:s1 AND labels.team=t1", []string{"2"}},
		"by what is no filter":     {"projects/77", "state=x", []string{"InvalidArgument"}},
		"a region without a right": {"projects/77/locations/europe-west1", "", []string{"PermissionDenied IAM_PERMISSION_DENIED"}},
		"a project that is none":   {"projects/none", "", []string{"PermissionDenied CONSUMER_INVALID"}},
		"a parent that is none":    {"folders/1", "", []string{"InvalidArgument"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, l.list(t, token, test.parent, test.filter)); diff != "" {
				t.Errorf("pages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhoMayActAsAServiceAccount(t *testing.T) {
	l := start(t)
	const path = "/v1/projects/-/serviceAccounts/" + reader + ":generateAccessToken"
	if err := l.IAM().PutAccount(iam.Account{Email: other, Permissions: permission.Set{
		{Actions: []string{google.ActAs}, Resources: []string{"projects/-/serviceAccounts/" + reader}},
	}}); err != nil {
		t.Fatal(err)
	}
	token := func(email string) string {
		value, err := l.IAM().Mint(email, true, l.now)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	const body = `{"scope": ["https://www.googleapis.com/auth/cloud-platform"], "lifetime": "3600s"}`
	for name, test := range map[string]struct{ path, body, token, want string }{
		"one that may":           {path, body, token(other), `"accessToken"`},
		"one that may not":       {path, body, token(reader), "PERMISSION_DENIED"},
		"another account":        {strings.Replace(path, reader, other, 1), body, token(other), "PERMISSION_DENIED"},
		"a token that is none":   {path, body, "ya29.planted", "UNAUTHENTICATED"},
		"no scope":               {path, `{"lifetime": "3600s"}`, token(other), "INVALID_ARGUMENT"},
		"a token of a day":       {path, strings.Replace(body, "3600s", "86400s", 1), token(other), "INVALID_ARGUMENT"},
		"another of its methods": {strings.Replace(path, "AccessToken", "IdToken", 1), body, token(other), "NOT_FOUND"},
	} {
		t.Run(name, func(t *testing.T) {
			text, _ := l.send(t, http.MethodPost, test.path, test.body, "Authorization", "Bearer "+test.token)
			if !strings.Contains(text, test.want) {
				t.Errorf("got %s, want %s", text, test.want)
			}
		})
	}
}
