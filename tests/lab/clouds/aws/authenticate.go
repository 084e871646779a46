package aws

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/sigv4"
)

// authenticate proves who makes a call. On a refusal the call names no caller.
func (c *Cloud) authenticate(r *http.Request, body []byte, to route, now time.Time) (api.Call, *api.Error) {
	anonymous := api.Call{Now: now}
	if to.anonymous {
		return anonymous, nil
	}
	signature, err := sigv4.Parse(r)
	if err != nil {
		return anonymous, refuseSignature(to.protocol, err)
	}
	credential, ok := c.identities.Credential(signature.AccessKeyID)
	token := r.Header.Get("X-Amz-Security-Token")
	// A token with a permanent key, or none with a temporary one, is as wrong as a false one.
	if !ok || subtle.ConstantTimeCompare([]byte(token), []byte(credential.SessionToken)) != 1 {
		return anonymous, to.protocol.refuse(unknownKey, "")
	}
	if err := signature.Check(r, body, credential.SecretAccessKey, to.service, now); err != nil {
		return anonymous, refuseSignature(to.protocol, err)
	}
	if expired(credential, now) {
		return anonymous, to.protocol.refuse(expiredToken, "")
	}
	return api.Call{Region: signature.Region, Caller: credential.Caller, Now: now}, nil
}

func expired(c iam.Credential, now time.Time) bool {
	return c.Caller.Session && !now.Before(c.Expiration)
}

// refuseSignature words a sigv4 error in the service's protocol.
func refuseSignature(p *protocol, err error) *api.Error {
	var refusal *sigv4.Error
	if !errors.As(err, &refusal) {
		return p.refuse(wrongSignature, err.Error())
	}
	switch refusal.Kind {
	case sigv4.Missing:
		return p.refuse(notSigned, "")
	case sigv4.Incomplete:
		return p.refuse(halfSigned, refusal.Message)
	default:
		return p.refuse(wrongSignature, refusal.Message)
	}
}
