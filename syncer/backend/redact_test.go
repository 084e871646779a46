package backend

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRedactTakesOutWhatMustNotBeShown(t *testing.T) {
	const (
		accessKey = "AKIAIOSFODNN7EXAMPLE"
		secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1"
		signature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
		jwt       = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
	)
	tests := map[string]struct {
		text  string
		known []string
		want  string
	}{
		"AWS's denial is left as it is": {
			text: "AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/reader/k8s-external-secrets is not authorized to perform: " +
				"secretsmanager:GetSecretValue on resource: prod/db because no identity-based policy allows the secretsmanager:GetSecretValue action",
			want: "AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/reader/k8s-external-secrets is not authorized to perform: " +
				"secretsmanager:GetSecretValue on resource: prod/db because no identity-based policy allows the secretsmanager:GetSecretValue action",
		},
		"the ARN of a secret is left as it is": {
			text: "no access to arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf",
			want: "no access to arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf",
		},
		"an error code that ends in a sensitive word is left as it is": {
			text: "ExpiredTokenException: The security token included in the request is expired",
			want: "ExpiredTokenException: The security token included in the request is expired",
		},
		"a version id is left as it is": {
			text: "can't find the specified secret value for VersionId: 0a1b2c3d-90ab-cdef-fedc-ba987example",
			want: "can't find the specified secret value for VersionId: 0a1b2c3d-90ab-cdef-fedc-ba987example",
		},
		"Vault's refusal is left as it is, on one line": {
			text: "1 error occurred:\n\t* permission denied\n\n",
			want: "1 error occurred: * permission denied",
		},
		"a long path of the message's own key is left as it is": {
			text:  `no value at secret/data/Team1/production/databases/main/credentials`,
			known: []string{"secret/data/Team1/production/databases/main/credentials"},
			want:  `no value at secret/data/Team1/production/databases/main/credentials`,
		},
		"a name that is known is left as it is after the word secret": {
			text: `secret "prod/db" was not found`, known: []string{"prod/db"},
			want: `secret "prod/db" was not found`,
		},
		"a name that is not known is not": {
			text: `secret "prod/db" was not found`, known: []string{"d"},
			want: `secret [redacted] was not found`,
		},
		"AWS's echo of the Authorization header": {
			text: "IncompleteSignature: Authorization header requires 'Signature' parameter. " +
				"Authorization=AWS4-HMAC-SHA256 Credential=" + accessKey +
				"/20260101/eu-west-1/secretsmanager/aws4_request, SignedHeaders=host, Signature=" + signature,
			want: "IncompleteSignature: Authorization header requires [redacted] parameter. Authorization=[redacted]",
		},
		"AWS's canonical request with the session token": {
			text: "SignatureDoesNotMatch: The Canonical String for this request should have been" +
				"\n'POST\n/\n\nhost:a.example\nx-amz-security-token:IQoJb3JpZ2luX2VjEXAMPLE==\n\n" +
				"host;x-amz-security-token\n" + signature + "'",
			want: "SignatureDoesNotMatch: The Canonical String for this request should have been " +
				"'POST / host:a.example x-amz-security-token:[redacted] " +
				"host;x-amz-security-token [redacted]'",
		},
		"access key ids":      {text: "the key " + accessKey + " and ASIAIOSFODNN7EXAMPLE", want: "the key [redacted] and [redacted]"},
		"a secret access key": {text: "signed with " + secretKey + " by mistake", want: "signed with [redacted] by mistake"},
		"a secret access key of forty characters, as AWS's are": {
			text: "signed with " + secretKey[:40] + " by mistake", want: "signed with [redacted] by mistake",
		},
		"Google's tokens and keys": {
			text: "ya29.a0AfB_by-x and AIzaSyA1234567890abcdefghijk", want: "[redacted] and [redacted]",
		},
		"Alibaba's keys and tokens": {
			text: "LTAI5tExample0001 and STS.NUExampleExample1", want: "[redacted] and [redacted]",
		},
		"Vault's tokens of old": {
			text: "b.AAAAAQJexampleexample00 and r.iyNUhq8Ov4hIAx6snw5mB2nL", want: "[redacted] and [redacted]",
		},
		"a passphrase":                     {text: "passphrase: hunter2 is wrong", want: "passphrase: [redacted] is wrong"},
		"base64 of the alphabet for names": {text: "value c2VjcmV0-LXZhbHVl_LXRoYXQtaXMtbG9uZy1lbm91Z2g1!", want: "value [redacted]!"},
		"a blob that only begins like the message's own key": {
			text: "value c2VjcmV0LXZhbHVlLXRoYXQtaXMtbG9uZy1lbm91Z2gtMTIz", known: []string{"c2VjcmV0"}, want: "value [redacted]",
		},
		"a signature": {text: "got " + signature, want: "got [redacted]"},
		"a JWT":       {text: "could not verify " + jwt + " here", want: "could not verify [redacted] here"},
		"a JWT in a quoted value": {
			text: "Value '" + jwt + "' at 'webIdentityToken' failed", want: "Value '[redacted]' at 'webIdentityToken' failed",
		},
		"Vault's tokens": {
			text: "hvs.CAESIJ_1-x and hvb.AAAA and s.iyNUhq8Ov4hIAx6snw5mB2nL", want: "[redacted] and [redacted] and [redacted]",
		},
		"a bearer token": {text: "sent Authorization: Bearer abc.def next", want: "sent Authorization: [redacted]"},
		"user info and query of a URL": {
			text: `Get "https://user:pass@vault.example:8200/v1/a?token=x&y=z": EOF`, want: `Get "https://vault.example:8200/v1/a": EOF`,
		},
		"a password after a colon": {text: "login failed, password: hunter2, next", want: "login failed, password: [redacted], next"},
		"a file that is called token": {
			text: "open /var/run/secrets/x/token: no such file or directory", want: "open /var/run/secrets/x/token: no such file or directory",
		},
		"a file that may not be read": {text: "open /x/client_secret: permission denied", want: "open /x/client_secret: permission denied"},
		"a folder in place of a file": {text: "read /x/jwt: is a directory", want: "read /x/jwt: is a directory"},
		"what is wrong with a token": {
			text: "error validating token: invalid audience (aud) claim", want: "error validating token: invalid audience (aud) claim",
		},
		"a chain of errors": {
			text: "failed to read token: open /x/token: no such file or directory", want: "failed to read token: open /x/token: no such file or directory",
		},
		"a password that is called twice":   {text: "bad token: password: hunter2", want: "bad token: password: [redacted]"},
		"a value that begins like an error": {text: "password: nothing, token: invalid1", want: "password: [redacted], token: [redacted]"},
		"a value after an equals sign":      {text: "password=invalid x", want: "password=[redacted] x"},
		"a value without a space":           {text: "password:no x", want: "password:[redacted] x"},
		"a password in quotes":              {text: `the password "hunter 2" is wrong`, want: `the password [redacted] is wrong`},
		"a token two words away":            {text: `token provided was 'hunter2'`, want: `token provided was [redacted]`},
		"an AppRole secret id":              {text: `secret_id=0a1b2c3d refused`, want: `secret_id=[redacted] refused`},
		"a JSON object":                     {text: `cannot parse {"user":"admin","x":{"y":1}} as text`, want: `cannot parse [redacted] as text`},
		"a JSON object cut short":           {text: `cannot parse {"user":"admin`, want: `cannot parse [redacted]`},
		"a private key": {
			text: "bad key -----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY----- given",
			want: "bad key [redacted] given",
		},
		"a private key cut short": {text: "bad key -----BEGIN PRIVATE KEY-----\nMIIEvQ", want: "bad key [redacted]"},
		"base64 without padding":  {text: "value c2VjcmV0LXZhbHVlLXRoYXQtaXMtbG9uZy1lbm91Z2gtMTIz!", want: "value [redacted]!"},
		"a long message is cut":   {text: strings.Repeat("word ", 100), want: strings.Repeat("word ", 59) + "word…"},
		"a huge message loses what was cut in two": {
			text: strings.Repeat(" ", maxRaw-8) + "hvs.CAESIJabcdefghijklmnop", want: "",
		},
		"a message without a space that is too long is dropped": {text: strings.Repeat("x", maxRaw+1), want: ""},
		"the caller's own port, which changes": {
			text: "read tcp 127.0.0.1:57166->127.0.0.1:8200: read: reset", want: "read tcp 127.0.0.1:8200: read: reset",
		},
		"characters that are not printable": {text: "a\x1b[31mb\u202ec \u2028\u200bd\x00", want: "a [31mb c d"},
		"text that is not UTF-8":            {text: "bad \xff byte", want: "bad ? byte"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, redact(test.text, test.known...)); diff != "" {
				t.Errorf("redact (-want +got):\n%s", diff)
			}
		})
	}
}
