package clouds_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/ssm"
)

func TestParametersThroughTheAdminAPI(t *testing.T) {
	_, url := serve(t)
	parameters := url + "/_admin/aws/parameters"
	var n int
	call(t, "PUT", parameters, `{"parameters":[{"name":"/dev/a","value":"planted","labels":["blue"]},
		{"name":"/dev/b","value":"a,b","type":"StringList"},{"name":"/dev/a","value":"planted again"}]}`, 200, &n)
	var listed []ssm.Listed
	call(t, "GET", parameters, "", 200, &listed)
	const arn = "arn:aws:ssm:us-west-2:123456789012:parameter"
	want := []ssm.Listed{
		{Name: "/dev/a", ARN: arn + "/dev/a", Type: "SecureString", Version: 2}, {Name: "/dev/b", ARN: arn + "/dev/b", Type: "StringList", Version: 1},
	}
	if diff := cmp.Diff(want, listed); diff != "" || n != 3 {
		t.Errorf("%d were put; listed (-want +got):\n%s", n, diff)
	}
	for _, refused := range []string{
		`{"parameters":[{"name":"dev/a","value":"x"}]}`, `{"parameters":[{"name":"/a"}]}`, `{"parameters":[{"name":"/a","value":"x","type":"Text"}]}`,
		`{"parameters":[{"name":"/a","value":"x","labels":["1st"]}]}`, `{"parameters":[{"name":"/a","value":"x","keyId":"mine"}]}`,
	} {
		call(t, "PUT", parameters, refused, 400, nil)
	}
	call(t, "POST", parameters+"/delete", `{"names":["/dev/a","/never"]}`, 204, nil)
	call(t, "GET", parameters+"?region=us-west-2", "", 200, &listed)
	if len(listed) != 1 {
		t.Errorf("%d parameters after one of two was deleted", len(listed))
	}
	call(t, "POST", parameters+"/delete", `{"all":true}`, 204, nil)
	call(t, "GET", parameters, "", 200, &listed)
	if len(listed) != 0 {
		t.Errorf("%d parameters are left", len(listed))
	}
	call(t, "PUT", url+"/_admin/aws/instance", `{"role":"`+aws.TestRoleARN+`"}`, 204, nil)
}
