package wildcard

import "testing"

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		name, pattern, s string
		want             bool
	}{
		{"a pattern without wildcards matches itself", "dev/db", "dev/db", true},
		{"a pattern without wildcards does not match a prefix", "dev/db", "dev/db2", false},
		{"a star matches everything", "*", "arn:aws:secretsmanager:eu-west-1:1:secret:a/b", true},
		{"a star matches nothing at all", "dev*", "dev", true},
		{"a star crosses slashes and colons", "arn:*:secret:dev/*", "arn:aws:secretsmanager:r:1:secret:dev/a/b-AbCdEf", true},
		{"a prefix pattern refuses another prefix", "arn:*:secret:dev/*", "arn:aws:secretsmanager:r:1:secret:prod/a", false},
		{"a star steps back until the rest fits", "*-db-??", "a-db-b-db-42", true},
		{"a question mark needs a character", "a?", "a", false},
		{"a star in the text is no wildcard", "a", "*", false},
		{"an empty pattern matches only nothing", "", "a", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Match(tc.pattern, tc.s); got != tc.want {
				t.Errorf("Match(%q, %q) = %v, want %v", tc.pattern, tc.s, got, tc.want)
			}
		})
	}
}
