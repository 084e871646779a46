module github.com/secretgate/secretgate/tests/interop/sealedsecrets

go 1.26.8

require (
	github.com/bitnami/sealed-secrets v0.40.0
	github.com/secretgate/secretgate/shared v0.0.0
)

require (
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/secretgate/secretgate/shared => ../../../shared

// The module says that it is bitnami's; proxies serve it under its former name.
replace github.com/bitnami/sealed-secrets => github.com/bitnami-labs/sealed-secrets v0.40.0
