# Everything here needs make, Go and git alone. `make help` lists the targets.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules --warn-undefined-variables --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.ONESHELL:

# Silent: what the tools print is what counts. `make V=1` shows the commands.
V ?=
ifeq ($(V),)
.SILENT:
endif

# No target needs a C compiler, and one setting everywhere lets all of them share Go's build cache.
export CGO_ENABLED := 0

MODULES  := shared webhook syncer tests
OVERLAYS := $(notdir $(wildcard kustomize/overlays/*))
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# Test packages that need the lab, or take long; all others are unit tests.
LAB_TESTS := integration|e2e|monitoring|cluster

# The tools are built from tests/tools/<tool>, each a module of its own outside go.work, so that no version binds another.
TOOLS := .cache/tools
GOTESTSUM := $(TOOLS)/gotestsum --format pkgname-and-test-fails --format-hide-empty-pkg

# The client of Sealed Secrets and its own integration suite, as their authors publish them.
KUBESEAL := $(TOOLS)/kubeseal $(TOOLS)/sealed-secrets-suite

# The version of Go's FIPS 140-3 module that `build`, `images` and `release` compile with, such as v1.0.0; empty: none.
GOFIPS140 ?=
unexport GOFIPS140

# Packages of the tests module that run without the lab.
unit_tests = $$(go list ./tests/... | grep -vE '/tests/($(LAB_TESTS))(/|$$)')

##@ Build

.PHONY: build
build: ## Build bin/webhook, bin/syncer and bin/kubectl-secretgate (also bin/secretgate), static
	GOFIPS140=$(or $(GOFIPS140),off) go build -buildvcs=false -ldflags '-X main.version=$(VERSION)' -o bin/ \
	  ./webhook/cmd/webhook ./syncer/cmd/syncer ./webhook/cmd/kubectl-secretgate
	ln -sf kubectl-secretgate bin/secretgate

# The same programs for any machine: what they are built of decides their digests, and nothing of this machine does.
PLATFORMS    := linux/amd64,linux/arm64
IMAGE_PREFIX := registry.invalid/secretgate
IMAGE_TAG    := dev

.PHONY: images
images: ## Build bin/images: OCI images of both services, their archives and SBOMs (PLATFORMS=linux/amd64 for less)
	cd tests && go run ./images/cmd/images --platforms=$(PLATFORMS) --prefix=$(IMAGE_PREFIX) --tag=$(IMAGE_TAG) \
	  --version=$(VERSION) --revision="$$(git rev-parse HEAD 2>/dev/null || true)" --fips140=$(GOFIPS140)

# Where a release goes, such as registry.example.com/secretgate; and what the programs are built for, besides PLATFORMS, that people run
# themselves. COSIGN_KEY is the private key that signs, as cosign names it; without one, a workflow of GitHub signs as itself.
REGISTRY   ?=
DESKTOPS   := darwin/amd64,darwin/arm64,windows/amd64,windows/arm64
SIGN       ?= yes
COSIGN_KEY ?=
RELEASE     = --platforms=$(PLATFORMS) --desktops=$(DESKTOPS) --registry=$(REGISTRY) --version=$(VERSION) --revision="$$(git rev-parse HEAD)" --fips140=$(GOFIPS140)

.PHONY: release
release: $(if $(filter no,$(SIGN)),,$(TOOLS)/cosign) ## Push the images of VERSION=v1.2.3 to REGISTRY=host/path, signed (SIGN=no: unsigned); write bin/release
	[ -z "$$(git status --porcelain)" ] || { echo 'release: a release is built of a commit: commit or stash what git status lists' >&2; exit 1; }
	rm -rf bin/release
	cd tests && go run ./release/cmd/release publish $(RELEASE) \
	  $(if $(filter no,$(SIGN)),,--cosign=$(CURDIR)/$(TOOLS)/cosign --key=$(COSIGN_KEY))

# The file SHA256SUMS of a release, to compare its downloads as well as its images.
SUMS ?=

.PHONY: verify-release
verify-release: ## Build the release VERSION=v1.2.3 of REGISTRY=host/path again and compare digests (SUMS=file: and downloads)
	[ -z "$$(git status --porcelain)" ] || { echo 'verify-release: it builds what is checked out: commit or stash what git status lists' >&2; exit 1; }
	rm -rf bin/verify
	cd tests && go run ./release/cmd/release verify $(RELEASE) --checksums=$(SUMS)

.PHONY: generate
generate: generate-api generate-monitoring generate-reference render ## Regenerate all that is generated: deepcopy, CRDs, alerts, reference, manifests

.PHONY: generate-api
generate-api: $(TOOLS)/controller-gen ## Generate deepcopy functions and CRDs from shared/dialect, and put copies where they are needed
	cd shared
	../$(TOOLS)/controller-gen object paths=./dialect/... paths=./syncstatus
	for folder in $$(ls -d dialect/*/ dialect/dialecttest/*/ | grep -vE 'dialect/(all|dialecttest)/$$|testdata'); do
	  ../$(TOOLS)/controller-gen crd "paths=./$$folder..." "output:crd:artifacts:config=$$folder"
	  case $$folder in
	    dialect/dialecttest/*) ;;
	    dialect/kes/) cp "$$folder"*_*.yaml ../crds/; cp "$$folder"*_*.yaml ../kustomize/base/crds/ ;;
	    dialect/eso/|dialect/vso/|dialect/sealed/)
	      name=$$(basename "$$folder")
	      mkdir -p "../crds/$$name" "../kustomize/components/dialects/$$name"
	      cp "$$folder"*_*.yaml "../crds/$$name/"; cp "$$folder"*_*.yaml "../kustomize/components/dialects/$$name/" ;;
	    *) cp "$$folder"*_*.yaml ../crds/; cp "$$folder"*_*.yaml "../kustomize/components/dialects/$$(basename "$$folder")/" ;;
	  esac
	done

.PHONY: generate-monitoring
generate-monitoring: ## Make the operator's PrometheusRule of the plain rule file
	cd kustomize/components/monitoring
	{ echo "# Made of rules.yaml by make generate. Change it there."
	  printf '%s\n' 'apiVersion: monitoring.coreos.com/v1' 'kind: PrometheusRule' 'metadata:' '  name: secretgate' 'spec:'
	  grep -v '^#' rules.yaml | sed 's/^./  &/'
	} > prometheus-rule.yaml

.PHONY: generate-reference
generate-reference: ## Write what the code says into kustomize/docs: flags, metrics and reasons (reference.md), fields (api.md)
	UPDATE_REFERENCE=1 go test -count=1 -p 1 -run '^TestReference(OfRestarts)?$$' ./shared/plan ./syncer/internal/controller ./syncer/app ./webhook/app ./webhook/cli ./tests/docs

.PHONY: render
render: generate-api $(TOOLS)/kustomize ## Render kustomize/overlays/* into manifests/
	for overlay in $(OVERLAYS); do
	  { echo "# Rendered from kustomize/overlays/$$overlay by make render. Change it there."
	    $(TOOLS)/kustomize build "kustomize/overlays/$$overlay"
	  } > "manifests/.$$overlay"
	  mv "manifests/.$$overlay" "manifests/$$overlay.yaml"
	done

##@ Try

.PHONY: lab
lab: build ## Start a local API server, Vault, clouds and both services in the background (.lab/env)
	cd tests && go run ./lab/cmd/lab up

.PHONY: lab-down
lab-down: ## Stop what `make lab` started
	cd tests && go run ./lab/cmd/lab down

.PHONY: lab-build
lab-build: ## Build the lab's servers that .cache/ lacks (ten minutes and more for all), and start nothing
	cd tests && go run ./lab/cmd/lab build

.PHONY: cluster
cluster: ## Start a real cluster of two nodes in the background, with the images of both services (Linux, root)
	$(MAKE) images PLATFORMS=linux/$$(go env GOARCH)
	cd tests && go run ./node/cmd/node up --images=$(CURDIR)/bin/images/webhook.tar,$(CURDIR)/bin/images/syncer.tar

.PHONY: cluster-down
cluster-down: ## Stop what `make cluster` started
	cd tests && go run ./node/cmd/node down

.PHONY: cluster-packages
cluster-packages: ## Install what a cluster's nodes take from Debian: runc, CNI plugins, nftables, iproute2 (root)
	tests/node/install-packages

.PHONY: demo
demo: ## Watch the main job on the lab, step by step (DEMO_KEEP=1 leaves it running)
	[ -e bin/demo ] || echo 'webhook, syncer, demo: compiling (some minutes, once)'
	go build -buildvcs=false -ldflags '-X main.version=$(VERSION)' -o bin/ ./webhook/cmd/webhook ./syncer/cmd/syncer ./tests/demo
	bin/demo

##@ Test

.PHONY: test
test: ## Run all tests: test-unit, then test-e2e
	$(MAKE) test-unit
	$(MAKE) test-e2e

.PHONY: test-unit
test-unit: $(TOOLS)/gotestsum $(TOOLS)/cosign ## Run the tests that need nothing but Go
	$(GOTESTSUM) -- -timeout 20m ./shared/... ./webhook/... ./syncer/... $(unit_tests)
	GOWORK=off go -C tests/interop/sealedsecrets test ./...

.PHONY: test-e2e
test-e2e: build lab-build $(TOOLS)/gotestsum $(TOOLS)/prometheus $(TOOLS)/promtool $(KUBESEAL) ## Run the tests that need the lab, on labs of their own
	$(GOTESTSUM) -- -count=1 -p 1 -timeout 40m ./tests/integration/... ./tests/e2e/... ./tests/monitoring/...

.PHONY: test-compat
test-compat: export LAB_KUBERNETES = oldest
test-compat: build lab-build $(TOOLS)/gotestsum $(KUBESEAL) ## Run the end-to-end tests on the oldest Kubernetes that is supported
	$(GOTESTSUM) -- -count=1 -timeout 40m ./tests/e2e/...

.PHONY: test-cluster
test-cluster: $(TOOLS)/gotestsum ## Run the tests that need a real cluster, on one of their own (Linux, root)
	[ "$$(id -u)" = 0 ] || { echo 'test-cluster: a cluster needs root, for its namespaces, network and containers: run this as root' >&2; exit 1; }
	$(MAKE) images PLATFORMS=linux/$$(go env GOARCH)
	$(GOTESTSUM) -- -count=1 -timeout 25m ./tests/cluster/...

# `go test` runs the seeds, beside each target and below its testdata/fuzz; what a run finds is added there and belongs into git.
FUZZTIME ?= 1m

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (1m); what fails is kept as a seed
	grep -rlE '^func Fuzz' --include='*_test.go' $(MODULES) | xargs -n 1 dirname | sort -u | while read -r folder; do
	  for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9]+' "$$folder"/*_test.go | cut -d ' ' -f 2); do
	    echo "fuzz $$folder $$target"
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "./$$folder"
	  done
	done

##@ Measure

# More flags: make bench BENCH_FLAGS=--quick; `cd tests && go run ./bench --help` lists them.
BENCH_FLAGS   ?=
SOAK_DURATION ?= 1h
SOAK_FLAGS    ?=

.PHONY: bench
bench: build lab-build ## Measure both services on labs of their own, 50 minutes (BENCH_FLAGS=--quick: 10); writes tests/bench/RESULTS.md
	cd tests && go run ./bench $(BENCH_FLAGS)

.PHONY: soak
soak: build lab-build ## Disturb two syncers at random for SOAK_DURATION (1h): nothing may get stuck, memory must stay flat
	cd tests && go run ./soak --duration $(SOAK_DURATION) $(SOAK_FLAGS)

##@ Check

.PHONY: fmt
fmt: $(TOOLS)/golangci-lint ## Format the Go code, imports in three groups
	$(TOOLS)/golangci-lint fmt $(MODULES)

.PHONY: words
words: ## Refuse words that the field does not use: CONTRIBUTING.md says what to write
	found=0
	git grep -nIE '[Nn]obody|[Ss]omebody|[Aa]nybody|[Ww]hoever|[Ww]hichever|\b([Mm]end(s|ed|ing)?|[Ff]or want of|[Tt](ells?|old) of|[Tt]ells? whether|[Ll]edgers?|[Ss]ightings?|[Ss]tillborn|[Tt]ells? apart|[Bb]ehind (our|the webhook.s) back)\b' \
	  -- . ':!Makefile' ':!CONTRIBUTING.md' || found=$$?
	case $$found in
	  0) echo 'words: CONTRIBUTING.md says what to write in place of the above' >&2; exit 1 ;;
	  1) ;; # none
	  *) exit 1 ;;
	esac

.PHONY: workflows
workflows: $(TOOLS)/actionlint ## Lint GitHub's workflows
	$(TOOLS)/actionlint -shellcheck= -pyflakes=

.PHONY: licences
licences: ## Check that all that the programs link is under a licence that may be passed on with ours
	cd tests && go run ./images/cmd/licences --platforms=$(PLATFORMS),$(DESKTOPS)

# What `make vulnerabilities` does where its database cannot be reached: it fails, or (skip) says so and goes on.
UNREACHABLE ?= fail

.PHONY: vulnerabilities
vulnerabilities: $(TOOLS)/govulncheck ## Look for known vulnerabilities in what the services call (needs https://vuln.go.dev)
	for service in webhook syncer; do
	  code=0
	  said=$$(cd "$$service" && $(CURDIR)/$(TOOLS)/govulncheck ./cmd/... 2>&1) || code=$$?
	  case $$code in
	    0) echo "vulnerabilities: none known in what $$service calls"; continue ;;
	    3) echo "$$said"; echo "vulnerabilities: $$service calls the above: update its modules, or the Go that builds it" >&2; exit 1 ;;
	  esac
	  grep -q 'fetching vulnerabilities' <<<"$$said" || { echo "$$said" >&2; exit 1; }
	  echo "vulnerabilities: $$service is NOT CHECKED, as their database cannot be reached: $$said" >&2
	  [ $(UNREACHABLE) = skip ] || exit 1
	done

.PHONY: lint
lint: words workflows $(TOOLS)/golangci-lint ## Lint each module; .golangci.yml says by which rules
	failed=
	for module in $(MODULES); do
	  echo "lint $$module"
	  (cd "$$module" && ../$(TOOLS)/golangci-lint run ./...) || failed+=" $$module"
	done
	[ -z "$$failed" ] || { echo "lint: see above:$$failed" >&2; exit 1; }

.PHONY: vet
vet: ## Run go vet on all modules
	go vet $(MODULES:%=./%/...)

.PHONY: tidy
tidy: ## Tidy every go.mod
	for module in $(MODULES) tests/interop/sealedsecrets $(filter-out tests/tools/prometheus,$(wildcard tests/tools/*)); do GOWORK=off go -C "$$module" mod tidy; done

.PHONY: borders
borders: ## Prove the borders between the modules, and that each builds without the workspace
	refuse() { # module, pattern, what is wrong: none of the module's dependencies may match
	  local dependencies
	  dependencies=$$(go list -deps "./$$1/...")
	  if grep -E "$$2" <<<"$$dependencies" >&2; then echo "borders: $$1 depends on the above: $$3" >&2; exit 1; fi
	}
	refuse shared '/controller-runtime|/client-go|prometheus|aws-sdk|azure-sdk|vault/api|cloud\.google\.com|aliyun' 'it must stay pure'
	refuse shared 'secretgate/secretgate/(webhook|syncer|tests)' 'it is what both services build on'
	refuse webhook 'aws-sdk|azure-sdk|vault/api|cloud\.google\.com|aliyun' 'it holds no cloud credential and links no cloud SDK'
	refuse webhook 'secretgate/secretgate/(syncer|tests)|/dialecttest' 'the services never import each other'
	refuse syncer 'secretgate/secretgate/(webhook|tests)|/dialecttest' 'the services never import each other'
	for name in $$(ls -d shared/dialect/*/ | xargs -n 1 basename | grep -vxE 'all|dialecttest'); do # of each dialect
	  alone=$$(go list -f '{{.ImportPath}}{{range .Imports}} {{.}}{{end}}' ./shared/... ./webhook/... ./syncer/... |
	    grep -vE "^[^ ]*/dialect/($$name|all)(/| |$$)" | grep -E " [^ ]*/dialect/$$name(/[^ ]*)?( |$$)" | cut -d ' ' -f 1 || true)
	  if [ -n "$$alone" ]; then echo "borders: only its own folders and the lists may import dialect $$name, which this does: $$alone" >&2; exit 1; fi
	done
	if git grep -nE '\bbackends?\.(AWSSecretsManager|AWSParameterStore|Vault|AzureKeyVault|GCPSecretManager|AlicloudKMS)\b' -- \
	  'shared/*.go' 'webhook/*.go' 'syncer/*.go' ':!*_test.go' ':!shared/backend' ':!shared/dialect' ':!syncer/internal/dialect' \
	  ':!syncer/backend/*/*.go' ':!syncer/app/run.go' ':!syncer/internal/config' >&2; then
	  echo 'borders: the above names a backend, which only its driver, shared/backend, dialects and the list of drivers may' >&2; exit 1
	fi
	for module in $(MODULES); do GOWORK=off go -C "$$module" build ./...; done

.PHONY: verify
verify: ## Check all but the tests: borders, then regenerate, tidy, format, vet, lint, licences; fail on a difference
	$(MAKE) borders
	$(MAKE) generate
	$(MAKE) tidy
	$(MAKE) fmt
	$(MAKE) vet
	$(MAKE) lint
	$(MAKE) licences
	$(MAKE) vulnerabilities UNREACHABLE=skip
	git diff --exit-code || { echo 'verify: the above differs from what was staged or committed: look, then stage it' >&2; exit 1; }
	untracked=$$(git ls-files --others --exclude-standard -- crds kustomize manifests shared/dialect '*go.sum')
	[ -z "$$untracked" ] || { echo "verify: generated, but not in git: $$untracked" >&2; exit 1; }

##@ Keep house

.PHONY: clean
clean: ## Stop lab and cluster; remove bin/, .lab/ and .cluster/, keep the built servers and tools
	if [ -d .lab ]; then (cd tests && go run ./lab/cmd/lab down); fi
	if [ -d .cluster ]; then (cd tests && go run ./node/cmd/node down); fi
	rm -rf bin .lab .cluster

.PHONY: clean-cache
clean-cache: clean ## Remove .cache/ too: the next lab builds its servers again
	rm -rf .cache

.PHONY: help
help: ## List the targets
	awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile

$(TOOLS)/%: tests/tools/%/go.mod
	echo "build $* (once)"
	GOWORK=off go -C tests/tools/$* build -o $(CURDIR)/$@ tool
	touch $@

# Unoptimised, which halves the time: a minute and a half on two cores.
$(TOOLS)/cosign: tests/tools/cosign/go.mod
	echo "build cosign (once, some minutes)"
	GOWORK=off go -C tests/tools/cosign build -gcflags 'all=-N -l -dwarf=false' -ldflags '-s -w' -o $(CURDIR)/$@ tool
	touch $@

# Unoptimised, which halves the time: a minute and a half for both on two cores. kubeseal says its version, as its suite expects.
$(TOOLS)/kubeseal: tests/tools/kubeseal/go.mod
	echo "build kubeseal (once, a minute)"
	version=$$(GOWORK=off go -C tests/tools/kubeseal list -m -f '{{.Version}}' github.com/bitnami/sealed-secrets)
	GOWORK=off go -C tests/tools/kubeseal build -gcflags 'all=-N -l -dwarf=false' -ldflags "-s -w -X main.VERSION=$$version" -o $(CURDIR)/$@ tool
	touch $@

$(TOOLS)/sealed-secrets-suite: tests/tools/kubeseal/go.mod
	echo "build the integration suite of Sealed Secrets (once)"
	GOWORK=off go -C tests/tools/kubeseal test -c -tags integration -gcflags 'all=-N -l -dwarf=false' -ldflags '-s -w' \
	  -o $(CURDIR)/$@ github.com/bitnami/sealed-secrets/integration
	touch $@

# Without service discovery but Kubernetes', whose modules the proxy does not all have (which is why `tidy` leaves this one
# out), and unoptimised, which halves the time. After a change of the version: GOWORK=off go list -mod=mod -deps -tags remove_all_sd tool
$(TOOLS)/prometheus $(TOOLS)/promtool &: tests/tools/prometheus/go.mod
	echo "build Prometheus (once, some minutes)"
	GOWORK=off go -C tests/tools/prometheus build -tags remove_all_sd -gcflags 'all=-N -l -dwarf=false' -ldflags '-s -w' -o $(CURDIR)/$(TOOLS)/ tool
	touch $(TOOLS)/prometheus $(TOOLS)/promtool
