# Everything a person does here, by name: `make help`. Each target is thin; what it runs works without make as well.

STATE ?= .comanda
export COMANDA_STATE ?= $(abspath $(STATE))
# The linter, pinned: the same findings for everyone.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
# As dapr/local builds the rest, so that the build cache holds what they share once.
BUILD = CGO_ENABLED=0 go build -trimpath -buildvcs=false
LOCAL = $(COMANDA_STATE)/bin/local
# docker-compose 1.29, or Compose v2, which is a command of docker.
COMPOSE ?= $(if $(shell command -v docker-compose),docker-compose,docker compose)
# Handed on: make run ARGS=-v, make test ARGS='-run Journey'
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help build run restart deps dapr-cli chaos demo up down scale demo-compose test test-unit test-compose lint vet fmt bench clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\n  %s\n' 'COMANDA_BACKING=embedded|apache|containers|external chooses where Postgres and Kafka come from (run, test, bench).'

build: ## Build the Dapr runtime and the services (minutes the first time)
	@$(BUILD) -o $(LOCAL) ./dapr/local
	@$(LOCAL) $(ARGS) build

# Its own program rather than `go run`, so that it notices when make, or the program that started make, is gone.
run: ## Start everything on this machine and keep it running; Ctrl-C stops it (ARGS=-v shows all logs, ARGS=-stock runs Dapr's own outbox)
	@test -x $(LOCAL) || echo 'Building everything: some minutes, the first time only.'
	@$(BUILD) -o $(LOCAL) ./dapr/local
	@exec $(LOCAL) $(ARGS)

restart: ## Rebuild one service and replace the running one: make restart SERVICE=order
	@$(BUILD) -o $(LOCAL) ./dapr/local
	@$(LOCAL) restart $(SERVICE)

deps: ## Start Postgres and Kafka alone, for `dapr run -f dapr/dapr.yaml`; prints the line that loads the environment
	@$(BUILD) -o $(LOCAL) ./dapr/local
	@exec $(LOCAL) $(ARGS) deps

dapr-cli: ## Build the Dapr CLI and our runtime, for `dapr run` on a machine that has no Dapr
	@$(BUILD) -o $(LOCAL) ./dapr/local
	@$(LOCAL) cli

demo: ## Play a customer and the kitchen against the running system
	@go run ./tests/demo $(ARGS)

up: ## Start everything in containers: needs Docker, and JWT_SECRET_KEY in the environment or in .env
	@$(COMPOSE) up -d

scale: ## The same with three of order and three of product
	@$(COMPOSE) -f docker-compose.yml -f docker-compose.scale.yml up -d

down: ## Stop and remove the containers; data stays
	@$(COMPOSE) -f docker-compose.yml -f docker-compose.scale.yml down

# Of what Compose prints, which may be how it builds an image, only what sets a variable.
demo-compose: ## Play the demo against the containers
	@shown=$$($(COMPOSE) run --rm -T secrets show) && set -a && \
		eval "$$(printf '%s\n' "$$shown" | grep -E "^[A-Z_]+='.*'\$$")" && \
		COMANDA_URL=$${COMANDA_URL:-http://127.0.0.1:8080} go run ./tests/demo $(ARGS)

test: ## Run all tests: units, stores on a real Postgres, the whole system on real sidecars and a broker
	@echo "Postgres and Kafka: COMANDA_BACKING=$${COMANDA_BACKING:-embedded}"
	go test -count=1 -timeout 30m $(ARGS) ./...
	CGO_ENABLED=0 go -C dapr/build test -trimpath -count=1 $(ARGS) ./...
	go -C dapr/daprd test -count=1 -timeout 30m $(ARGS) ./...
	CGO_ENABLED=0 go -C tests/kubernetes test -trimpath -count=1 $(ARGS) ./...
	CGO_ENABLED=0 go -C tests/alerts test -trimpath -count=1 $(ARGS) ./...

chaos: ## Kill random parts while customers order: 50 times, every 3 s (ARGS='-kills 100')
	go test ./tests/journey -count=1 -timeout 30m -v -run TestNoOrderIsLost -kills 50 $(ARGS)

test-unit: ## Run the tests that need no whole system
	go test -short $(ARGS) ./services/... ./infra/... ./dapr/...

# In the folder itself, so that it tells how far it is while it runs. It takes down what it brings up.
test-compose: ## Prove docker-compose.yml on this machine's Docker (opt-in, 20 minutes; WITHOUT="grafana kafka-ui" leaves out what cannot be had)
	@WITHOUT="$(WITHOUT)" go -C tests/compose test -tags compose -count=1 -timeout 60m $(ARGS)

vet: ## Run go vet on every module
	go vet -tags compose ./...
	CGO_ENABLED=0 go -C dapr/build vet -trimpath ./...
	CGO_ENABLED=0 go -C dapr/daprd vet -trimpath ./...
	CGO_ENABLED=0 go -C infra/broker vet -trimpath ./...
	CGO_ENABLED=0 go -C dapr/cli vet -trimpath ./...
	CGO_ENABLED=0 go -C tests/kubernetes vet -trimpath ./...
	CGO_ENABLED=0 go -C tests/alerts vet -trimpath ./...

lint: ## Check formatting and run staticcheck
	@unformatted=$$(gofmt -l services infra dapr tests); if [ -n "$$unformatted" ]; then echo "gofmt -w these: $$unformatted"; exit 1; fi
	go run $(STATICCHECK) -tags compose ./...

fmt: ## Format the code
	gofmt -w services infra dapr tests

bench: ## Measure our outbox against Dapr's own
	go test -run '^$$' -bench . -benchtime 1x -timeout 30m $(ARGS) ./tests/...

clean: ## Remove what was built; data, secrets and logs stay
	rm -rf $(COMANDA_STATE)/bin $(COMANDA_STATE)/runtime $(COMANDA_STATE)/runtime-stock $(COMANDA_STATE)/src
