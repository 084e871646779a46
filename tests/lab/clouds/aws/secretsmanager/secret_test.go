package secretsmanager

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLabelsMoveAsOnAWS(t *testing.T) {
	type step struct {
		version string
		stages  []string
	}
	for _, tc := range []struct {
		name  string
		steps []step
		want  map[string][]string
	}{
		{"the first version is current", []step{{"1", nil}}, map[string][]string{"1": {current}}},
		{"the first version is current even if another label is asked for", []step{{"1", []string{"AWSPENDING"}}},
			map[string][]string{"1": {current, "AWSPENDING"}}},
		{"the second current version makes the first previous", []step{{"1", nil}, {"2", []string{current}}},
			map[string][]string{"1": {previous}, "2": {current}}},
		{"the third current version leaves the first without labels", []step{{"1", nil}, {"2", []string{current}}, {"3", []string{current}}},
			map[string][]string{"2": {previous}, "3": {current}}},
		{"a pending version leaves the current one alone", []step{{"1", nil}, {"2", []string{"AWSPENDING"}}},
			map[string][]string{"1": {current}, "2": {"AWSPENDING"}}},
		{"a custom label moves to the newest version that asks for it", []step{{"1", []string{"blue"}}, {"2", []string{"blue"}}},
			map[string][]string{"1": {current}, "2": {"blue"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s secret
			for _, st := range tc.steps {
				s.add(&version{id: st.version}, st.stages)
			}
			if diff := cmp.Diff(tc.want, s.stages()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCurrentMovedBackToThePreviousVersionSwapsBothLabels(t *testing.T) {
	var s secret
	s.add(&version{id: "1"}, nil)
	s.add(&version{id: "2"}, []string{current})
	s.move(current, s.withID("1"))
	if diff := cmp.Diff(map[string][]string{"1": {current}, "2": {previous}}, s.stages()); diff != "" {
		t.Error(diff)
	}
}

func TestVersionsWithoutLabelsAreKeptUpToAHundred(t *testing.T) {
	var s secret
	for i := range 250 {
		s.add(&version{id: fmt.Sprint(i)}, []string{current})
	}
	if got, want := len(s.versions), maxUnlabelled+2; got != want {
		t.Errorf("%d versions are kept, want %d", got, want)
	}
	if s.withID("249") == nil || s.withID("248") == nil || s.withID("0") != nil {
		t.Error("the oldest should go, not the newest")
	}
}

func TestHowSecretsAreFound(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	st := store{account: "123456789012"}
	db := st.insert("eu-west-1", "dev/db", now)
	odd := st.insert("eu-west-1", "dev/db-abcdef", now)
	odd.arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:dev/db-abcdef-GHIJKL"
	const prefix = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
	for _, tc := range []struct {
		name, region, id string
		want             *secret
	}{
		{"by name", "eu-west-1", "dev/db", db},
		{"by ARN", "eu-west-1", db.arn, db},
		{"by ARN without its suffix", "eu-west-1", prefix + "dev/db", db},
		{"not by an ARN with another suffix", "eu-west-1", prefix + "dev/db-ZZZZZZ", nil},
		{"not by a part of the name", "eu-west-1", prefix + "dev/d", nil},
		{"not in another region by name", "us-east-1", "dev/db", nil},
		{"not in another region by ARN", "us-east-1", db.arn, nil},
		{"not by another account's ARN", "eu-west-1", "arn:aws:secretsmanager:eu-west-1:999999999999:secret:dev/db", nil},
		{"by a name that ends like an ARN", "eu-west-1", "dev/db-abcdef", odd},
		{"by the whole ARN of a name that ends like one", "eu-west-1", odd.arn, odd},
		{"not by its ARN without suffix, which looks complete", "eu-west-1", prefix + "dev/db-abcdef", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := st.find(tc.region, tc.id, now); got != tc.want {
				t.Errorf("find(%q) = %+v", tc.id, got)
			}
		})
	}
}
