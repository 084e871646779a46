package alicloud

import (
	"crypto/subtle"
	"net/http"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/api"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/ram"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/rpc"
)

// authenticate proves who makes a call.
func (c *Cloud) authenticate(q rpc.Request, now time.Time) (ram.Caller, error) {
	id := q.Params["AccessKeyId"]
	if id == "" {
		return ram.Caller{}, denied("MissingAccessKeyId", "AccessKeyId is mandatory for this action.")
	}
	credential, ok := c.identities.Credential(id)
	if !ok {
		return ram.Caller{}, api.Errorf(http.StatusNotFound, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
	}
	if err := q.Check(credential.AccessKeySecret, now); err != nil {
		return ram.Caller{}, err
	}
	if err := checkToken(credential, q.Params["SecurityToken"], now); err != nil {
		return ram.Caller{}, err
	}
	if credential.Inactive {
		return ram.Caller{}, denied("InvalidAccessKeyId.Inactive", "Specified access key is disabled.")
	}
	return credential.Caller, c.nonces.Use(q, now)
}

// checkToken refuses a temporary key without its token, a permanent one with any, and a session that is over.
func checkToken(c ram.Credential, token string, now time.Time) error {
	switch {
	case c.SecurityToken != "" && token == "":
		return denied("MissingSecurityToken", "SecurityToken is mandatory for this action.")
	case c.SecurityToken == "" && token != "":
		return denied("InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
	case subtle.ConstantTimeCompare([]byte(token), []byte(c.SecurityToken)) != 1:
		return denied("InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey.")
	case c.SecurityToken != "" && !now.Before(c.Expiration):
		return denied("InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
	}
	return nil
}

func denied(code, message string) error {
	return &api.Error{Status: http.StatusBadRequest, Code: code, Message: message}
}
