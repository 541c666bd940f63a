# Everything a person or a build machine does with Turnstile. Needed: Rust, make, gcc, and for the private servers
# either Postgres and RabbitMQ or apt-get to install them. `make help` lists the targets.
#
# Settings are variables, before or after the target: PORT, TURNSTILE_HOME, PUBLIC_URL, DATABASE_URL, AMQP_URL and
# RULES_AMQP_URL, TEST_CLOCK=1, RATE_LIMITS=off. Each is explained in tests/src/settings.rs, those of the services in
# ticketing/src/config.rs and rules/src/config.rs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
DEBUG := $(or $(CARGO_TARGET_DIR),target)/debug
PORT ?= 5000
FUZZER := target/schemathesis
# For example FUZZ_OPTIONS='--max-examples 500 --seed 1'; at most one hour, then the login ends.
FUZZ_OPTIONS ?= --max-examples 50

.PHONY: help build run verify grant season bench chaos chaos-full chaos-short test check fmt clippy doc diagram openapi fuzz-api \
	docker-check clean

help: ## Lists the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

build:
	@[[ -x $(RELEASE)/turnstile ]] || echo 'Building Turnstile; the first time takes a few minutes …'
	@$(CARGO) build --release --quiet -p ticketing -p rules -p tests --bins

run: build ## Runs everything on this machine, private Postgres and RabbitMQ included; Ctrl-C stops it.
	@$(RELEASE)/turnstile run

verify: build ## Checks the stored history and every projection, beside a running system or alone.
	@$(RELEASE)/turnstile verify

# USER is set in every shell, so only one given to make counts.
grant: build ## Gives an account a tier or the role admin: make grant USER=john TIER=premium
	@if [[ '$(origin USER)' != 'command line' || -z '$(TIER)' ]]; then \
		echo 'usage: make grant USER=<username> TIER=<premium|standard|default|admin>' >&2; exit 2; fi
	@$(RELEASE)/turnstile grant '$(USER)' '$(TIER)'

season: build ## Fills a season of stadiums, matches and people to try things out, with fresh tokens.
	@$(RELEASE)/turnstile generate-data

# For example OPTIONS=--quick, or OPTIONS='--only accept,check'; see tests/BENCHMARKS.md.
bench: build ## Measures the system on this machine, each figure beside a reference.
	@$(RELEASE)/turnstile bench $(OPTIONS)

# For example FAULT=kill_rabbitmq,silence CYCLES=10 SEED=7; without any: every fault once.
chaos: build ## Breaks a throwaway system and checks what is left: make chaos SEED=… CYCLES=… FAULT=…
	@$(RELEASE)/turnstile chaos $(if $(SEED),--seed $(SEED)) $(if $(CYCLES),--cycles $(CYCLES)) \
		$(if $(FAULT),--fault $(FAULT)) $(CHAOS_OPTIONS)

chaos-full: build ## Every fault as often as promised, and every control (two hours; goes on where it was stopped).
	@$(RELEASE)/turnstile chaos --profile full $(if $(SEED),--seed $(SEED)) $(if $(FAULT),--fault $(FAULT)) $(CHAOS_OPTIONS)

# The same plan every time, so that a red build is the change's; `make chaos` tries others.
chaos-short: ## Every fault once, on what `make test` has built (some six minutes on two cores).
	@$(DEBUG)/turnstile chaos --seed $(or $(SEED),1)

# Servers that are thrown away need no disk; in memory the tests take an eighth less time.
IN_MEMORY = $(shell [ "$$(df --output=avail -k /dev/shm 2> /dev/null | tail -1)" -gt 4000000 ] 2> /dev/null && echo TMPDIR=/dev/shm)

# In one go what the tests run and the tests: the largest crate is compiled for both at once, a core each.
test: ## Runs all tests, with servers of their own on free ports.
	$(CARGO) build --workspace --bins --tests
	$(IN_MEMORY) $(CARGO) test --workspace

check: fmt clippy doc test chaos-short ## Everything a change has to pass: fmt, clippy, docs, tests, every fault once.

fmt:
	$(CARGO) fmt --all --check

clippy:
	$(CARGO) clippy --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' $(CARGO) doc --workspace --no-deps --document-private-items

diagram: ## Draws the tables of schema/current into ARCHITECTURE.md.
	@$(CARGO) run --quiet -p tests -- diagram

openapi: ## Writes openapi.yaml.
	@$(CARGO) run --quiet -p ticketing -- openapi > openapi.yaml.draft
	@mv openapi.yaml.draft openapi.yaml

fuzz-api: build $(FUZZER)/ready ## Fuzzes the API of a throwaway system by its document, as administrator and as guest.
	@$(RELEASE)/turnstile with-system -- bash -euc 'fuzz() { $(FUZZER)/bin/st --config-file \
		.config/schemathesis.toml run "$$TURNSTILE_URL/openapi.json" $(FUZZ_OPTIONS) "$$@"; }; failed=0; \
		fuzz -H "Authorization: Bearer $$TURNSTILE_ADMIN_TOKEN" || failed=$$?; fuzz || failed=$$?; exit $$failed'

$(FUZZER)/ready: .config/schemathesis-requirements.txt
	@python3 -m venv $(FUZZER)
	@$(FUZZER)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

docker-check: ## Lints docker/; where an engine answers, builds the image and plays a whole life in containers.
	@docker/check/check.sh

clean: ## Deletes what was built. The data in .turnstile stay.
	$(CARGO) clean
