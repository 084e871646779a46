package entra

import (
	"fmt"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/secretgate/secretgate/tests/lab/clouds/webtoken"
)

// keyID names the key that access tokens are signed with.
const keyID = "lab"

// accessClaims are those of https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference, as far as
// Key Vault looks at them.
type accessClaims struct {
	jwt.Claims
	Tenant   string `json:"tid"`
	ClientID string `json:"appid"`
	ObjectID string `json:"oid"`
	Unique   string `json:"uti"`
}

// Issuer is what a tenant's tokens carry.
func Issuer(tenant string) string { return "https://sts.windows.net/" + tenant + "/" }

// Issue makes an access token that is valid for Life.
func (d *Directory) Issue(a App, audience string, now time.Time) string {
	d.mu.Lock()
	d.issued++
	number := d.issued
	d.mu.Unlock()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: d.key(), KeyID: keyID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		panic(fmt.Sprintf("no signer of access tokens: %v", err))
	}
	token, err := jwt.Signed(signer).Claims(accessClaims{
		Claims: jwt.Claims{
			Issuer: Issuer(a.Tenant), Subject: a.ObjectID, Audience: jwt.Audience{audience},
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(Life)),
		},
		Tenant: a.Tenant, ClientID: a.ClientID, ObjectID: a.ObjectID, Unique: strconv.Itoa(number),
	}).Serialize()
	if err != nil {
		panic(fmt.Sprintf("no access token: %v", err))
	}
	return token
}

// Verify proves an access token: signed here, for this audience, of this tenant, not ended. The error is in Key Vault's
// words.
func (d *Directory) Verify(raw, audience, tenant string, now time.Time) (App, error) {
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	var claims accessClaims
	if err == nil {
		err = token.Claims(d.key().Public(), &claims)
	}
	if err != nil {
		return App{}, fmt.Errorf("AKV10001: The token's signature is not valid, or it is no JWT")
	}
	number, err := strconv.Atoi(claims.Unique)
	d.mu.RLock()
	revoked := d.revoked
	d.mu.RUnlock()
	switch {
	case err != nil || webtoken.Token{Claims: claims.Claims}.Over(now) || number <= revoked:
		return App{}, fmt.Errorf("[TokenExpired] Error validating token: 'S2S12001'")
	case !claims.Audience.Contains(audience):
		return App{}, fmt.Errorf("AKV10022: Invalid audience. Expected %s, found: %s", audience, claims.Audience)
	case claims.Issuer != Issuer(tenant):
		return App{}, fmt.Errorf("AKV10032: Invalid issuer. Expected one of %s, found %s", Issuer(tenant), claims.Issuer)
	}
	a, ok := d.app(claims.Tenant, claims.ClientID)
	if !ok {
		return App{}, fmt.Errorf("AKV10046: Unable to resolve the principal of the token")
	}
	return a, nil
}

// ExpireTokens ends all access tokens now.
func (d *Directory) ExpireTokens() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.revoked = d.issued
}

// Keys are what access tokens can be verified with.
func (d *Directory) Keys() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: d.key().Public(), KeyID: keyID, Algorithm: "RS256", Use: "sig"}}}
}
