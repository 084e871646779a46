// Package kubeseal holds no code. It keeps in go.mod what the integration suite of Sealed Secrets is compiled with: its packages have
// tests alone, behind a build tag, so that nothing here can import them.
package kubeseal

import (
	_ "github.com/onsi/ginkgo/v2" // the suite is written in it
	_ "github.com/onsi/gomega"    // and in its matchers
)
