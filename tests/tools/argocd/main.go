// Command argocd prints the script by which Argo CD itself judges the health of a kind of objects, as its module embeds it, given
// group/kind. It is not kept here: the version that go.mod names is the one that is tested, and the script stays its authors'.
package main

import (
	"log"
	"os"

	"github.com/argoproj/argo-cd/v3/resource_customizations"
)

func main() {
	if len(os.Args) != 2 { //nolint:mnd // the program and the kind
		log.Fatal("name a kind, as group/kind")
	}
	script, err := resource_customizations.Embedded.ReadFile(os.Args[1] + "/health.lua")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := os.Stdout.Write(script); err != nil {
		log.Fatal(err)
	}
}
