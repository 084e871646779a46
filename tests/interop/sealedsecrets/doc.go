// Package sealedsecrets tests what Secretgate seals and opens against the code of Sealed Secrets itself. It is a module of its own, outside
// of go.work, since that code asks for a newer Go and for much that nothing else here needs.
package sealedsecrets
