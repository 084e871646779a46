package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// mostEntries is how many each list of an object may have. A quick run has fewer.
const mostEntries = 1000

func (n *neighbourhood) entries() int { return min(mostEntries, n.small) }

func named(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: hostile, Name: name}
}

// storeRepeatedMembers has 16 objects, one for each worker of the syncer, take all members of one large document, again and again.
// Of the backends here Vault alone takes values that large.
func storeRepeatedMembers(ctx context.Context, n *neighbourhood) error {
	const objects, members, step = 16, 95_000, 9_500 // Vault takes no more than 10,000 members by one request
	engine := n.world.Lab.Vault().KVv2("secret")
	for from := 0; from < members; from += step {
		part := make(map[string]any, step)
		for i := range step {
			part[strconv.FormatInt(int64(36*36*36+from+i), 36)] = "" // four letters, so that all is just below a megabyte
		}
		write := engine.Patch
		if from == 0 {
			write = engine.Put
		}
		if _, err := write(ctx, "hostile/members", part); err != nil {
			return err
		}
	}
	spec := apiv1.ExternalSecretSpec{
		Backend: apiv1.BackendVault, VaultMountPoint: lab.VaultMounts()[0], VaultRole: lab.VaultRole,
		DataFrom: slices.Repeat([]string{"secret/data/hostile/members"}, n.entries()),
	}
	for i := range objects {
		if err := n.world.CreateSpec(ctx, named(fmt.Sprintf("members-%d", i)), spec); err != nil {
			return err
		}
	}
	return nil
}

// storeHangingRoles has objects read each under a role of its own that STS never answers about.
func storeHangingRoles(ctx context.Context, n *neighbourhood) error {
	const role = "arn:aws:iam::" + aws.Account + ":role/hangs-"
	_, err := n.world.Lab.Clouds.Faults().Add(fault.Fault{
		Kind: fault.Latency, Latency: fault.Duration(time.Hour), Operation: "AssumeRole", Key: role + "*",
	})
	if err != nil {
		return err
	}
	objects := world.Distinct("hangs", 2*n.small)
	for i := range objects {
		objects[i].Namespace, objects[i].Role = hostile, role+strconv.Itoa(i)
	}
	return n.world.Create(ctx, objects...)
}

// storeLargeValues has four objects read as many sources as an object can, each as large as AWS permits.
func storeLargeValues(ctx context.Context, n *neighbourhood) error {
	const objects, size = 4, 64 << 10
	const before, after = `{"value":"`, `"}`
	value := before + strings.Repeat("x", size-len(before+after)) + after
	for i := range objects {
		spec := apiv1.ExternalSecretSpec{Backend: apiv1.BackendAWSSecretsManager}
		var sources []secretsmanager.Secret
		source := func(list string, j int) string {
			name := fmt.Sprintf("hostile/%d/%s/%d", i, list, j)
			sources = append(sources, secretsmanager.Secret{Name: name, String: value})
			return name
		}
		for j := range n.entries() {
			spec.Data = append(spec.Data, apiv1.DataEntry{Key: source("data", j), Name: strconv.Itoa(j)})
			spec.DataFrom = append(spec.DataFrom, source("from", j))
			spec.DataFromWithOptions = append(spec.DataFromWithOptions, apiv1.DataFromEntry{Key: source("options", j)})
		}
		if err := n.world.Lab.Clouds.AWS().PutSecrets(n.world.Lab.AWSRegion, sources...); err != nil {
			return err
		}
		if err := n.world.CreateSpec(ctx, named(fmt.Sprintf("large-%d", i)), spec); err != nil {
			return err
		}
	}
	return nil
}

// edited reads under a role of its own: the clouds count by identity.
func edited() world.Object {
	o := world.Distinct("edited", 1)[0]
	o.Namespace, o.Role = hostile, aws.ReadOnlyRoleARN
	return o
}

func storeEdited(ctx context.Context, n *neighbourhood) error { return n.world.Furnish(ctx, edited()) }

const editCallsName = "backend calls for the hostile tenant"

// edit gives one object another refresh interval again and again, as one who wants it read more often than its interval.
func edit(ctx context.Context, n *neighbourhood) error {
	const edits, length = 667, 20 * time.Second
	before, begin := n.callsAs(aws.ReadOnlyRoleARN), time.Now()
	for i := range edits {
		body, err := json.Marshal(map[string]any{"spec": map[string]string{"refreshInterval": fmt.Sprintf("%dm", 60+i%2)}})
		if err != nil {
			return err
		}
		if err := n.world.Client.Do(ctx, http.MethodPatch, edited().Path(), harness.MergePatch, body, nil); err != nil {
			return err
		}
		if err := harness.Pause(ctx, time.Until(begin.Add(time.Duration(i+1)*length/edits))); err != nil {
			return err
		}
	}
	made := n.callsAs(aws.ReadOnlyRoleARN) - before
	n.keep(editCallsName, "", float64(made))
	n.say("  %d edits in %.0f s: %d backend calls", edits, time.Since(begin).Seconds(), made)
	return nil
}

// callsAs are all calls to Secrets Manager so far that were made under a role.
func (n *neighbourhood) callsAs(roleARN string) int {
	return window{calls: countCalls(n.world)}.as(roleARN)
}
