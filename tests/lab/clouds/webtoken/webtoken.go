// Package webtoken reads signed tokens of other issuers (a cluster's, for its service accounts) as clouds that take them do.
package webtoken

import (
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Token is a token with its claims, which nothing proves before SignedBy.
type Token struct {
	*jwt.JSONWebToken
	jwt.Claims
}

// Parse reads a token that is signed by one of the algorithms.
func Parse(raw string, algorithms ...jose.SignatureAlgorithm) (Token, error) {
	token, err := jwt.ParseSigned(raw, algorithms)
	if err != nil {
		return Token{}, err
	}
	t := Token{JSONWebToken: token}
	return t, token.UnsafeClaimsWithoutVerification(&t.Claims)
}

// SignedBy reports whether one of the keys signed the token. One that carries another id than the token's is passed over.
func (t Token) SignedBy(keys jose.JSONWebKeySet) bool {
	return slices.ContainsFunc(keys.Keys, func(key jose.JSONWebKey) bool {
		if id := t.Headers[0].KeyID; key.KeyID != "" && id != "" && key.KeyID != id {
			return false
		}
		var claims jwt.Claims
		return t.JSONWebToken.Claims(key.Public().Key, &claims) == nil
	})
}

// Over tells a token that has expired, or never says when it does.
func (t Token) Over(now time.Time) bool { return t.Expiry == nil || !now.Before(t.Expiry.Time()) }

// Early tells a token that is not valid yet.
func (t Token) Early(now time.Time) bool { return t.NotBefore != nil && now.Before(t.NotBefore.Time()) }

// For reports whether the token is for one of the audiences.
func (t Token) For(audiences []string) bool {
	return slices.ContainsFunc(audiences, t.Audience.Contains)
}
