package iam

import (
	"testing"

	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

func TestMayAssume(t *testing.T) {
	const (
		user    = "arn:aws:iam::111111111111:user/a"
		role    = "arn:aws:iam::111111111111:role/r"
		foreign = "arn:aws:iam::222222222222:role/r"
	)
	may := permission.Set{{Actions: []string{"sts:AssumeRole"}, Resources: []string{"*"}}}
	for _, tc := range []struct {
		name        string
		permissions permission.Set
		role        string
		trust       []string
		want        bool
	}{
		{"a caller whom the role names needs nothing more in its own account", nil, role, []string{user}, true},
		{"a caller whom the role does not name is refused, whatever its permissions", may, role, []string{user + "b"}, false},
		{"a role without trust is refused", may, role, nil, false},
		{"trust in the whole account needs the caller's permission", nil, role, []string{"arn:aws:iam::111111111111:root"}, false},
		{"trust in the whole account with the caller's permission is enough", may, role, []string{"arn:aws:iam::111111111111:root"}, true},
		{"a role of another account needs the caller's permission too", nil, foreign, []string{user}, false},
		{"a role of another account with the caller's permission is enough", may, foreign, []string{user}, true},
		{"trust in another account's root is not in this caller", may, role, []string{"arn:aws:iam::222222222222:root"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			caller := Caller{ARN: user, Principal: user, Account: "111111111111", Permissions: tc.permissions}
			if got := MayAssume(caller, Role{ARN: tc.role, Trust: tc.trust}, nil, ""); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestASessionIsTrustedAsItselfAndAsItsRole(t *testing.T) {
	session := Caller{
		ARN: "arn:aws:sts::111111111111:assumed-role/a/s", Principal: "arn:aws:iam::111111111111:role/a", Account: "111111111111", Session: true,
	}
	for _, trusted := range []string{session.ARN, session.Principal} {
		if !MayAssume(session, Role{ARN: "arn:aws:iam::111111111111:role/r", Trust: []string{trusted}}, nil, "") {
			t.Errorf("trust in %s does not take the session", trusted)
		}
	}
}

func TestIdentitiesThatMakeNoSenseAreRefused(t *testing.T) {
	for name, put := range map[string]func(*Directory) error{
		"a user without an ARN": func(d *Directory) error { _, err := d.PutUser(User{}); return err },
		"a role's ARN for a user": func(d *Directory) error {
			_, err := d.PutUser(User{ARN: "arn:aws:iam::111111111111:role/a"})
			return err
		},
		"half an access key": func(d *Directory) error {
			_, err := d.PutUser(User{ARN: "arn:aws:iam::111111111111:user/a", AccessKeyID: "AKIA"})
			return err
		},
		"a role without a name":     func(d *Directory) error { return d.PutRole(Role{ARN: "arn:aws:iam::111111111111:role/"}) },
		"a role of a short account": func(d *Directory) error { return d.PutRole(Role{ARN: "arn:aws:iam::1:role/a"}) },
		"a role of a minute": func(d *Directory) error {
			return d.PutRole(Role{ARN: "arn:aws:iam::111111111111:role/a", MaxSessionSeconds: 60})
		},
		"a provider without keys": func(d *Directory) error {
			return d.PutProvider(Provider{Issuer: "https://i", Audiences: []string{"a"}})
		},
		"the removal of an unknown user": func(d *Directory) error { return d.Remove("arn:aws:iam::111111111111:user/a") },
		"another user's access key": func(d *Directory) error {
			first, err := d.PutUser(User{ARN: "arn:aws:iam::111111111111:user/first"})
			if err != nil {
				panic(err)
			}
			first.ARN = "arn:aws:iam::111111111111:user/second"
			_, err = d.PutUser(first)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if put(&Directory{}) == nil {
				t.Error("it was accepted")
			}
		})
	}
}
