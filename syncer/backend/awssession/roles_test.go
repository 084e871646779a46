package awssession

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestSessionsOfRolesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the clock is faked
		s, err := New(Config{IntermediateRoleARN: "hop"})
		if err != nil {
			t.Fatal(err)
		}
		use := func(n int) *session {
			time.Sleep(time.Millisecond) //nolint:forbidigo // synctest's clock, which does not wait
			return s.session(fmt.Sprint("role", n), "eu-west-1")
		}
		first, second := use(0), use(1)
		for n := range maxSessions {
			use(n)
			if use(0) != first {
				t.Fatalf("a role in use is forgotten after %d others", n)
			}
		}
		if len(s.roles) != maxSessions {
			t.Errorf("%d sessions are kept, want %d", len(s.roles), maxSessions)
		}
		if hop := s.roles[roleKey{"hop", "eu-west-1"}]; hop == nil || first.by != hop {
			t.Error("the intermediate role, which is in use by all others, is forgotten")
		}
		if use(1) == second {
			t.Error("the role that was not used for longest is kept")
		}

		time.Sleep(sessionDuration + time.Second) //nolint:forbidigo // as above
		use(maxSessions)
		if len(s.roles) != 2 {
			t.Errorf("%d sessions are kept after an hour without use, want the one in use and its intermediate role's", len(s.roles))
		}
	})
}
