package lab

import "testing"

func TestAsksForBuilds(t *testing.T) {
	cases := []struct {
		name, servers, kubernetes string
		want, fails               bool
	}{
		{"nothing is said", "", "", false, false},
		{"servers are to be found", "find", "", false, false},
		{"servers are to be built", "build", "", true, false},
		{"a certain Kubernetes is built", "", "oldest", true, false},
		{"a certain Kubernetes is built, whatever else is asked for", "find", "newest", true, false},
		{"another word is a mistake", "none", "", false, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := asksForBuilds(c.servers, c.kubernetes)
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("got %v, %v; want %v, and an error: %v", got, err, c.want, c.fails)
			}
		})
	}
}
