# Everything a developer runs. `make` alone lists the targets.
SHELL := bash
.DEFAULT_GOAL := help

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT       := mvdan.cc/gofumpt@v0.12.0
GOVULNCHECK   := golang.org/x/vuln/cmd/govulncheck@v1.8.0

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
T ?= 10s
BENCH ?= .
BENCHTIME ?= 1s
N ?= 1000

.PHONY: help build run test test-short race chaos fuzz golden gen fmt lint vuln cover bench bench-compare bench-smoke claims peers setup

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/realtime, one static binary
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/realtime ./cmd/realtime

run: ## install Postgres if it is missing, build, serve
	@deploy/postgres.sh
	@$(MAKE) --no-print-directory build
	@exec bin/realtime serve

setup: ## install what the tests need: Postgres, npm packages
	@deploy/postgres.sh
	@tests/setup.sh

test: setup build ## run every test under the race detector (ten minutes on two cores)
	go test -race -shuffle=on -timeout 20m ./...

test-short: ## run the tests that need neither npm packages nor minutes
	go test -short -shuffle=on ./...

race: ## run the concurrent packages three times over under the race detector
	go test -race -shuffle=on -count=3 ./actors/... ./ratelimit/... ./web/...

chaos: ## kill the server 20 times and its database 4 times under load (SEED=n repeats one)
	go test -count=1 -timeout 30m -v ./tests/chaos -kills=20 -crashes=4 -rows=300000 $(if $(SEED),-seed=$(SEED))

diff: ## compare decisions under N random policies with Postgres' own (N=1000)
	@set -o pipefail; go test ./postgres/changes -run TestRandomPolicies -timeout 12h -v -diff.n $(N) | grep -v 'level='

fuzz: ## fuzz every decoder for T each (T=10s)
	@tests/fuzz.sh $(T)

golden: ## rewrite the golden frames from what the code makes now
	go test ./protocol -run Golden -update

gen: ## write the generated documents in docs: configuration.md, errors.md, claims.md, metrics.md
	go run ./cmd/realtime gen docs
	go test -count=1 ./tests/metrics -run TestMetrics -update

fmt: ## format the code
	go run $(GOFUMPT) -l -w .

lint: ## run the linters of .golangci.yml
	go run $(GOLANGCI_LINT) run

vuln: ## look for known vulnerabilities in what we use (needs the network)
	go run $(GOVULNCHECK) ./...

cover: ## measure test coverage
	go test -short -coverprofile=cover.out -coverpkg=./... ./...
	go tool cover -func=cover.out | tail -1

bench: ## run the micro-benchmarks (BENCH=regexp BENCHTIME=1s)
	@tests/bench.sh '$(BENCH)' $(BENCHTIME)

bench-compare: ## compare two results of realtime bench --json (A=before.json B=after.json)
	go run ./cmd/realtime bench compare $(A) $(B)

claims: build peers ## check every claim of docs/claims.md (a quarter of an hour on a quiet machine; ONLY=regexp for some)
	bin/realtime bench claims --only '$(ONLY)'

peers: ## build the yardsticks of the load benchmark: bin/floor (C), bin/nats-peer
	@mkdir -p bin
	cc -O2 -Wall -Wextra -o bin/floor bench/floor/floor.c
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/nats-peer ./bench/floor/nats

bench-smoke: ## run every benchmark once, to see that it works
	@tests/bench.sh . 1x
