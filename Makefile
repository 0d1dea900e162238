# Two commands for a new machine: `make demo` and `make test`. Everything they need, they set up.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
PACKAGES := receiver reconciler schemas deploy tests

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements/dev.txt pyproject.toml
	@echo "setting up $(VENV) (first run: about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: setup
setup: $(STAMP) ## make the virtual environment from the pinned requirements

# Most tests wait more than they work, so two halves run side by side: $(1), and what is left of $(2). $(3) are options.
define halves
told=$$(mktemp); failed=; \
	$(BIN)/pytest -q -p no:cacheprovider $(3) $(1) >$$told 2>&1 & half=$$!; \
	$(BIN)/pytest -q $(3) $(2) $(addprefix --ignore=,$(1)) || failed=1; \
	wait $$half || failed=1; \
	cat $$told; rm $$told; test -z "$$failed"
endef
QUICK_HALF := $(addprefix tests/unit/,receiver schemas spool) tests/contract tests/fuzz
SLOW_HALF := $(addprefix tests/integration/,audit commands dispatch downstream simulator submit sweep thingspace)

.PHONY: check
check: $(STAMP) ## format, lint, import contracts, types, unit and contract tests (under a minute)
	@$(BIN)/ruff format --check --quiet $(PACKAGES)
	@$(BIN)/ruff check --quiet $(PACKAGES)
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache
	@$(BIN)/mypy & types=$$!; \
	$(call halves,$(QUICK_HALF),tests/unit) || failed=1; \
	wait $$types && test -z "$$failed"

.PHONY: format
format: $(STAMP) ## rewrite the code in the project's format
	@$(BIN)/ruff format $(PACKAGES)
	@$(BIN)/ruff check --fix $(PACKAGES)

.PHONY: test
test: check ## all tiers, on a real Kafka and a real PostgreSQL
	@$(call halves,$(SLOW_HALF),tests/integration tests/acceptance,--durations=15)

.PHONY: faults
faults: $(STAMP) ## break the running product from a seed, check what must hold (ARGS="--list" and more)
	@$(BIN)/python -m tests.faults $(ARGS)

.PHONY: watchdog
watchdog: $(STAMP) ## how long a dead consumer stays unnoticed, with the limits of production (two minutes)
	@$(BIN)/python -m tests.watchdog $(ARGS)

.PHONY: mutations
mutations: $(STAMP) ## break the product on purpose, see that the checks of `make faults` notice (an hour)
	@$(BIN)/python -m tests.mutations $(ARGS)

.PHONY: reliability
reliability: $(STAMP) ## the tables of RELIABILITY.md from the kept results: runs nothing
	@$(BIN)/python -m tests.faults.reliability

$(VENV)/.fuzz: requirements/fuzz.txt $(STAMP)
	@$(BIN)/pip install --quiet --require-hashes -r requirements/fuzz.txt
	@touch $@

.PHONY: fuzz
fuzz: $(VENV)/.fuzz ## fuzz the parser of callbacks for a minute (ARGS="-max_total_time=600" and more)
	@$(BIN)/python -m tests.fuzz.fuzz_callback $(ARGS)

.PHONY: demo
demo: $(STAMP) ## the whole path on real parts, shown (KEEP=1 leaves it running)
	@$(BIN)/python -m deploy.local.demo $(if $(KEEP),--keep)

.PHONY: demo-stop
demo-stop: $(STAMP) ## stop what `make demo KEEP=1` left running
	@$(BIN)/python -m deploy.local.demo --stop

.PHONY: bench
bench: $(STAMP) ## throughput and latency as ratios against raw limits, in one run
	@$(BIN)/python -m tests.bench

.PHONY: lock
lock: ## renew the pinned requirements from pyproject.toml (needs `uv`)
	uv pip compile pyproject.toml --extra dev --generate-hashes --universal --python-version 3.11 --no-header -q -o requirements/dev.txt
	uv pip compile pyproject.toml --generate-hashes --universal --python-version 3.11 --no-header -q -c requirements/dev.txt -o requirements/run.txt
