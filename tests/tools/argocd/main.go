// Command argocd prints the script by which Argo CD itself judges the health of an ExternalSecret, as its module embeds it. It is not
// kept here: the version that go.mod names is the one that is tested, and the script stays its authors'.
package main

import (
	"log"
	"os"

	"github.com/argoproj/argo-cd/v3/resource_customizations"
)

func main() {
	script, err := resource_customizations.Embedded.ReadFile("kubernetes-client.io/ExternalSecret/health.lua")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := os.Stdout.Write(script); err != nil {
		log.Fatal(err)
	}
}
