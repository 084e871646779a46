// Package jsyaml holds js-yaml 3.14.2, which is under the licence beside it: the release after the one that kubernetes-external-secrets
// has, which lets no document set a prototype. The file is as its authors publish it.
package jsyaml

import _ "embed" // of the library

// Source is the library, for module systems of JavaScript.
//
//go:embed js-yaml.min.js
var Source string
