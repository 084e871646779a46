// Package sts emulates AWS Security Token Service: AssumeRole, AssumeRoleWithWebIdentity and
// GetCallerIdentity, as the STS API Reference describes them. Session policies and MFA are not emulated and are refused, since ignoring
// them would widen what a session may do.
package sts

import (
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
)

// Service is STS over a directory of identities.
type Service struct {
	Directory *iam.Directory
}

// Has reports whether the operation is emulated.
func (s *Service) Has(name string) bool {
	return name == "AssumeRole" || name == "GetCallerIdentity" || Anonymous(name)
}

// Anonymous reports whether the operation takes no signature.
func Anonymous(name string) bool { return name == "AssumeRoleWithWebIdentity" }

// Handle runs an operation and returns its result, to be written as XML, or an *api.Error.
func (s *Service) Handle(call api.Call, name string, form url.Values) (any, error) {
	switch name {
	case "AssumeRole":
		return s.assumeRole(call, form)
	case "AssumeRoleWithWebIdentity":
		return s.assumeRoleWithWebIdentity(call, form)
	default:
		return callerIdentity{Arn: call.Caller.ARN, UserID: call.Caller.UserID, Account: call.Caller.Account}, nil
	}
}

type callerIdentity struct {
	Arn     string
	UserID  string `xml:"UserId"`
	Account string
}

type credentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      string
}

type assumedRoleUser struct {
	AssumedRoleID string `xml:"AssumedRoleId"`
	Arn           string
}

type assumedRole struct {
	Credentials     credentials
	AssumedRoleUser assumedRoleUser

	// The rest is of AssumeRoleWithWebIdentity only.
	SubjectFromWebIdentityToken string `xml:",omitempty"`
	Audience                    string `xml:",omitempty"`
	Provider                    string `xml:",omitempty"`
}

// request is what both ways to assume a role ask for.
type request struct {
	roleARN    string
	name       string
	duration   time.Duration
	externalID string
	tags       map[string]string
	transitive []string // keys of tags
}

var externalIDForm = regexp.MustCompile(`^[\w+=,.@:/-]{2,}$`) // 1,224 characters at most

var sessionNameForm = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{2,64}$`)

// parse judges the parameters that need no knowledge of identities.
func parse(form url.Values) (request, error) {
	for _, name := range []string{"Policy", "PolicyArns.member.1.arn", "SerialNumber", "TokenCode"} {
		if form.Has(name) {
			return request{}, api.Errorf("ValidationError", "This emulator does not support %s.", name)
		}
	}
	in := request{roleARN: form.Get("RoleArn"), name: form.Get("RoleSessionName"), externalID: form.Get("ExternalId"), duration: time.Hour}
	if len(in.roleARN) < 20 || len(in.roleARN) > 2048 {
		return request{}, invalid("roleArn", in.roleARN, "Member must have length between 20 and 2048")
	}
	if !sessionNameForm.MatchString(in.name) {
		return request{}, invalid("roleSessionName", in.name, `Member must satisfy regular expression pattern: [\w+=,.@-]{2,64}`)
	}
	if form.Has("ExternalId") && (!externalIDForm.MatchString(in.externalID) || len(in.externalID) > 1224) {
		return request{}, invalid("externalId", in.externalID, `Member must satisfy regular expression pattern: [\w+=,.@:\/-]{2,1224}`)
	}
	if text := form.Get("DurationSeconds"); text != "" {
		seconds, err := strconv.Atoi(text)
		switch {
		case err != nil:
			return request{}, api.Errorf("MalformedInput", "DurationSeconds is not an integer.")
		case seconds < 900:
			return request{}, invalid("durationSeconds", text, "Member must have value greater than or equal to 900")
		case seconds > 43200:
			return request{}, invalid("durationSeconds", text, "Member must have value less than or equal to 43200")
		}
		in.duration = time.Duration(seconds) * time.Second
	}
	var err error
	if in.tags, err = sessionTags(form); err != nil {
		return request{}, err
	}
	in.transitive, err = transitiveKeys(form, in.tags)
	return in, err
}

func (s *Service) assumeRole(call api.Call, form url.Values) (any, error) {
	in, err := parse(form)
	if err != nil {
		return nil, err
	}
	role, ok := s.Directory.Role(in.roleARN)
	if !ok || !iam.MayAssume(call.Caller, role, in.tags, in.externalID) {
		// One answer for both, as on AWS: a stranger does not learn which roles exist.
		return nil, denied("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", call.Caller.ARN, in.roleARN)
	}
	if err := in.inherit(call.Caller); err != nil {
		return nil, err
	}
	if len(in.tags) > 0 && !iam.MayTag(call.Caller, role) {
		return nil, denied("User: %s is not authorized to perform: sts:TagSession on resource: %s", call.Caller.ARN, in.roleARN)
	}
	if call.Caller.Session && in.duration > time.Hour {
		return nil, api.Errorf("ValidationError",
			"The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	return s.start(call, role, in)
}

// start makes the session.
func (s *Service) start(call api.Call, role iam.Role, in request) (assumedRole, error) {
	if in.duration > role.MaxSession() {
		return assumedRole{}, api.Errorf("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	// Whole seconds, since the answer tells no more.
	expiration := call.Now.Add(in.duration).UTC().Truncate(time.Second)
	c, err := s.Directory.StartSession(role.ARN, iam.Session{
		Name: in.name, Tags: in.tags, Transitive: in.transitive, Expiration: expiration,
	}, call.Now)
	if err != nil {
		return assumedRole{}, denied("%v", err)
	}
	return assumedRole{
		Credentials: credentials{
			AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
			Expiration: expiration.Format(time.RFC3339),
		},
		AssumedRoleUser: assumedRoleUser{AssumedRoleID: c.Caller.UserID, Arn: c.Caller.ARN},
	}, nil
}

func denied(format string, args ...any) error {
	err := api.Errorf("AccessDenied", format, args...)
	err.Status = 403
	return err
}

func invalid(member, value, constraint string) error {
	return api.Errorf("ValidationError", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value,
		member, constraint)
}
