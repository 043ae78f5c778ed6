# Commands for developers and operators; `make help` lists them. Each target is thin: its commands also work without make.

STATE ?= .comanda
export COMANDA_STATE ?= $(abspath $(STATE))
# The linter's version is pinned so that every machine reports the same findings.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
# The same flags as in dapr/local, so that both use the same entries of the build cache.
BUILD = CGO_ENABLED=0 go build -trimpath -buildvcs=false
LOCAL = $(COMANDA_STATE)/bin/local
# docker-compose 1.29, or else Compose v2 (`docker compose`).
COMPOSE ?= $(if $(shell command -v docker-compose),docker-compose,docker compose)
# Fails if others than the owner may read the secrets in .env.
CHECK_ENV = if [ -n "$$(find .env -prune -perm /077 2>/dev/null)" ]; then echo '.env holds secrets, and others may read it: run `chmod 600 .env`' >&2; exit 1; fi
# The vulnerability scanner's version is pinned like the linter's.
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
# The modules that become programs of ours. VULNDB chooses a mirror of the database.
MODULES = . dapr/daprd dapr/cli infra/broker dapr/build
VULNDB ?= https://vuln.go.dev
# Extra arguments for the command: make run ARGS=-v, make test ARGS='-run TestNoOrderIsLost'
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help build run restart deps dapr-cli chaos demo up down scale demo-compose test test-unit fuzz test-fuzz test-compose test-docs lint vet fmt env vulncheck bench clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\n  %s\n' 'COMANDA_BACKING=embedded|apache|containers|external chooses where Postgres and Kafka come from (run, test, chaos, bench).'

build: ## Build the Dapr runtime and the services (takes minutes the first time)
	@$(BUILD) -o $(LOCAL) ./dapr/local
	@$(LOCAL) $(ARGS) build

# A built program instead of `go run`, so that it notices when make, or the parent of make, has exited.
run: ## Start the whole system on this machine; Ctrl-C stops it (ARGS=-v shows all logs, ARGS=-stock runs unmodified daprd)
	@test -x $(LOCAL) || echo 'Building everything. The first build takes some minutes.'
	@$(BUILD) -o $(LOCAL) ./dapr/local
	@exec $(LOCAL) $(ARGS)

restart: ## Rebuild one service and replace the running one: make restart SERVICE=order
	@$(BUILD) -o $(LOCAL) ./dapr/local
	@$(LOCAL) restart $(SERVICE)

deps: ## Start only Postgres and Kafka, for `dapr run -f dapr/dapr.yaml`; print the command that loads the environment
	@$(BUILD) -o $(LOCAL) ./dapr/local
	@exec $(LOCAL) $(ARGS) deps

dapr-cli: ## Build the Dapr CLI and our daprd, for `dapr run` on a machine without Dapr
	@$(BUILD) -o $(LOCAL) ./dapr/local
	@$(LOCAL) cli

demo: ## Play a customer and the kitchen against the system that `make run` started
	@go run ./tests/demo $(ARGS)

# Only the owner may read .env, regardless of the umask.
env: ## Write .env with a random JWT_SECRET_KEY, if there is none
	@if [ -e .env ]; then $(CHECK_ENV) && echo '.env exists: kept'; else \
		umask 077 && echo "JWT_SECRET_KEY=$$(head -c 48 /dev/urandom | base64 | tr -d '\n')" > .env && echo '.env written'; fi

up: ## Start the whole system in containers; needs Docker, and JWT_SECRET_KEY in the environment or in .env (make env)
	@$(CHECK_ENV)
	@$(COMPOSE) up -d

scale: ## Start the whole system in containers with three replicas of order and of product
	@$(CHECK_ENV)
	@$(COMPOSE) -f docker-compose.yml -f docker-compose.scale.yml up -d

down: ## Stop and remove the containers; keep the data
	@$(COMPOSE) -f docker-compose.yml -f docker-compose.scale.yml down

# Compose may also print the build of an image; grep keeps only the lines that set a variable.
demo-compose: ## Play the demo against the containers that `make up` started
	@shown=$$($(COMPOSE) run --rm -T secrets show) && set -a && \
		eval "$$(printf '%s\n' "$$shown" | grep -E "^[A-Z_]+='.*'\$$")" && \
		COMANDA_URL=$${COMANDA_URL:-http://127.0.0.1:8080} go run ./tests/demo $(ARGS)

# Random requests and attacks keep a whole system busy, so tests/fuzz and tests/attack do not run beside other tests; nor does tests/chaos.
test: ## Run all tests: units, stores on a real Postgres, the whole system on real sidecars and a broker
	@echo "Postgres and Kafka: COMANDA_BACKING=$${COMANDA_BACKING:-embedded}"
	go test -count=1 -timeout 30m $(ARGS) $$(go list ./... | grep -vE '/tests/(fuzz|attack|chaos)$$')
	go test -count=1 -timeout 30m -p 1 $(ARGS) ./tests/fuzz ./tests/attack ./tests/chaos
	CGO_ENABLED=0 go -C dapr/build test -trimpath -count=1 $(ARGS) ./...
	go -C dapr/daprd test -count=1 -timeout 30m $(ARGS) ./...
	CGO_ENABLED=0 go -C tests/kubernetes test -trimpath -count=1 $(ARGS) ./...
	CGO_ENABLED=0 go -C tests/alerts test -trimpath -count=1 $(ARGS) ./...
	CGO_ENABLED=0 go -C tests/contracts test -trimpath -count=1 $(ARGS) ./...
	@$(MAKE) --no-print-directory fuzz FUZZTIME=1000x

chaos: ## Break a system 300 times at random while customers order (an hour; ARGS='-faults 50', ARGS='-kinds restore', ARGS='-seed 7' replays a run)
	go test ./tests/chaos -count=1 -timeout 4h -v -faults 300 -frozen 15s -limit 20s -for 3h30m -disk 4g -kinds . $(ARGS)

test-fuzz: ## Send 2,000 random requests made from docs/openapi.yaml (schemathesis; needs Python and its package index)
	go test ./tests/fuzz -count=1 -timeout 30m -v -cases 2000 $(ARGS)

# The compiler instruments every package for this, which takes minutes the first time. `make test` tries 1,000 inputs for each
# decoder. A number of inputs, unlike a time, cannot end in the middle of one on a busy machine.
fuzz: ## Look for inputs that break the decoders at the edge: FUZZTIME (10s, or 1000x for a number of inputs) for each
	@set -e; for package in $$(grep -rl --include='*_test.go' '^func Fuzz' services | xargs -n1 dirname | sort -u); do \
		for target in $$(grep -ho '^func Fuzz[A-Za-z0-9]*' $$package/*_test.go | cut -d' ' -f2); do \
			echo "$$package $$target"; \
			go test ./$$package -run '^$$' -fuzz "^$$target\$$" -fuzztime $${FUZZTIME:-10s}; \
		done; \
	done

test-unit: ## Run only the tests that do not start the whole system
	go test -short $(ARGS) ./services/... ./infra/... ./dapr/...

test-docs: ## Test the page /docs in a real browser; needs Chromium
	go test -tags browser ./services/gateway -count=1 -run TestABrowserShowsThePage $(ARGS)

# go test runs in the package's folder, so that it prints progress while it runs. The test removes the containers it starts.
test-compose: ## Test docker-compose.yml on this machine's Docker (20 minutes; WITHOUT="grafana kafka-ui" skips services whose images are unavailable)
	@WITHOUT="$(WITHOUT)" go -C tests/compose test -tags compose -count=1 -timeout 60m $(ARGS)

vet: ## Run go vet on every module
	go vet -tags compose,browser ./...
	CGO_ENABLED=0 go -C dapr/build vet -trimpath ./...
	CGO_ENABLED=0 go -C dapr/daprd vet -trimpath ./...
	CGO_ENABLED=0 go -C infra/broker vet -trimpath ./...
	CGO_ENABLED=0 go -C dapr/cli vet -trimpath ./...
	CGO_ENABLED=0 go -C tests/kubernetes vet -trimpath ./...
	CGO_ENABLED=0 go -C tests/alerts vet -trimpath ./...
	CGO_ENABLED=0 go -C tests/contracts vet -trimpath ./...

lint: ## Check formatting and run staticcheck
	@unformatted=$$(gofmt -l services infra dapr tests); if [ -n "$$unformatted" ]; then echo "gofmt -w these: $$unformatted"; exit 1; fi
	go run $(STATICCHECK) -tags compose,browser ./...

vulncheck: ## Search all modules for known vulnerabilities (govulncheck; needs the database at VULNDB, https://vuln.go.dev)
	@for module in $(MODULES); do echo "== $$module"; go -C $$module run $(GOVULNCHECK) -db $(VULNDB) ./... || exit 1; done

fmt: ## Format the code
	gofmt -w services infra dapr tests

# ORDERS='-rounds 20 -load 20s' measures longer; docs/performance.md lists the flags.
bench: ## Measure what an order costs, against a pinned commit in the same run (ORDERS=flags); overload; our outbox against Dapr's own; searches
	go test ./tests/load -run '^$$' -bench 'Orders|Peers' -benchtime 1x -timeout 60m -v $(ORDERS)
	go test -run '^$$' -bench TwiceTheCapacity -benchtime 1x -timeout 30m $(ARGS) ./tests/load
	go test -run '^$$' -bench . -benchtime 1x -timeout 30m $(ARGS) $$(go list ./tests/... | grep -v /tests/load$$)
	go test -run '^$$' -bench . -benchtime 50x -timeout 30m $(ARGS) ./services/product

clean: ## Remove built programs; keep data, secrets and logs
	rm -rf $(COMANDA_STATE)/bin $(COMANDA_STATE)/runtime $(COMANDA_STATE)/runtime-stock $(COMANDA_STATE)/src $(COMANDA_STATE)/baseline
