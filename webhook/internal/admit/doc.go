// Package admit decides about objects of all dialects before they are stored, and about the annotations of
// namespaces that limit them. Mutator converts deprecated fields; Validator understands the object
// and judges it by its namespace's policy; NamespaceValidator judges the policy itself. Intake and
// Limiter stand before them: what is read and decoded at a time is bounded, fairly by namespace. Convert, and
// the handle methods, decide; what surrounds them reads requests and reports.
package admit
