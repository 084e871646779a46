package build

import "testing"

func TestTheVersionSaysWhatCryptographyIsUsed(t *testing.T) {
	for name, tc := range map[string]struct{ module, mode, want string }{
		"an ordinary build":                    {"latest", "off", "v1.2.3"},
		"one that is switched on at its start": {"latest", "on", "v1.2.3 (FIPS 140-3: on, module latest)"},
		"one of a certain module":              {"v1.0.0", "on", "v1.2.3 (FIPS 140-3: on, module v1.0.0)"},
		"one that may use nothing else":        {"v1.0.0", "only", "v1.2.3 (FIPS 140-3: only, module v1.0.0)"},
		"one of a module, but switched off":    {"v1.0.0", "off", "v1.2.3 (FIPS 140-3: off, module v1.0.0)"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := describe("v1.2.3", tc.module, tc.mode); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestTheModeIsThatOfTheProcess(t *testing.T) {
	if got, want := Version("v1.2.3"), describe("v1.2.3", "latest", FIPS140()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
