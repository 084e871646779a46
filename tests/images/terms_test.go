package images

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTermsOf(t *testing.T) {
	const (
		mit    = "Copyright (c) 2020 A. Author\n\nPermission is hereby granted, free of charge, to any\nperson obtaining a copy of this software and\tassociated"
		mpl    = "Mozilla Public License Version 2.0\n\n\"Secondary License\" means either the GNU General Public License, Version 2.0, the GNU Lesser"
		apache = "                                 Apache License\n                           Version 2.0, January 2004\n"
	)
	cases := []struct{ name, text, want, wrong string }{
		{"Apache", apache, "Apache-2.0", ""},
		{"a licence whose lines break elsewhere", mit, "MIT", ""},
		{"MPL names the GPL and is not it", mpl, "MPL-2.0", ""},
		{"GPL is refused", "GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007", "", "cannot be under: GPL"},
		{"LGPL is refused", "GNU LESSER GENERAL PUBLIC LICENSE\n Version 2.1, February 1999", "", "cannot be under: GPL, LGPL"},
		{"BUSL is refused", "License text copyright (c) 2020 MariaDB\n\nBusiness Source License 1.1", "", "cannot be under: BUSL"},
		{"a permitted licence with a condition is refused", apache + "\"Commons Clause\" License Condition v1.0", "", "Commons Clause"},
		{"a choice of BSD is taken", "/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */ GNU General Public License Version 2", "BSD", ""},
		{"a text of no licence is refused", "All rights reserved.", "", "none that is known"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := termsOf(c.text)
			if got != c.want || (err == nil) != (c.wrong == "") {
				t.Fatalf("got %q and error %v, want %q and an error with %q", got, err, c.want, c.wrong)
			}
			if err != nil && !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("got error %v, want one with %q", err, c.wrong)
			}
		})
	}
}

func TestAModuleUnderAnotherLicenceIsNamed(t *testing.T) {
	cases := []struct{ name, file, text, want string }{
		{"a licence that restricts", "LICENSE.md", "Business Source License 1.1", "example.test/linked v1.2.3, LICENSE.md: "},
		{"no licence", "NOTICE", "made by us", "example.test/linked v1.2.3 has no licence in "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			module := t.TempDir()
			if err := os.WriteFile(filepath.Join(module, c.file), []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			err := readLicences("example.test/linked v1.2.3", module, module, map[string][]string{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}
