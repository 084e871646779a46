package azurekeyvault

import (
	"net/http"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azcertificates"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault/entra"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// maxVaults bounds the vaults whose clients are kept for one login: objects may name any number of vaults.
const maxVaults = 1000

// vaults are those that are read by one login.
type vaults struct {
	suffix string // of the cloud
	http   *http.Client
	tokens *entra.Tokens

	mu   sync.Mutex
	held map[string]*vault
}

// vault is the clients of one.
type vault struct {
	name         string
	secrets      *azsecrets.Client
	certificates *azcertificates.Client
	keys         *azkeys.Client
}

// of finds or makes the clients of a vault.
func (v *vaults) of(name string) (*vault, error) {
	if !plan.IsHostLabel(name) {
		return nil, errNoVault
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if known, ok := v.held[name]; ok {
		return known, nil
	}
	made, err := v.open(name)
	if err != nil {
		return nil, err
	}
	for other := range v.held {
		if len(v.held) < maxVaults {
			break
		}
		delete(v.held, other)
	}
	v.held[name] = made
	return made, nil
}

// open makes the clients. That the challenge's resource fits the vault's name is verified, which keeps tokens from going to a server that
// pretends to be a vault; and that a vault's list goes on at the vault.
func (v *vaults) open(name string) (made *vault, err error) {
	host := name + "." + v.suffix
	options := azcore.ClientOptions{
		Transport: v.http, PerRetryPolicies: []policy.Policy{v.tokens}, PerCallPolicies: []policy.Policy{only(host)},
		Retry: policy.RetryOptions{MaxRetries: -1}, // the caller retries
	}
	made = &vault{name: name}
	if made.secrets, err = azsecrets.NewClient("https://"+host, v.tokens, &azsecrets.ClientOptions{ClientOptions: options}); err != nil {
		return nil, err
	}
	made.certificates, err = azcertificates.NewClient("https://"+host, v.tokens, &azcertificates.ClientOptions{ClientOptions: options})
	if err != nil {
		return nil, err
	}
	made.keys, err = azkeys.NewClient("https://"+host, v.tokens, &azkeys.ClientOptions{ClientOptions: options})
	return made, err
}

// only refuses requests to other hosts: a vault says where its list goes on, and the token would go there, too.
type only string

// Do implements policy.Policy.
func (o only) Do(request *policy.Request) (*http.Response, error) {
	if at := request.Raw().URL; at.Scheme != "https" || at.Host != string(o) {
		return nil, driver.ErrOther
	}
	return request.Next()
}
