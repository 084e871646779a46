// Package build is what a program says of how it was built.
package build

import (
	"crypto/fips140"
	"fmt"
)

// unfrozen is the version of the cryptographic module where a program was not built for a certain one.
const unfrozen = "latest"

// Version is a program's version and, if it was built with GOFIPS140 or runs with GODEBUG=fips140, its cryptography.
func Version(version string) string {
	return describe(version, fips140.Version(), FIPS140())
}

// FIPS140 is the FIPS 140-3 mode that the program runs in: off, on or only.
// https://go.dev/doc/security/fips140
func FIPS140() string {
	switch {
	case fips140.Enforced():
		return "only"
	case fips140.Enabled():
		return "on"
	}
	return "off"
}

func describe(version, module, mode string) string {
	if module == unfrozen && mode == "off" {
		return version
	}
	return fmt.Sprintf("%s (FIPS 140-3: %s, module %s)", version, mode, module)
}
