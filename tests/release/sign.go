package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Downloads beside checksums, which lists neither of them, as a signature is another one each time.
const (
	checksumsSignature  = checksums + ".sigstore.json"
	checksumsProvenance = checksums + ".provenance.sigstore.json"
)

// Signer signs with cosign.
type Signer struct {
	// Cosign is the program. Without it nothing is signed.
	Cosign string
	// Key is a private key, as cosign names it: a file, env://VARIABLE, or one in a cloud's KMS. It leaves no trace in a public log.
	// Without it cosign signs as the workflow that runs it, and the certificate for that is in Sigstore's public log.
	Key string
}

// ErrUnsigned is what a user gets who has nothing to sign with.
var ErrUnsigned = errors.New("there is nothing to sign the release with: set COSIGN_KEY to a private key (cosign generate-key-pair makes " +
	"one) and COSIGN_PASSWORD to its password, or run in a workflow of GitHub that may write an id-token; SIGN=no releases it unsigned")

// MaySign is an error if there is no key, and no workflow whose identity signs without one.
func (s Signer) MaySign(getenv func(string) string) error {
	if s.Key != "" || getenv("ACTIONS_ID_TOKEN_REQUEST_URL") != "" || getenv("SIGSTORE_ID_TOKEN") != "" {
		return nil
	}
	return ErrUnsigned
}

// check is an error if the key cannot sign, which it tries with a file of its own. What signs without a key leaves a trace in a public log,
// so that is not tried.
func (s Signer) check(ctx context.Context, scratch string) error {
	if s.Cosign == "" || s.Key == "" {
		return nil
	}
	how, err := s.flags(scratch)
	if err != nil {
		return err
	}
	tried := filepath.Join(scratch, "tried")
	if err := os.WriteFile(tried, []byte("whether the key signs\n"), 0o600); err != nil {
		return err
	}
	if err := s.run(ctx, "sign-blob", append([]string{"--bundle=" + tried + ".sigstore.json"}, how...), tried); err != nil {
		return fmt.Errorf("the key does not sign, so look at its name, and at the password in COSIGN_PASSWORD: %w", err)
	}
	return nil
}

// sign signs each image by its digest and the checksums of all files, and attests for both how they were built.
func (r Release) sign(ctx context.Context, scratch string, made []image) error {
	if r.Signer.Cosign == "" {
		r.Say("signing nothing, so there is no provenance either")
		return nil
	}
	predicate := filepath.Join(scratch, "provenance.json")
	provenance, err := r.provenance(ctx)
	if err != nil {
		return err
	}
	if err := os.WriteFile(predicate, provenance, 0o644); err != nil {
		return err
	}
	how, err := r.Signer.flags(scratch)
	if err != nil {
		return err
	}
	built := []string{"--type=slsaprovenance1", "--predicate=" + predicate}
	for _, image := range made {
		r.Say("signing %s", image.digest)
		if err := r.Signer.run(ctx, "sign", how, image.digest.String()); err != nil {
			return err
		}
		if err := r.Signer.run(ctx, "attest", append(built, how...), image.digest.String()); err != nil {
			return err
		}
	}
	sums, bundle := filepath.Join(r.Dir, checksums), "--bundle="+filepath.Join(r.Dir, checksumsSignature)
	r.Say("writing %s, %s", checksumsSignature, checksumsProvenance)
	if err := r.Signer.run(ctx, "sign-blob", append([]string{bundle}, how...), sums); err != nil {
		return err
	}
	bundle = "--bundle=" + filepath.Join(r.Dir, checksumsProvenance)
	if err := r.Signer.run(ctx, "attest-blob", append(append(built, bundle), how...), sums); err != nil {
		return err
	}
	// Cosign writes them for their owner alone.
	return errors.Join(
		os.Chmod(filepath.Join(r.Dir, checksumsSignature), 0o644), os.Chmod(filepath.Join(r.Dir, checksumsProvenance), 0o644))
}

// flags are those of every call that signs. With a key no service of Sigstore is asked, which two files say: one that lists no service
// to ask, and one that lists none to trust.
func (s Signer) flags(scratch string) ([]string, error) {
	flags := []string{"--yes"}
	if s.Key == "" {
		return flags, nil
	}
	flags = append(flags, "--key="+s.Key)
	files := map[string]string{
		"signing-config": `{"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json", "rekorTlogConfig": {}, "tsaConfig": {}}`,
		"trusted-root":   `{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`,
	}
	for _, name := range []string{"signing-config", "trusted-root"} {
		path := filepath.Join(scratch, name+".json")
		if err := os.WriteFile(path, []byte(files[name]), 0o644); err != nil {
			return nil, err
		}
		flags = append(flags, "--"+name+"="+path)
	}
	return flags, nil
}

func (s Signer) run(ctx context.Context, command string, flags []string, subject string) error {
	cmd := exec.CommandContext(ctx, s.Cosign, append(append([]string{command}, flags...), subject)...)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cosign %s fails for %s: %w\n%s", command, subject, err, bytes.TrimSpace(said))
	}
	return nil
}
