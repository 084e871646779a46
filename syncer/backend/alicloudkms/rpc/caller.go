// Package rpc sends signed requests to Alibaba Cloud's services, and knows what their errors mean.
package rpc

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"

	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// MaxAnswer bounds what is read of an answer, in bytes. KMS keeps 30 KB in a secret at most.
const MaxAnswer = 4 << 20

// Caller sends signed requests. Requests and signature are the SDK's, its client is not used: that one takes no context,
// changes its timeouts during calls that go on, and where the variable DEBUG says sdk it prints keys, signatures and values.
type Caller struct {
	Client *http.Client // reads MaxAnswer at most
	Region string       // for endpoints of none
}

// Call signs a request, sends it once, and decodes the answer.
func (c *Caller) Call(ctx context.Context, at Endpoint, as Key, request requests.AcsRequest, answer any) error {
	request.SetScheme(at.Scheme)
	request.SetDomain(at.Host)
	if err := errors.Join(requests.InitParams(request), auth.Sign(request, nil, cmp.Or(at.RegionID, c.Region), as)); err != nil {
		return err
	}
	sent, err := http.NewRequestWithContext(ctx, request.GetMethod(), request.BuildUrl(), request.GetBodyReader())
	if err != nil {
		return &TransportError{withoutURL(err)}
	}
	for name, value := range request.GetHeaders() {
		sent.Header.Set(name, value)
	}
	return c.send(sent, answer)
}

// CallUnsigned is Call for requests with a form that authenticates the caller. The SDK would send that in the URL, which proxies log.
func (c *Caller) CallUnsigned(ctx context.Context, at Endpoint, version, action string, form url.Values, answer any) error {
	query := url.Values{
		"Version": {version}, "Action": {action}, "Format": {"JSON"}, "Timestamp": {time.Now().UTC().Format(time.RFC3339)},
	}
	address := url.URL{Scheme: at.Scheme, Host: at.Host, Path: "/", RawQuery: query.Encode()}
	sent, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return &TransportError{withoutURL(err)}
	}
	sent.Header.Set("Content-Type", requests.Form)
	return c.send(sent, answer)
}

// send sends a request once, and decodes the answer.
func (c *Caller) send(request *http.Request, answer any) error {
	response, err := c.Client.Do(request)
	if err != nil {
		return &TransportError{withoutURL(err)}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return &TransportError{err}
	case response.StatusCode != http.StatusOK:
		return refusal(response, body)
	case json.Unmarshal(body, answer) != nil:
		return ErrGarbage // not what the decoder says: it may quote the value
	}
	return nil
}

// withoutURL takes off the URL, which is the signed request.
func withoutURL(err error) error {
	if quoting, ok := errors.AsType[*url.Error](err); ok {
		return quoting.Err
	}
	return err
}

// refusal reads an answer that is an error. One without a code is not Alibaba Cloud's.
func refusal(response *http.Response, body []byte) error {
	var said struct{ Code, Message string }
	if json.Unmarshal(body, &said) != nil {
		said.Code, said.Message = "", ""
	}
	e := &ServiceError{Status: response.StatusCode, Code: driver.Word(said.Code), Message: withoutStringToSign(said.Message)}
	return transport.Postpone(e, response.Header)
}

// Key is what requests are signed with. It implements credentials.CredentialsProvider.
type Key struct {
	ID, Secret string
	Token      string // of a session
}

// GetCredentials implements credentials.CredentialsProvider.
func (k Key) GetCredentials() (*credentials.Credentials, error) {
	return &credentials.Credentials{
		AccessKeyId: k.ID, AccessKeySecret: k.Secret, SecurityToken: k.Token, ProviderName: k.GetProviderName(),
	}, nil
}

// GetProviderName implements credentials.CredentialsProvider; the SDK sends it along.
func (k Key) GetProviderName() string {
	if k.Token != "" {
		return "static_sts"
	}
	return "static_ak"
}
