package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// usage is what a command of a cloud's CLI takes, as its vendor documents it.
type usage struct {
	required, optional []string // options with a value
	switches           []string
	operands           int
	answer             string // what it prints
}

// usages are the commands that pages use of programs which need an account, a registry or a checkout of their own.
var usages = map[string]usage{
	"aws iam create-policy":   {required: []string{"--policy-name", "--policy-document"}},
	"aws iam create-role":     {required: []string{"--role-name", "--assume-role-policy-document"}},
	"aws iam put-role-policy": {required: []string{"--role-name", "--policy-name", "--policy-document"}},
	"aws secretsmanager create-secret": {
		required: []string{"--name", "--secret-string"}, optional: []string{"--region", "--description"},
	},
	"az identity show": {
		required: []string{"--name", "--resource-group"}, optional: []string{"--query", "--output"},
		answer: "5f4dcc3b-0000-4000-8000-000000000000",
	},
	"az keyvault show": {
		required: []string{"--name"}, optional: []string{"--query", "--output"},
		answer: "/subscriptions/0/resourceGroups/my-group/providers/Microsoft.KeyVault/vaults/hello-world",
	},
	"az role assignment create": {
		required: []string{"--role", "--scope"}, optional: []string{"--assignee", "--assignee-object-id", "--assignee-principal-type"},
	},
	"eksctl create iamserviceaccount": {
		required: []string{"--cluster", "--name"}, optional: []string{"--namespace", "--role-name", "--attach-policy-arn"},
		switches: []string{"--role-only", "--approve", "--override-existing-serviceaccounts"},
	},
	"eksctl utils associate-iam-oidc-provider": {required: []string{"--cluster"}, switches: []string{"--approve"}},
	"gcloud iam service-accounts add-iam-policy-binding": {
		required: []string{"--project", "--role", "--member"}, optional: []string{"--condition"}, operands: 1, // else it needs a project of its own
	},
	"gcloud secrets add-iam-policy-binding": {
		required: []string{"--role", "--member"}, optional: []string{"--project", "--condition"}, operands: 1,
	},
	"curl -s":                 {operands: 1},
	"git checkout":            {operands: 1},
	"git clone":               {operands: 1},
	"git tag":                 {operands: 1},
	"go tool pprof":           {switches: []string{"-top"}, operands: 1},
	"kubectl apply":           {required: []string{"-k"}},
	"kubectl logs":            {optional: []string{"-n", "--namespace"}, switches: []string{"--previous"}, operands: 1},
	"kubectl port-forward":    {optional: []string{"-n", "--namespace"}, operands: 2},
	"kubectl set env":         {optional: []string{"-n", "--namespace"}, operands: 2},
	"kubectl rollout restart": {optional: []string{"-n", "--namespace"}, operands: 1},
	"kubectl rollout status":  {optional: []string{"-n", "--namespace", "--timeout"}, operands: 1},
	"skopeo copy":             {switches: []string{"--all"}, operands: 2},
}

// check is an error unless a call is one that the vendor documents.
func check(call []string) error {
	name, u, rest := known(call)
	if name == "" {
		return fmt.Errorf("got the call %q, want one that usages lists", call)
	}
	var seen, operands []string
	for len(rest) > 0 {
		option, value, joined := strings.Cut(rest[0], "=")
		switch takes := slices.Contains(u.required, option) || slices.Contains(u.optional, option); {
		case !strings.HasPrefix(rest[0], "-"):
			operands = append(operands, rest[0])
		case takes && !joined && len(rest) == 1:
			return fmt.Errorf("%s: got %s without a value", name, option)
		case takes && !joined:
			value, rest = rest[1], rest[1:]
		case !takes && (joined || !slices.Contains(u.switches, option)):
			return fmt.Errorf("%s: got the unknown option %s", name, rest[0])
		}
		if strings.HasPrefix(value, "{") && !json.Valid([]byte(value)) {
			return fmt.Errorf("%s: got %s with a value that is no JSON: %s", name, option, value)
		}
		seen, rest = append(seen, option), rest[1:]
	}
	for _, option := range u.required {
		if !slices.Contains(seen, option) {
			return fmt.Errorf("%s: got no %s, which it requires", name, option)
		}
	}
	if len(operands) != u.operands {
		return fmt.Errorf("%s: got the operands %q, want %d", name, operands, u.operands)
	}
	return checkOperands(name, operands)
}

// known finds the command of a call: the program, and the words of its command, before which kubectl takes a namespace.
func known(call []string) (name string, u usage, rest []string) {
	var options []string
	if len(call) > 3 && call[0] == "kubectl" && call[1] == "-n" {
		call, options = append([]string{"kubectl"}, call[3:]...), call[1:3]
	}
	for n := len(call); n > 1; n-- {
		name = strings.Join(call[:n], " ")
		if u, listed := usages[name]; listed {
			return name, u, append(options, call[n:]...)
		}
	}
	return "", usage{}, nil
}

// checkOperands looks at what has a form: images, and our own Deployments.
func checkOperands(name string, operands []string) error {
	switch {
	case name == "skopeo copy" && (!strings.HasPrefix(operands[0], "oci:") || !strings.HasPrefix(operands[1], "docker://")):
		return fmt.Errorf("skopeo copy: got %q, want an OCI layout and a registry", operands)
	case len(operands) > 0 && strings.HasPrefix(name, "kubectl ") && !slices.Contains([]string{"deployment", "deployment/webhook", "deployment/syncer"}, operands[0]):
		return fmt.Errorf("%s: got %q, want a Deployment of ours", name, operands[0])
	}
	return nil
}

// sources unpacks what `make release` would have packed: overlays and components, with one of the images.
const sources = `cp -r secretgate/kustomize secretgate-v0.1.0
mkdir secretgate-v0.1.0/components/images
cat > secretgate-v0.1.0/components/images/kustomization.yaml <<EOF
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images: [{name: registry.invalid/secretgate/webhook, newName: registry.example.com/secretgate/webhook, newTag: v0.1.0}]
EOF
`

// standIns writes programs that take the place of those in usages: each writes its arguments down and prints the usage's answer. Of
// kubectl, what needs pods; an `apply -k` that would change the lab's installation becomes a dry run at its API server. make prints what
// it would do.
func standIns(t *testing.T) (folder string, calls func() [][]string) {
	t.Helper()
	folder = t.TempDir()
	log := filepath.Join(folder, "calls")
	answers := "case \"${0##*/} $*\" in\n"
	programs := map[string]string{}
	for name, u := range usages {
		program, command, _ := strings.Cut(name, " ")
		programs[program] = ""
		answers += fmt.Sprintf("  %q*) answer=%q ;;\n", program+" "+command, u.answer)
	}
	answers += "esac\n"
	record := "#!/bin/bash\nanswer=\n" + answers + "{ printf '%s\\0' \"${0##*/}\" \"$@\"; printf '\\n\\0'; } >> " + log + "\necho -n \"$answer\"\n"
	for program := range programs {
		programs[program] = record
	}
	programs["git"] += "if [ \"$1\" = clone ]; then ln -sfn " + theLab.Root + " \"$(basename \"$2\")\"; fi\n"
	programs["tar"] = "#!/bin/bash\nset -e\n[ \"$*\" = 'xzf secretgate/bin/release/kustomize.tar.gz' ]\n" + sources
	kubectl := filepath.Join(theLab.Bin, "kubectl")
	programs["kubectl"] = "#!/bin/bash\ncase \" $* \" in\n  *' rollout '* | *' logs '* | *' port-forward '* | *' set env '*) ;;\n" +
		"  ' apply -k '*)\n    if " + kubectl + " kustomize \"$3\" | grep -q WebhookConfiguration; then " + kubectl + " \"$@\" --dry-run=server\n" +
		"    else exec " + kubectl + " \"$@\"; fi ;;\n  *) exec " + kubectl + " \"$@\" ;;\nesac\n" + strings.TrimPrefix(record, "#!/bin/bash\n")
	if path, err := exec.LookPath("make"); err == nil {
		programs["make"] = "#!/bin/bash\ncase \" $* \" in *' -C '*) ;; *) cd " + theLab.Root + " ;; esac\n" +
			"exec env PATH=" + os.Getenv("PATH") + " " + path + " -n \"$@\"\n"
	}
	for program, text := range programs {
		if err := os.WriteFile(filepath.Join(folder, program), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return folder, func() (calls [][]string) {
		written, err := os.ReadFile(log)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for call := range strings.SplitSeq(string(written), "\x00\n\x00") {
			if call != "" {
				calls = append(calls, strings.Split(call, "\x00"))
			}
		}
		return calls
	}
}

func TestCallsThatNoCLITakesAreFound(t *testing.T) {
	t.Parallel()
	for call, want := range map[string]bool{
		"eksctl utils associate-iam-oidc-provider --cluster a --approve":  true,
		"eksctl utils associate-iam-oidc-provider --cluster=a":            true,
		"eksctl utils associate-iam-oidc-provider --approve":              false,
		"eksctl utils associate-iam-oidc-provider --cluster":              false,
		"eksctl utils associate-iam-oidc-provider --cluster a --yes":      false,
		"eksctl utils associate-oidc-provider --cluster a":                false,
		"aws iam create-policy --policy-name a --policy-document {}":      true,
		"aws iam create-policy --policy-name a --policy-document {broken": false,
		"skopeo copy --all oci:bin/a docker://registry.example.com/a:v1":  true,
		"skopeo copy --all bin/a registry.example.com/a:v1":               false,
		"skopeo copy oci:bin/a":                                           false,
		"kubectl -n secretgate rollout restart deployment":                true,
		"kubectl -n secretgate rollout restart deployment/other":          false,
	} {
		if err := check(strings.Fields(call)); (err == nil) != want {
			t.Errorf("%s: got %v, want it to pass: %v", call, err, want)
		}
	}
}
