package awssession

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

var (
	key     = plan.Credential{Kind: plan.SecretCredential, Namespace: "core", Name: "key", Key: "secret"}
	keyName = plan.Credential{Kind: plan.SecretCredential, Namespace: "core", Name: "key", Key: "id"}
	account = plan.Credential{Kind: plan.AccountCredential, Namespace: "core", Name: "reader"}
)

// path lists the roles on the way from a Store's proof to its reads, the first of which is that of a ServiceAccount.
func path(id identity) []string {
	if id.role == "" {
		return []string{id.proof.account}
	}
	return append(path(id.by()), id.role)
}

func TestTheWayFromACredentialToTheRoleThatReads(t *testing.T) {
	for name, test := range map[string]struct {
		store plan.Store
		want  []string
	}{
		"an access key reads itself":                {plan.Store{Credential: key, Login: plan.Login{Identifier: keyName}}, []string{""}},
		"or as a role":                              {plan.Store{Credential: key, Role: "r", Login: plan.Login{Identifier: keyName}}, []string{"", "r"}},
		"or after others":                           {plan.Store{Credential: key, Role: "r", Login: plan.Login{Identifier: keyName, Chain: "a\nb"}}, []string{"", "a", "b", "r"}},
		"a ServiceAccount reads as its own role":    {plan.Store{Credential: account, Login: plan.Login{Account: "own"}}, []string{"own"}},
		"which is the Store's, if it has but one":   {plan.Store{Credential: account, Role: "r"}, []string{"r"}},
		"or as the Store's, by its own":             {plan.Store{Credential: account, Role: "r", Login: plan.Login{Account: "own"}}, []string{"own", "r"}},
		"or by others":                              {plan.Store{Credential: account, Login: plan.Login{Account: "own", Chain: "a\nb"}}, []string{"own", "a", "b"}},
		"the syncer itself begins with the hop":     {plan.Store{Role: "r"}, []string{"", "hop", "r"}},
		"and goes on by the Store's chain":          {plan.Store{Role: "r", Login: plan.Login{Chain: "a"}}, []string{"", "hop", "a", "r"}},
		"which may begin with the hop, too":         {plan.Store{Role: "r", Login: plan.Login{Chain: "hop\na"}}, []string{"", "hop", "a", "r"}},
		"the hop is none of a Store's own identity": {plan.Store{Credential: account, Role: "r", Login: plan.Login{Account: "own", Chain: "a"}}, []string{"own", "a", "r"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Sessions{config: Config{IntermediateRoleARN: "hop"}}
			id, err := s.identity(test.store)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, path(id)); diff != "" {
				t.Errorf("roles (-want +got):\n%s", diff)
			}
		})
	}
}

// Only the last role is assumed with what the Store says of it: the others may not accept that.
func TestOnlyTheLastRoleIsAssumedWithTheOptions(t *testing.T) {
	with := plan.Login{Account: "own", Chain: "a", ExternalID: "e", Tags: "k=v\nempty=", Transitive: "k"}
	id, err := (&Sessions{}).identity(plan.Store{Credential: account, Role: "r", Login: with, Tenant: plan.Tenant{Namespace: "core"}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, tag := range id.sessionTags() {
		got[*tag.Key] = *tag.Value
	}
	if diff := cmp.Diff(map[string]string{"k": "v", "empty": "", "secretgate:namespace": "core"}, got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	for before := id.by(); ; before = before.by() {
		if before.options != (options{}) {
			t.Errorf("role %q is assumed with %+v, want with nothing", before.role, before.options)
		}
		if before.role == "" {
			return
		}
	}
}

// A session that two Stores share lets one read as the other. Each part of a Store that a login makes use of is changed in turn.
func TestStoresThatDifferShareNoSession(t *testing.T) {
	first := plan.Store{
		Location: "eu-west-1", Role: "r", Credential: account,
		Login:  plan.Login{Account: "own", Chain: "a", ExternalID: "e", Tags: "k=v\nl=w", Transitive: "k", RoleFrom: plan.Credential{Kind: plan.AnnotationCredential}},
		Tenant: plan.Tenant{Namespace: "core", Name: "db"},
	}
	withKey := first
	withKey.Credential = key
	withKey.Login = plan.Login{Identifier: keyName, Session: keyName, Chain: "a", ExternalID: "e", Tags: "k=v\nl=w", Transitive: "k"}
	own := plan.Store{Location: "eu-west-1", Role: "r", Login: plan.Login{Chain: "a", ExternalID: "e", Tags: "k=v\nl=w", Transitive: "k"}}
	s, tried := &Sessions{}, map[string]bool{}
	for _, store := range []plan.Store{first, withKey, own} {
		want, err := s.identity(store)
		if err != nil {
			t.Fatal(err)
		}
		each(reflect.ValueOf(&store).Elem(), "", func(field string) {
			got, err := s.identity(store)
			switch {
			case checkStore(store) != nil || err != nil:
				return // refused, and so not shared
			case store.Credential.Kind == plan.OwnCredential && strings.HasPrefix(field, "Credential."):
				return // the syncer has but one
			case got == want && field != "Backend" && field != "Container" && field != "Mount":
				t.Errorf("%s may differ, and the session is the same", field)
			}
			tried[field] = true
		})
	}
	for _, field := range []string{
		"Location", "Role", "Credential.Namespace", "Credential.Name", "Credential.Key", "Credential.Audiences", "Login.Account", "Login.Chain",
		"Login.ExternalID", "Login.RoleFrom.Name", "Login.Identifier.Key", "Login.Session.Key", "Tenant.Namespace", "Tenant.Name",
	} {
		if !tried[field] {
			t.Errorf("%s was not tried", field)
		}
	}
}

// each changes each field of a structure, does something, and changes it back.
func each(of reflect.Value, name string, do func(field string)) {
	for i := range of.NumField() {
		part, field := of.Field(i), strings.TrimPrefix(name+"."+of.Type().Field(i).Name, ".")
		switch part.Kind() {
		case reflect.Struct:
			each(part, field, do)
		case reflect.Bool:
			part.SetBool(!part.Bool())
			do(field)
			part.SetBool(!part.Bool())
		default:
			before := part.String()
			part.SetString(before + "x")
			do(field)
			part.SetString(before)
		}
	}
}

func TestStoresThatNoLoginCanBeMadeOf(t *testing.T) {
	for name, test := range map[string]struct {
		store plan.Store
		want  error
	}{
		"an access key without its id":                 {plan.Store{Credential: key}, awserror.ErrHalfKey},
		"an id that is in no Secret":                   {plan.Store{Credential: key, Login: plan.Login{Identifier: account}}, awserror.ErrHalfKey},
		"a session token that is in no Secret":         {plan.Store{Credential: key, Login: plan.Login{Identifier: keyName, Session: account}}, awserror.ErrHalfKey},
		"a ServiceAccount without a role":              {plan.Store{Credential: account}, awserror.ErrNoAccountRole},
		"one with several, none of which is its own":   {plan.Store{Credential: account, Role: "r", Login: plan.Login{Chain: "a"}}, awserror.ErrNoAccountRole},
		"an external id without a role":                {plan.Store{Credential: account, Login: plan.Login{Account: "own", ExternalID: "e"}}, awserror.ErrOptionsWithoutRole},
		"tags without a role":                          {plan.Store{Login: plan.Login{Tags: "a=b"}}, awserror.ErrOptionsWithoutRole},
		"a tenant of an access key without a role":     {plan.Store{Credential: key, Login: plan.Login{Identifier: keyName}, Tenant: plan.Tenant{Namespace: "n"}}, awserror.ErrNoRoleOfStore},
		"a tenant of a ServiceAccount without another": {plan.Store{Credential: account, Role: "r", Tenant: plan.Tenant{Namespace: "n"}}, awserror.ErrNoRoleOfStore},
		"a tag that is the syncer's to give":           {plan.Store{Role: "r", Login: plan.Login{Tags: "a=b\nSecretgate:Namespace=other"}}, awserror.ErrReservedTag},
		"a tag without a key":                          {plan.Store{Role: "r", Login: plan.Login{Tags: "=b"}}, awserror.ErrReservedTag},
		"a transitive tag that there is not":           {plan.Store{Role: "r", Login: plan.Login{Tags: "a=b", Transitive: "c"}}, awserror.ErrTransitive},
		"a tenant's tag that is to be handed on":       {plan.Store{Role: "r", Login: plan.Login{Tags: "a=b", Transitive: "secretgate:namespace"}}, awserror.ErrTransitive},
		"a chain without end":                          {plan.Store{Role: "r", Login: plan.Login{Chain: plan.ListOf(strings.Split(strings.Repeat("r,", 10)+"r", ",")...)}}, awserror.ErrLongChain},
		"what is in the cluster, for a syncer without": {plan.Store{Credential: key, Login: plan.Login{Identifier: keyName}}, awserror.ErrNoCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			asUser(t)
			s, err := New(Config{})
			if err != nil {
				t.Fatal(err)
			}
			test.store.Location = "eu-west-1"
			err = s.Do(t.Context(), test.store, func(aws.CredentialsProvider) error {
				t.Error("a call is made")
				return nil
			})
			if !errors.Is(err, test.want) || awserror.Classify(err) != driver.Invalid {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestPartsOfALoginThatAreNoneOfItsKind(t *testing.T) {
	for name, test := range map[string]struct {
		store plan.Store
		want  string // what the store has, according to the message
	}{
		"an id of the syncer's own identity":     {plan.Store{Login: plan.Login{Identifier: keyName}}, "an identifier"},
		"a ServiceAccount's role for the syncer": {plan.Store{Login: plan.Login{Account: "own"}}, "a role of its ServiceAccount"},
		"an annotation beside an access key":     {plan.Store{Credential: key, Login: plan.Login{Identifier: keyName, RoleFrom: account}}, "an annotation with a role"},
		"a session token of a ServiceAccount":    {plan.Store{Credential: account, Role: "r", Login: plan.Login{Session: key}}, "a session token"},
		"a directory":                            {plan.Store{Login: plan.Login{Directory: "d"}}, "a directory"},
		"an installed credential":                {plan.Store{Credential: plan.Credential{Kind: plan.InstalledCredential, Name: "n"}}, "a credential"},
	} {
		t.Run(name, func(t *testing.T) {
			test.store.Location = "eu-west-1"
			err := (&Sessions{}).Do(t.Context(), test.store, nil)
			want := "the store has " + test.want + " of its own, with which the syncer cannot read this backend"
			if err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}
