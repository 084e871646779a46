package aws_test

import (
	"context"
	"fmt"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	store "github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	params "github.com/secretgate/secretgate/tests/lab/clouds/aws/ssm"
)

func TestSecretsAreFoundByFilters(t *testing.T) {
	l := newLab(t)
	l.put(
		store.Secret{Name: "prod/db", String: "planted", Tags: map[string]string{"team": "core", "stage": "prod"}},
		store.Secret{Name: "prod/web", String: "planted", Tags: map[string]string{"team": "web", "owner": "core"}},
		store.Secret{Name: "Prod/other", String: "planted"},
		store.Secret{Name: "dev/db", String: "planted", Tags: map[string]string{"teams": "corem"}},
	)
	filter := func(key string, values ...string) smtypes.Filter {
		return smtypes.Filter{Key: smtypes.FilterNameStringType(key), Values: values}
	}
	for _, tc := range []struct {
		name    string
		filters []smtypes.Filter
		want    []string
	}{
		{"none takes all", nil, []string{"Prod/other", "dev/db", "prod/db", "prod/web"}},
		{"a name is a prefix, and its case counts", []smtypes.Filter{filter("name", "prod/")}, []string{"prod/db", "prod/web"}},
		{"one of several values is enough", []smtypes.Filter{filter("name", "prod/d", "dev")}, []string{"dev/db", "prod/db"}},
		{"an exclamation mark turns it around", []smtypes.Filter{filter("name", "!prod/")}, []string{"Prod/other", "dev/db"}},
		{"a tag's key is a prefix, too", []smtypes.Filter{filter("tag-key", "team")}, []string{"dev/db", "prod/db", "prod/web"}},
		{
			"keys and values are not looked at as pairs",
			[]smtypes.Filter{filter("tag-key", "team"), filter("tag-value", "core")}, []string{"dev/db", "prod/db", "prod/web"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			pages := secretsmanager.NewListSecretsPaginator(l.sm(nil), &secretsmanager.ListSecretsInput{
				Filters: tc.filters, MaxResults: awssdk.Int32(2),
			})
			for pages.HasMorePages() {
				page, err := pages.NextPage(context.Background())
				ok(t, err)
				for _, s := range page.SecretList {
					got = append(got, *s.Name)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
	for name, refused := range map[string]smtypes.Filter{
		"ValidationException": filter("name", "a*"), "InvalidParameterException": filter("description", "a"),
	} {
		_, err := l.sm(nil).ListSecrets(background, &secretsmanager.ListSecretsInput{Filters: []smtypes.Filter{refused}})
		wantError(t, err, name, "")
	}
}

func TestParametersAreFoundByPathAndTags(t *testing.T) {
	l := newLab(t)
	core := map[string]string{"team": "core", "stage": "prod"}
	for i := range 52 {
		l.putParameters(params.Parameter{Name: fmt.Sprintf("/many/%02d", i), Value: "planted"})
	}
	l.putParameters(
		params.Parameter{Name: "/prod/db", Value: "planted", Tags: core}, params.Parameter{Name: "/prod/a/web", Value: "planted", Tags: core},
		params.Parameter{Name: "/prod/other", Value: "planted", Tags: map[string]string{"team": "corem", "owner": "core"}},
		params.Parameter{Name: "/dev/db", Value: "planted", Tags: core},
	)
	filter := func(key, option string, values ...string) types.ParameterStringFilter {
		return types.ParameterStringFilter{Key: &key, Option: &option, Values: values}
	}
	count := func(filters ...types.ParameterStringFilter) (names []string, err error) {
		pages := ssm.NewDescribeParametersPaginator(l.ssm(nil), &ssm.DescribeParametersInput{ParameterFilters: filters})
		for pages.HasMorePages() {
			page, err := pages.NextPage(context.Background())
			if err != nil {
				return nil, err
			}
			for i := range page.Parameters {
				names = append(names, *page.Parameters[i].Name)
			}
		}
		return names, nil
	}
	all, err := count()
	ok(t, err)
	if len(all) != 56 {
		t.Errorf("got %d parameters of two pages, want 56", len(all))
	}
	for _, tc := range []struct {
		name    string
		filters []types.ParameterStringFilter
		want    []string
	}{
		{"a tag is a pair", []types.ParameterStringFilter{filter("tag:team", "Equals", "core")}, []string{"/dev/db", "/prod/a/web", "/prod/db"}},
		{
			"all filters count", []types.ParameterStringFilter{filter("tag:team", "Equals", "core"), filter("Path", "Recursive", "/prod")},
			[]string{"/prod/a/web", "/prod/db"},
		},
		{"a path may be of one level", []types.ParameterStringFilter{filter("Path", "OneLevel", "/prod")}, []string{"/prod/db", "/prod/other"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := count(tc.filters...)
			ok(t, err)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
	for code, refused := range map[string]types.ParameterStringFilter{
		"InvalidFilterKey": filter("Name", "Equals", "a"), "InvalidFilterOption": filter("tag:a", "BeginsWith", "b"),
		"ValidationException": filter("Path", "Recursive", "a"),
	} {
		_, err := count(refused)
		wantError(t, err, code, "")
	}
	_, err = l.ssm(l.as("reader", everything("ssm:GetParameters"))).DescribeParameters(background, &ssm.DescribeParametersInput{})
	wantError(t, err, "AccessDeniedException", "ssm:DescribeParameters because")
}
