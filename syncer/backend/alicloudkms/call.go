package alicloudkms

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/hashicorp/go-cleanhttp"

	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// maxAnswer bounds what is read of an answer, in bytes. KMS keeps 30 KB in a secret at most.
const maxAnswer = 4 << 20

// caller sends signed requests. Requests and signature are the SDK's, its client is not used: that one takes no context,
// changes its timeouts during calls that go on, and where the variable DEBUG says sdk it prints keys, signatures and values.
type caller struct {
	client *http.Client
	region string
}

func newCaller(config Config) (*caller, error) {
	roots, err := transport.Roots(config.ExtraCACerts)
	if err != nil {
		return nil, err
	}
	t := cleanhttp.DefaultPooledTransport()
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	t.MaxIdleConnsPerHost = t.MaxIdleConns // there are but two hosts
	return &caller{region: config.Region, client: &http.Client{
		Transport: t, Timeout: config.Timeout,
		// The one that it names would learn the signed request from the Referer.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// call signs a request, sends it once, and decodes the answer.
func (c *caller) call(ctx context.Context, at endpoint, as key, request requests.AcsRequest, answer any) error {
	request.SetScheme(at.scheme)
	request.SetDomain(at.host)
	if err := errors.Join(requests.InitParams(request), auth.Sign(request, nil, c.region, as)); err != nil {
		return err
	}
	sent, err := http.NewRequestWithContext(ctx, request.GetMethod(), request.BuildUrl(), request.GetBodyReader())
	if err != nil {
		return &transportError{withoutURL(err)}
	}
	for name, value := range request.GetHeaders() {
		sent.Header.Set(name, value)
	}
	response, err := c.client.Do(sent)
	if err != nil {
		return &transportError{withoutURL(err)}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return &transportError{err}
	case len(body) > maxAnswer:
		return errGarbage
	case response.StatusCode != http.StatusOK:
		return refusal(response, body)
	case json.Unmarshal(body, answer) != nil:
		return errGarbage // not what the decoder says: it may quote the value
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
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
	return &serviceError{
		status: response.StatusCode, code: said.Code, message: withoutStringToSign(said.Message),
		retryAfter: time.Duration(max(seconds, 0)) * time.Second,
	}
}

// key is what requests are signed with. It implements credentials.CredentialsProvider.
type key struct {
	id, secret string
	token      string // of a session
}

// GetCredentials implements credentials.CredentialsProvider.
func (k key) GetCredentials() (*credentials.Credentials, error) {
	return &credentials.Credentials{
		AccessKeyId: k.id, AccessKeySecret: k.secret, SecurityToken: k.token, ProviderName: k.GetProviderName(),
	}, nil
}

// GetProviderName implements credentials.CredentialsProvider; the SDK sends it along.
func (k key) GetProviderName() string {
	if k.token != "" {
		return "static_sts"
	}
	return "static_ak"
}
