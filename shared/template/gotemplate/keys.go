package gotemplate

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // OAEP with SHA-1 is what many have encrypted with, and is not broken by collisions
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"hash"
	"slices"
	"strings"
	"text/template"

	"github.com/go-jose/go-jose/v4"
	"software.sslmate.com/src/go-pkcs12"
)

// keyFunctions are those that External Secrets Operator has beside sprig's: for keys and certificates in the forms that managers have them.
// Their errors are never shown. Archives may ask for any number of rounds, which the worker's time bounds.
var keyFunctions = template.FuncMap{
	"hexdec": func(text string) (string, error) {
		data, err := hex.DecodeString(text)
		return string(data), err
	},
	"filterPEM":       filterPEM,
	"filterCertChain": filterCertChain,
	"certSANs":        certSANs,
	"jwkPublicKeyPem": func(jwk string) (string, error) {
		key, err := parseJWK(jwk)
		if err != nil {
			return "", err
		}
		return encoded("PUBLIC KEY", key.Public().Key, x509.MarshalPKIXPublicKey)
	},
	"jwkPrivateKeyPem": func(jwk string) (string, error) {
		key, err := parseJWK(jwk)
		if err != nil {
			return "", err
		}
		return encoded("PRIVATE KEY", key.Key, x509.MarshalPKCS8PrivateKey)
	},
	"pkcs12key":      func(archive string) (string, error) { return pkcs12Key("", archive) },
	"pkcs12keyPass":  pkcs12Key,
	"pkcs12cert":     func(archive string) (string, error) { return pkcs12Cert("", archive) },
	"pkcs12certPass": pkcs12Cert,
	"rsaDecrypt":     rsaDecrypt,
}

func parseJWK(text string) (key jose.JSONWebKey, err error) {
	err = key.UnmarshalJSON([]byte(text))
	return key, err
}

// encoded is a key as PEM.
func encoded(kind string, key any, marshal func(key any) ([]byte, error)) (string, error) {
	der, err := marshal(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})), err
}

// blocks are those of a text, whatever stands before the first one.
func blocks(text string) (found []*pem.Block) {
	if start := strings.Index(text, "-----BEGIN"); start > 0 {
		text = text[start:]
	}
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return found
		}
		found = append(found, block)
	}
}

// filterPEM is the blocks of a kind, such as CERTIFICATE.
func filterPEM(kind, text string) (string, error) {
	all := blocks(text)
	if len(all) == 0 && text != "" {
		return "", errors.New("no PEM")
	}
	var kept bytes.Buffer
	for _, block := range all {
		if strings.EqualFold(block.Type, kind) {
			if err := pem.Encode(&kept, block); err != nil {
				return "", err
			}
		}
	}
	return kept.String(), nil
}

// certSANs are the names that the first certificate of a text is for: of hosts, addresses, mail, and URIs.
func certSANs(text string) ([]string, error) {
	all := blocks(text)
	if len(all) == 0 {
		return nil, errors.New("no PEM")
	}
	cert, err := x509.ParseCertificate(all[0].Bytes)
	if err != nil {
		return nil, err
	}
	names := slices.Clone(cert.DNSNames)
	for _, address := range cert.IPAddresses {
		names = append(names, address.String())
	}
	names = append(names, cert.EmailAddresses...)
	for _, uri := range cert.URIs {
		names = append(names, uri.String())
	}
	return names, nil
}

// filterCertChain is the leaf, the intermediate or the root certificates of a chain in any order; empty where it has none such.
func filterCertChain(kind, text string) (string, error) {
	var certs []*x509.Certificate
	for _, block := range blocks(text) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return "", err
		}
		certs = append(certs, cert)
	}
	chain, err := chained(certs)
	if err != nil {
		return "", err
	}
	var leaf, between, root []*x509.Certificate
	for i, cert := range chain {
		switch {
		case isRoot(cert):
			root = append(root, cert)
		case i == 0:
			leaf = append(leaf, cert)
		default:
			between = append(between, cert)
		}
	}
	switch kind {
	case "leaf":
		return certsPEM(leaf), nil
	case "intermediate":
		return certsPEM(between), nil
	case "root":
		return certsPEM(root), nil
	}
	return "", errors.New("no such certificate")
}

func isRoot(cert *x509.Certificate) bool { return bytes.Equal(cert.RawIssuer, cert.RawSubject) }

// issued reports whether a certificate says that the other is its issuer's. Nothing is verified: who may be trusted is for those to say
// who use the Secret.
func issued(issuer, cert *x509.Certificate) bool {
	if len(cert.AuthorityKeyId) > 0 && len(issuer.SubjectKeyId) > 0 {
		return bytes.Equal(cert.AuthorityKeyId, issuer.SubjectKeyId)
	}
	return bytes.Equal(cert.RawIssuer, issuer.RawSubject)
}

// chained puts certificates in their order, from the leaf to the root. An error says that they are not one chain.
func chained(certs []*x509.Certificate) ([]*x509.Certificate, error) {
	issuers, issues := make(map[int]int, len(certs)), make(map[int]bool, len(certs))
	for i, cert := range certs {
		for j, other := range certs {
			if i != j && !isRoot(cert) && issued(other, cert) {
				issuers[i], issues[j] = j, true
				break
			}
		}
	}
	at := -1
	for i := range certs {
		switch {
		case issues[i]:
		case at >= 0:
			return nil, errors.New("several leaves")
		default:
			at = i
		}
	}
	var chain []*x509.Certificate
	for more := at >= 0; more; at, more = next(issuers, at) {
		chain = append(chain, certs[at])
	}
	if len(chain) != len(certs) || len(certs) == 0 {
		return nil, errors.New("no chain") // or a circle, which no leaf leads to
	}
	return chain, nil
}

func next(issuers map[int]int, at int) (int, bool) {
	issuer, known := issuers[at]
	return issuer, known
}

func certsPEM(certs []*x509.Certificate) string {
	var b bytes.Buffer
	for _, cert := range certs {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	}
	return b.String()
}

// pkcs12Key is the private key of an archive.
func pkcs12Key(password, archive string) (string, error) {
	key, _, _, err := pkcs12.DecodeChain([]byte(archive), password)
	if err != nil {
		return "", err
	}
	return encoded("PRIVATE KEY", key, x509.MarshalPKCS8PrivateKey)
}

// pkcs12Cert is the certificates of an archive, in the order of their chain if they are one.
func pkcs12Cert(password, archive string) (string, error) {
	_, cert, others, err := pkcs12.DecodeChain([]byte(archive), password)
	if err != nil {
		return "", err
	}
	certs := append([]*x509.Certificate{cert}, others...)
	if chain, err := chained(certs); err == nil {
		certs = chain
	}
	return certsPEM(certs), nil
}

// rsaDecrypt decrypts RSA-OAEP, with the hash that None (SHA-256), SHA1, SHA256 and SHA512 name. The scheme None leaves data as it is.
func rsaDecrypt(scheme, hashName, data, privateKey string) (string, error) {
	if scheme == "None" {
		return data, nil
	}
	hashes := map[string]func() hash.Hash{"None": sha256.New, "SHA1": sha1.New, "SHA256": sha256.New, "SHA512": sha512.New}
	newHash, known := hashes[hashName]
	block, _ := pem.Decode([]byte(privateKey))
	if scheme != "RSA-OAEP" || !known || block == nil {
		return "", errors.New("no such scheme or hash, or no PEM")
	}
	key, err := rsaKey(block.Bytes)
	if err != nil {
		return "", err
	}
	decrypted, err := rsa.DecryptOAEP(newHash(), nil, key, []byte(data), nil)
	return string(decrypted), err
}

func rsaKey(der []byte) (*rsa.PrivateKey, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	key, is := parsed.(*rsa.PrivateKey)
	if !is {
		return nil, errors.New("no RSA key")
	}
	return key, nil
}
