// Package alicloudkms reads the secrets of Alibaba Cloud's Key Management Service.
// https://www.alibabacloud.com/help/en/kms/key-management-service/developer-reference/api-kms-2016-01-20-getsecretvalue
package alicloudkms

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/services/kms"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/alicloudkms/rpc"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/session"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// Config of the driver. Nothing of the environment is read but the proxy (HTTPS_PROXY, NO_PROXY).
type Config struct {
	// AccessKeyID and AccessKeySecret are the syncer's own identity. ALICLOUD_ACCESS_KEY_ID, ALICLOUD_ACCESS_KEY_SECRET.
	AccessKeyID, AccessKeySecret string
	// OIDC is that identity where there is no access key.
	OIDC OIDC
	// Endpoint of KMS, a host (which is reached by https) or a URL; empty: that of Region. ALICLOUD_ENDPOINT.
	Endpoint string
	// STSEndpoint is where roles are assumed, of the same form; empty: sts.aliyuncs.com. ALICLOUD_STS_ENDPOINT.
	STSEndpoint string
	// Region of KMS; empty: that in the host of Endpoint.
	Region string
	// Credentials gets what Stores refer to in the cluster; nil: they may refer to nothing there.
	Credentials credential.Source
	// ExtraCACerts is a PEM file of CAs to trust beside the system's. NODE_EXTRA_CA_CERTS.
	ExtraCACerts string
	// Timeout of one HTTP request, and of beginning a session, which goes on when its first caller gives up; 0 means 10 s.
	Timeout time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// globalSTS is where KES assumes roles.
const globalSTS = "sts.aliyuncs.com"

var (
	errNoEndpoint = &driver.Error{
		Kind: driver.Invalid, Problem: "the syncer has no endpoint of KMS",
		Hint: "set ALICLOUD_ENDPOINT for the syncer, for instance to kms.eu-central-1.aliyuncs.com",
	}
	errNotBase64 = &driver.Error{Kind: driver.Unavailable, Problem: "the binary value in the answer is not base64"}
)

// Driver reads KMS.
type Driver struct {
	kms, sts    rpc.Endpoint
	caller      *rpc.Caller
	own         rpc.Key
	oidc        OIDC
	credentials credential.Source
	sessions    *session.Cache[identity, rpc.Key]
	now         func() time.Time
}

// New makes a driver; it makes no calls. What an object needs and the configuration lacks (an access key, an endpoint) is an
// error of its reads, since a syncer may have no such objects.
func New(config Config) (*Driver, error) {
	if config.Timeout == 0 {
		config.Timeout = 10 * time.Second
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Endpoint == "" && config.Region != "" {
		config.Endpoint = "kms." + config.Region + ".aliyuncs.com"
	}
	service, err := rpc.Parse("ALICLOUD_ENDPOINT", config.Endpoint)
	if err != nil {
		return nil, err
	}
	service.RegionID = cmp.Or(config.Region, service.RegionID)
	security, err := rpc.Parse("ALICLOUD_STS_ENDPOINT", cmp.Or(config.STSEndpoint, globalSTS))
	if err != nil {
		return nil, err
	}
	roots, err := transport.Roots(config.ExtraCACerts)
	if err != nil {
		return nil, err
	}
	d := &Driver{
		kms: service, sts: security, oidc: config.OIDC, credentials: config.Credentials, now: config.Now,
		own: rpc.Key{ID: config.AccessKeyID, Secret: config.AccessKeySecret},
		caller: &rpc.Caller{
			Client: transport.Client(transport.HTTP(roots), config.Timeout, rpc.MaxAnswer), Region: service.RegionID,
		},
	}
	d.sessions = &session.Cache[identity, rpc.Key]{
		Obtain: d.obtain, Timeout: config.Timeout, GracePeriod: session.GracePeriod, Now: config.Now,
	}
	return d, nil
}

// Get reads the version that VersionID or VersionStage names.
func (d *Driver) Get(ctx context.Context, store plan.Store, read plan.Read) (driver.Value, error) {
	id, err := identityOf(store)
	if err != nil {
		return driver.Value{}, err
	}
	at, err := d.at(store.Location)
	if err != nil {
		return driver.Value{}, err
	}
	var found secret
	err = d.do(ctx, id, func(k rpc.Key) (err error) {
		found, err = d.call(ctx, at, k, read)
		return err
	})
	if err != nil {
		return driver.Value{}, err
	}
	if !found.answers(read) {
		return driver.Value{}, driver.ErrOther
	}
	return found.value()
}

// Forget implements driver.Forgetter. Other Stores of the same access key read its Secret anew, too.
func (d *Driver) Forget(store plan.Store) {
	id, err := identityOf(store)
	if err != nil || !store.Credential.OfCluster() {
		return
	}
	d.sessions.Forget(id)
	d.sessions.Forget(id.by())
}

// Classify implements driver.Driver.
func (d *Driver) Classify(err error) driver.Kind { return rpc.Kind(err) }

func (d *Driver) call(ctx context.Context, at rpc.Endpoint, as rpc.Key, read plan.Read) (secret, error) {
	request := kms.CreateGetSecretValueRequest()
	request.SecretName = read.Key
	if read.VersionID != "" {
		request.VersionId = read.VersionID
	} else {
		request.VersionStage = read.VersionStage
	}
	var found secret
	err := d.caller.Call(ctx, at, as, request, &found)
	return found, err
}

// secret is what is needed of the answer.
type secret struct {
	Name      string  `json:"SecretName"`
	Data      *string `json:"SecretData"`
	DataType  string  `json:"SecretDataType"` // text or binary
	VersionID string  `json:"VersionId"`
	Stages    struct {
		All []string `json:"VersionStage"`
	} `json:"VersionStages"`
}

// answers reports whether the answer names what was asked for, as far as it names anything. A secret may be asked for by its ARN.
func (s secret) answers(read plan.Read) bool {
	byARN := strings.HasPrefix(read.Key, "acs:kms:") && strings.HasSuffix(read.Key, ":secret/"+s.Name)
	switch {
	case s.Name != "" && s.Name != read.Key && !byARN:
		return false
	case read.VersionID != "":
		return s.VersionID == "" || s.VersionID == read.VersionID
	}
	return read.VersionStage == "" || len(s.Stages.All) == 0 || slices.Contains(s.Stages.All, read.VersionStage)
}

func (s secret) value() (driver.Value, error) {
	if s.Data == nil {
		return driver.Value{}, driver.ErrNoValue
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
