// Package alicloudkms reads the secrets of Alibaba Cloud's Key Management Service.
// https://www.alibabacloud.com/help/en/kms/key-management-service/developer-reference/api-kms-2016-01-20-getsecretvalue
package alicloudkms

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/services/kms"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Config of the driver. Nothing of the environment is read but the proxy (HTTPS_PROXY, NO_PROXY).
type Config struct {
	// AccessKeyID and AccessKeySecret are the syncer's own identity. ALICLOUD_ACCESS_KEY_ID, ALICLOUD_ACCESS_KEY_SECRET.
	AccessKeyID, AccessKeySecret string
	// Endpoint of KMS, a host (which is reached by https) or a URL; empty: that of Region. ALICLOUD_ENDPOINT.
	Endpoint string
	// STSEndpoint is where roles are assumed, of the same form; empty: sts.aliyuncs.com. ALICLOUD_STS_ENDPOINT.
	STSEndpoint string
	// Region of KMS; empty: the one that the host of Endpoint names.
	Region string
	// ExtraCACerts is a PEM file of CAs to trust beside the system's. NODE_EXTRA_CA_CERTS.
	ExtraCACerts string
	// Timeout of one HTTP request, and of beginning a session, which goes on when its first caller gives up; 0 means 10 s.
	Timeout time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Driver reads KMS.
type Driver struct {
	kms      endpoint
	caller   *caller
	sessions *sessions
}

// New makes a driver; it calls nobody. What an object needs and the configuration lacks (an access key, an endpoint) is an
// error of its reads, since a syncer may have no such objects.
func New(config Config) (*Driver, error) {
	if config.Timeout == 0 {
		config.Timeout = 10 * time.Second
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	service, err := config.kms()
	if err != nil {
		return nil, err
	}
	security, err := config.sts()
	if err != nil {
		return nil, err
	}
	if config.Region == "" {
		config.Region = service.region()
	}
	c, err := newCaller(config)
	if err != nil {
		return nil, err
	}
	return &Driver{
		kms: service, caller: c,
		sessions: &sessions{config: config, sts: security, caller: c, byRole: map[string]session{}},
	}, nil
}

// Get reads the version that VersionID or VersionStage names. A session that KMS says has ended is begun anew, and
// the secret is asked for once more.
func (d *Driver) Get(ctx context.Context, scope plan.Scope, read plan.Read) (driver.Value, error) {
	if d.kms.host == "" {
		return driver.Value{}, errNoEndpoint
	}
	used, err := d.sessions.key(ctx, scope.Identity.RoleARN, "")
	if err != nil {
		return driver.Value{}, err
	}
	found, err := d.ask(ctx, used, read)
	if ended(err, used) {
		if used, err = d.sessions.key(ctx, scope.Identity.RoleARN, used.id); err != nil {
			return driver.Value{}, err
		}
		found, err = d.ask(ctx, used, read)
	}
	if err != nil {
		return driver.Value{}, err
	}
	return found.value()
}

func (d *Driver) ask(ctx context.Context, as key, read plan.Read) (secret, error) {
	request := kms.CreateGetSecretValueRequest()
	request.SecretName = read.Key
	if read.VersionID != "" {
		request.VersionId = read.VersionID
	} else {
		request.VersionStage = read.VersionStage
	}
	var found secret
	err := d.caller.call(ctx, d.kms, as, request, &found)
	return found, err
}

// secret is what is needed of the answer.
type secret struct {
	Data      *string `json:"SecretData"`
	DataType  string  `json:"SecretDataType"` // text or binary
	VersionID string  `json:"VersionId"`
}

func (s secret) value() (driver.Value, error) {
	if s.Data == nil {
		return driver.Value{}, errNoValue
	}
	value := driver.Value{Data: []byte(*s.Data), Version: s.VersionID}
	if s.DataType == "binary" {
		content, err := base64.StdEncoding.DecodeString(*s.Data)
		if err != nil {
			return driver.Value{}, errNotBase64 // not what err says: it may quote the value
		}
		value.Data, value.Bytes = content, true
	}
	return value, nil
}
