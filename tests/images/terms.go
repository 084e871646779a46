package images

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// terms is a licence under which a linked module may be passed on with the product.
type terms struct {
	name string
	// sign is what each text of it has, in lower case, with one blank between words.
	sign string
}

// permitted are the licences that ask for no more than notices, or, as MPL does, for the source of the licensed files alone, which are in
// the Go module proxy. No maintained library finds licences by their texts; these few have words that no other has.
func permitted() []terms {
	return []terms{
		{"Apache-2.0", "apache license version 2.0, january 2004"},
		{"Apache-2.0", "licensed under the apache license, version 2.0"},
		{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy of this software"},
		{"BSD", "redistribution and use in source and binary forms, with or without modification, are permitted"},
		{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted"},
		{"ISC", "permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby granted"},
		{"MPL-2.0", "mozilla public license version 2.0"},
		{"MPL-2.0", "mozilla public license, version 2.0"},
	}
}

// refused are what texts have that restrict more, also beside a permitted licence.
func refused() []terms {
	return []terms{
		{"GPL, LGPL or AGPL", "general public license version"},
		{"BUSL", "business source license"},
		{"SSPL", "server side public license"},
		{"Elastic License", "elastic license"},
		{"Commons Clause", "commons clause"},
	}
}

// termsOf names the permitted licence that a text is. Of a text with several it is the first.
func termsOf(text string) (string, error) {
	words := strings.ToLower(strings.Join(strings.Fields(text), " "))
	if strings.HasPrefix(words, "/* spdx-license-identifier: bsd-3-clause or gpl-2.0-only */") {
		return "BSD", nil // the choice is ours
	}
	for _, licence := range refused() {
		if strings.Contains(words, licence.sign) {
			return "", fmt.Errorf("it is under a licence that the product cannot be under: %s", licence.name)
		}
	}
	for _, licence := range permitted() {
		if strings.Contains(words, licence.sign) {
			return licence.name, nil
		}
	}
	return "", errors.New("its licence is none that is known here")
}

// Terms are the licences of all that the source's program links for a platform, each with how many modules are under it. A module that
// has licences of several kinds counts with each.
func (s Source) Terms(ctx context.Context, platform v1.Platform) (map[string]int, error) {
	origins := map[string][]string{}
	if err := collectLicences(ctx, s.Root, s.Package, platform, origins); err != nil {
		return nil, err
	}
	modules := map[string]map[string]bool{} // by licence
	for text, of := range origins {
		for _, origin := range of {
			module, file, _ := strings.Cut(origin, ": ")
			if !licenceFile.MatchString(path.Base(file)) {
				continue
			}
			licence, err := termsOf(text)
			if err != nil {
				return nil, err
			}
			if modules[licence] == nil {
				modules[licence] = map[string]bool{}
			}
			modules[licence][module] = true
		}
	}
	counts := map[string]int{}
	for licence, found := range modules {
		counts[licence] = len(found)
	}
	return counts, nil
}
