package servers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// ESO is the version of External Secrets Operator: the newest that is one module. Later ones are many, and the module proxy has not all.
const ESO = "v0.20.4"

const (
	esoModule  = "github.com/external-secrets/external-secrets"
	esoSum     = "h1:HhNAjWfFEshhItphr28SGsHzf2bUP7uDAOVLg76uNAg="
	esoProgram = "external-secrets"
)

// esoRegistered is what replaces the lists of all providers and all generators, which make most of what there is to compile: those that
// the lab has.
func esoRegistered() map[string]string {
	return map[string]string{
		"pkg/provider/register/register.go": "package register\n\nimport (\n\t_ \"" + esoModule + "/pkg/provider/aws\"\n\t_ \"" +
			esoModule + "/pkg/provider/vault\"\n)\n",
		"pkg/generator/register/register.go": "package register\n",
	}
}

// ESOSet says where External Secrets Operator is.
type ESOSet struct {
	// Controller is its program. CRDs is a folder with what it installs, a file for each.
	Controller, CRDs string
}

// BuildESO builds External Secrets Operator's controller, with the providers of Vault and AWS alone, where the cache lacks it: in two or
// three minutes. Its own go.mod and go.sum pin what it is built of.
func (b Builder) BuildESO(ctx context.Context) (ESOSet, error) {
	source, err := downloadESO(ctx)
	if err != nil {
		return ESOSet{}, fmt.Errorf("%s cannot be built: %w", esoProgram, err)
	}
	set := ESOSet{Controller: filepath.Join(b.esoFolder(), esoProgram), CRDs: filepath.Join(source, "config", "crds", "bases")}
	if exists(set.Controller) {
		return set, nil
	}
	unlock, err := b.lock(ctx)
	if err != nil {
		return ESOSet{}, fmt.Errorf("%s cannot be built: %w", esoProgram, err)
	}
	defer unlock()
	if exists(set.Controller) { // another process has just built it
		return set, nil
	}
	return set, b.buildESO(ctx, source, set.Controller)
}

// buildESO builds a copy: what the go command has downloaded may not be changed.
func (b Builder) buildESO(ctx context.Context, source, target string) error {
	scratch, err := os.MkdirTemp(b.Cache, "building-")
	if err != nil {
		return fmt.Errorf("%s cannot be built: %w", esoProgram, err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	if err := os.CopyFS(filepath.Join(scratch, esoProgram), os.DirFS(source)); err != nil {
		return fmt.Errorf("%s cannot be built: %w", esoProgram, err)
	}
	for file, text := range esoRegistered() {
		if err := os.WriteFile(filepath.Join(scratch, esoProgram, filepath.FromSlash(file)), []byte(text), 0o600); err != nil {
			return fmt.Errorf("%s cannot be built: %w", esoProgram, err)
		}
	}
	copied := b
	copied.Source = scratch
	return copied.build(ctx, []task{{
		module:  module{folder: esoProgram, version: ESO, gcflags: unoptimised, ldflags: strip},
		program: program{esoProgram, "."}, target: target,
	}})
}

// esoFolder is where the program is kept.
func (b Builder) esoFolder() string {
	hash := sha256.New()
	_, _ = fmt.Fprintf(hash, "%s %v", esoSum, esoRegistered())
	stamp := hex.EncodeToString(hash.Sum(nil))[:10]
	return filepath.Join(b.Cache, fmt.Sprintf("%s-%s-%s-%s-%s", esoProgram, ESO, runtime.GOOS, runtime.GOARCH, stamp))
}

// downloadESO returns the folder of the module.
func downloadESO(ctx context.Context) (folder string, err error) {
	command := exec.CommandContext(ctx, "go", "mod", "download", "-json", esoModule+"@"+ESO)
	command.Dir = os.TempDir() // no module that would need it
	command.Env = append(os.Environ(), "GOWORK=off")
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("go mod download: %w: %s%s", err, said.Bytes(), out)
	}
	var module struct{ Dir, Sum string }
	if err := json.Unmarshal(out, &module); err != nil {
		return "", fmt.Errorf("go mod download: %w", err)
	}
	if module.Sum != esoSum {
		return "", fmt.Errorf("%s %s is not what it was: got sum %s, want %s", esoModule, ESO, module.Sum, esoSum)
	}
	return module.Dir, nil
}
