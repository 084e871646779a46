package aws_test

import (
	"fmt"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	params "github.com/secretgate/secretgate/tests/lab/clouds/aws/ssm"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

const (
	parameterARN = "arn:aws:ssm:eu-west-1:123456789012:parameter"
	keyARN       = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-90ab-cdef-fedc-ba9876543210"
)

// ssm makes a client; nil credentials mean the lab's user. Nothing is retried.
func (l *lab) ssm(c awssdk.CredentialsProvider, change ...func(*ssm.Options)) *ssm.Client {
	if c == nil {
		c = l.user()
	}
	return ssm.New(ssm.Options{Region: region, BaseEndpoint: &l.url, Credentials: c, Retryer: awssdk.NopRetryer{}}, change...)
}

func (l *lab) putParameters(parameters ...params.Parameter) {
	l.t.Helper()
	if err := l.AWS().PutParameters(region, parameters...); err != nil {
		l.t.Fatal(err)
	}
}

func getParameter(c *ssm.Client, name string) (*ssm.GetParameterOutput, error) {
	return c.GetParameter(background, &ssm.GetParameterInput{Name: &name, WithDecryption: awssdk.Bool(true)})
}

// parametersLab has /dev/db with three versions, two of them labelled, a list, and a name without slashes.
func parametersLab(t *testing.T) *lab {
	l := newLab(t)
	l.putParameters(
		params.Parameter{Name: "/dev/db", Value: "1", Labels: []string{"old", "moves"}},
		params.Parameter{Name: "/dev/db", Value: "2", Labels: []string{"moves"}},
		params.Parameter{Name: "/dev/db", Value: "3"},
		params.Parameter{Name: "/dev/list", Value: "a,b", Type: "StringList"},
		params.Parameter{Name: "plain", Value: "p", Type: "String"},
		params.Parameter{Name: "/own/key", Value: "k", KeyID: keyARN},
	)
	return l
}

func TestParametersAreReadByNameVersionAndLabel(t *testing.T) {
	l := parametersLab(t)
	client := l.ssm(nil)
	for name, tc := range map[string]struct{ id, want, code, says string }{
		"the newest":                         {id: "/dev/db", want: "/dev/db 3 SecureString 3"},
		"a version":                          {id: "/dev/db:2", want: "/dev/db:2 2 SecureString 2"},
		"a label":                            {id: "/dev/db:old", want: "/dev/db:old 1 SecureString 1"},
		"a label that has moved":             {id: "/dev/db:moves", want: "/dev/db:moves 2 SecureString 2"},
		"an ARN":                             {id: parameterARN + "/dev/db", want: "/dev/db 3 SecureString 3"},
		"an ARN with a version":              {id: parameterARN + "/dev/db:1", want: "/dev/db:1 1 SecureString 1"},
		"the ARN of a name without slashes":  {id: parameterARN + "/plain", want: "plain 1 String p"},
		"a list":                             {id: "/dev/list", want: "/dev/list 1 StringList a,b"},
		"a key of one's own":                 {id: "/own/key", want: "/own/key 1 SecureString k"},
		"no such parameter":                  {id: "/dev/none", code: "ParameterNotFound"},
		"no such version":                    {id: "/dev/db:4", code: "ParameterVersionNotFound", says: "version 4 of /dev/db"},
		"no such label":                      {id: "/dev/db:none", code: "ParameterVersionNotFound", says: "version none of /dev/db"},
		"another account's ARN":              {id: strings.Replace(parameterARN, "123", "321", 1) + "/dev/db", code: "ParameterNotFound"},
		"a name that is not fully qualified": {id: "dev/db", code: "ValidationException", says: "fully qualified name"},
		"a name of AWS's own":                {id: "/AWS/x", code: "ValidationException", says: "can't be prefixed"},
		"a name with a blank":                {id: "/a b", code: "ValidationException", says: "Invalid parameter name"},
		"a name of 16 levels":                {id: strings.Repeat("/a", 16), code: "HierarchyLevelLimitExceededException"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := getParameter(client, tc.id)
			if tc.code != "" {
				wantError(t, err, tc.code, tc.says)
				return
			}
			ok(t, err)
			p := out.Parameter
			got := fmt.Sprint(*p.Name, awssdk.ToString(p.Selector), " ", p.Version, " ", p.Type, " ", *p.Value)
			if got != tc.want || *p.ARN != parameterARN+"/"+strings.TrimPrefix(*p.Name, "/") {
				t.Errorf("got %s (%s), want %s", got, *p.ARN, tc.want)
			}
		})
	}
	sealed, err := client.GetParameter(background, &ssm.GetParameterInput{Name: awssdk.String("/dev/db")})
	ok(t, err)
	if len(*sealed.Parameter.Value) < 64 {
		t.Error("without WithDecryption the value is not a ciphertext")
	}
}

func TestParametersInBatches(t *testing.T) {
	l := parametersLab(t)
	batch := func(c *ssm.Client, names ...string) (*ssm.GetParametersOutput, error) {
		return c.GetParameters(background, &ssm.GetParametersInput{Names: names, WithDecryption: awssdk.Bool(true)})
	}
	out, err := batch(l.ssm(nil), "plain", "/dev/none", "/dev/db:old", "/dev/db:9", parameterARN+"/dev/list")
	ok(t, err)
	var got []string
	for _, p := range out.Parameters {
		got = append(got, *p.Name+awssdk.ToString(p.Selector)+"="+*p.Value)
	}
	if diff := cmp.Diff([]string{"/dev/db:old=1", "/dev/list=a,b", "plain=p"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/dev/none", "/dev/db:9"}, out.InvalidParameters); diff != "" {
		t.Error(diff)
	}
	_, err = batch(l.ssm(nil), strings.Split(strings.Repeat(",/dev/db", 11)[1:], ",")...)
	wantError(t, err, "ValidationException", "between 1 and 10")
	some := l.as("some", permission.Set{{Actions: []string{"ssm:GetParameters"}, Resources: []string{parameterARN + "/dev/*"}}})
	_, err = batch(l.ssm(some), "/dev/db", "/own/key")
	wantError(t, err, "AccessDeniedException", "not authorized to perform: ssm:GetParameters on resource: "+parameterARN+"/own/key")
	_, err = batch(l.ssm(l.assume(aws.NoBatchRoleARN)), "/dev/db")
	wantError(t, err, "AccessDeniedException", "ssm:GetParameters")
}

func TestParametersByPath(t *testing.T) {
	l := newLab(t)
	for i := range 12 {
		l.putParameters(params.Parameter{Name: fmt.Sprintf("/app/%02d", i), Value: "v"})
	}
	l.putParameters(params.Parameter{Name: "/app/sub/x", Value: "v"}, params.Parameter{Name: "/apple", Value: "v"}, params.Parameter{Name: "app", Value: "v"})
	walk := func(c *ssm.Client, in ssm.GetParametersByPathInput) ([]int, error) {
		var sizes []int
		pages := ssm.NewGetParametersByPathPaginator(c, &in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(background)
			if err != nil {
				return nil, err
			}
			sizes = append(sizes, len(page.Parameters))
		}
		return sizes, nil
	}
	below := l.as("below", permission.Set{{Actions: []string{"ssm:GetParametersByPath"}, Resources: []string{parameterARN + "/app/*"}}})
	for name, tc := range map[string]struct {
		in         ssm.GetParametersByPathInput
		as         awssdk.CredentialsProvider
		want       []int
		code, says string
	}{
		"one level, in pages of ten":   {in: ssm.GetParametersByPathInput{Path: awssdk.String("/app")}, want: []int{10, 2}},
		"with a slash at the end":      {in: ssm.GetParametersByPathInput{Path: awssdk.String("/app/")}, want: []int{10, 2}},
		"all levels, in pages of five": {in: ssm.GetParametersByPathInput{Path: awssdk.String("/app"), Recursive: awssdk.Bool(true), MaxResults: awssdk.Int32(5)}, want: []int{5, 5, 3}},
		"everything that has a path":   {in: ssm.GetParametersByPathInput{Path: awssdk.String("/"), Recursive: awssdk.Bool(true)}, want: []int{10, 4}},
		"a path without parameters":    {in: ssm.GetParametersByPathInput{Path: awssdk.String("/none")}, want: []int{0}},
		"a path that is none":          {in: ssm.GetParametersByPathInput{Path: awssdk.String("app")}, code: "ValidationException", says: "forward slash"},
		"too large a page":             {in: ssm.GetParametersByPathInput{Path: awssdk.String("/app"), MaxResults: awssdk.Int32(11)}, code: "ValidationException", says: "between 1 and 10"},
		"a token that was never issued": {in: ssm.GetParametersByPathInput{Path: awssdk.String("/app"), NextToken: awssdk.String("x")},
			code: "InvalidNextToken"},
		"a right on what is below the path does not cover it": {in: ssm.GetParametersByPathInput{Path: awssdk.String("/app")}, as: below,
			code: "AccessDeniedException", says: "ssm:GetParametersByPath on resource: " + parameterARN + "/app because"},
		"unless the path ends in a slash": {in: ssm.GetParametersByPathInput{Path: awssdk.String("/app/")}, as: below, want: []int{10, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := walk(l.ssm(tc.as), tc.in)
			if tc.code != "" {
				wantError(t, err, tc.code, tc.says)
				return
			}
			ok(t, err)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("pages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParametersAreWritten(t *testing.T) {
	l := newLab(t)
	client := l.ssm(nil)
	put := func(in ssm.PutParameterInput) (int64, error) {
		out, err := client.PutParameter(background, &in)
		if err != nil {
			return 0, err
		}
		return out.Version, nil
	}
	name := awssdk.String("/dev/db")
	_, err := put(ssm.PutParameterInput{Name: name, Value: awssdk.String("1"), Type: types.ParameterTypeSecureString})
	ok(t, err)
	_, err = put(ssm.PutParameterInput{Name: name, Value: awssdk.String("2")})
	wantError(t, err, "ParameterAlreadyExists", "overwrite")
	version, err := put(ssm.PutParameterInput{Name: name, Value: awssdk.String("2"), Overwrite: awssdk.Bool(true)})
	ok(t, err)
	if version != 2 {
		t.Errorf("version %d, want 2", version)
	}
	for _, in := range []ssm.PutParameterInput{
		{Name: awssdk.String("/a"), Value: awssdk.String("x")},
		{Name: awssdk.String("/a"), Value: awssdk.String(strings.Repeat("x", 4097)), Type: types.ParameterTypeString},
		{Name: awssdk.String("/a"), Value: awssdk.String(strings.Repeat("x", 8193)), Type: types.ParameterTypeString, Tier: types.ParameterTierAdvanced},
		{Name: awssdk.String("/a"), Value: awssdk.String("x"), Type: types.ParameterTypeString, KeyId: awssdk.String(keyARN)},
	} {
		_, err := put(in)
		wantError(t, err, "ValidationException", "")
	}
	labelled, err := client.LabelParameterVersion(background, &ssm.LabelParameterVersionInput{Name: name, Labels: []string{"good", "1bad"}})
	ok(t, err)
	if labelled.ParameterVersion != 2 || !cmp.Equal(labelled.InvalidLabels, []string{"1bad"}) {
		t.Errorf("labelled version %d but for %v", labelled.ParameterVersion, labelled.InvalidLabels)
	}
	for range 99 {
		l.putParameters(params.Parameter{Name: *name, Value: "x"})
	}
	_, err = getParameter(client, "/dev/db:1")
	wantError(t, err, "ParameterVersionNotFound", "version 1")
	_, err = put(ssm.PutParameterInput{Name: name, Value: awssdk.String("x"), Overwrite: awssdk.Bool(true)})
	wantError(t, err, "ParameterMaxVersionLimitExceeded", "carries a label")
	_, err = client.DeleteParameter(background, &ssm.DeleteParameterInput{Name: name})
	ok(t, err)
	_, err = getParameter(client, "/dev/db")
	wantError(t, err, "ParameterNotFound", "")
}

func TestParameterCallsThatAreNotProvedOrPermittedAreRefused(t *testing.T) {
	l := parametersLab(t)
	u := l.AWS().LabUser()
	ok(t, l.AWS().IAM().PutRole(iam.Role{ARN: "arn:aws:iam::123456789012:role/reader", Trust: []string{aws.LabUserARN}, Permissions: everything("ssm:*")}))
	session := l.assume("arn:aws:iam::123456789012:role/reader")
	_, err := getParameter(l.ssm(session), "/dev/db")
	ok(t, err)
	_, err = getParameter(l.ssm(session), "/own/key")
	wantError(t, err, "AccessDeniedException", "not authorized to perform: kms:Decrypt on resource: "+keyARN)
	_, err = getParameter(l.ssm(l.as("powerless", nil)), "/dev/none")
	wantError(t, err, "AccessDeniedException", "not authorized to perform: ssm:GetParameter on resource: "+parameterARN+"/dev/none")
	_, err = getParameter(l.ssm(nil, func(o *ssm.Options) { o.Region = "us-east-1" }), "/dev/db")
	wantError(t, err, "ParameterNotFound", "")
	_, err = getParameter(l.ssm(credentials.NewStaticCredentialsProvider(u.AccessKeyID, "wrong", "")), "/dev/db")
	wantError(t, err, "InvalidSignatureException", "")
	l.AWS().ExpireSessions()
	_, err = getParameter(l.ssm(session), "/dev/db")
	wantError(t, err, "ExpiredTokenException", "")
}
