// Package admit decides about ExternalSecrets before they are stored. Mutator converts deprecated
// fields; Validator understands the object and judges it by its namespace's policy. Convert, and
// the two handle methods, decide; what surrounds them reads requests and reports.
package admit
