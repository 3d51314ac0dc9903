# Everything here works from a clean clone, from any folder (`make -C /path run`), and installs into .venv only.
# What runs is fixed by requirements/all.txt; .venv is brought up to it only when that file has changed.

.DEFAULT_GOAL := help
.SUFFIXES:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/sh

ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
PYTHON ?= python3.11
VENV := $(ROOT)/.venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PYTHONPATH := $(ROOT)

# Tenant, file, extraction and caching code: every line and branch of it runs in the unit and integration tests.
COVERED := $(shell sed -n 's/^ *"\(.*\)",.*/\1/p' $(ROOT)/tests/coverage_rule.toml | paste -sd, -)

# Calls of each operation, and runs of a hundred steps.
FUZZ_CALLS ?= 250
MODEL_RUNS ?= 60

.PHONY: help run test check lint unit covered coverage e2e crash kills fuzz lock clean

help: ## Show this
	@sed -n 's/^\([a-z0-9]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(ROOT)/Makefile | expand -t 20

run: $(STAMP) ## A whole Muniment on this machine, with a sample set; Ctrl-C stops it
	@cd $(ROOT) && exec $(BIN)/python -m muniment up --demo

test: lint covered coverage e2e ## Everything: real PostgreSQL, Valkey, Ray Serve and PaddleOCR, and the coverage rule

check: lint unit ## Lint, types, import contracts, unit tests: under a minute, no servers

lint: $(STAMP)
	@cd $(ROOT) && $(BIN)/ruff check && $(BIN)/ruff format --check
	@cd $(ROOT) && $(BIN)/mypy muniment serve_apps actors storage tests benchmarks
	@cd $(ROOT) && $(BIN)/lint-imports

unit: $(STAMP)
	@cd $(ROOT) && exec $(BIN)/python -m pytest --numprocesses auto tests/unit

# Old measurements would count as covered what no test runs any more.
covered: $(STAMP)
	@cd $(ROOT) && $(BIN)/coverage erase
	@cd $(ROOT) && exec $(BIN)/python -m pytest --numprocesses auto --cov --cov-report= tests/unit tests/integration

e2e: $(STAMP)
	@cd $(ROOT) && exec $(BIN)/python -m pytest tests/crash tests/e2e

coverage: $(STAMP)
	@cd $(ROOT) && $(BIN)/coverage report --include='$(COVERED)' --show-missing --skip-covered --fail-under=100

crash: $(STAMP) ## Kill the file service at named points, many times over: a quarter of an hour
	@cd $(ROOT) && exec $(BIN)/python -m tests.crash

kills: $(STAMP) ## Kill everything that works on 500 extraction jobs, and say how they ended: five minutes
	@cd $(ROOT) && exec $(BIN)/python -m tests.survival

fuzz: $(STAMP) ## Thousands of calls made from the OpenAPI documents, and of steps against a model; others each time
	@cd $(ROOT) && MUNIMENT_FUZZ_CALLS=$(FUZZ_CALLS) MUNIMENT_MODEL_RUNS=$(MODEL_RUNS) exec $(BIN)/python -m pytest \
		--override-ini timeout=3600 tests/integration/openapi tests/integration/files/test_model.py

lock: ## Pin everything again, by hash, from pyproject.toml
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	@cd $(ROOT) && uv pip compile --quiet --no-header --python-version 3.11 --all-extras \
		--generate-hashes --no-emit-index-url --output-file requirements/all.txt pyproject.toml

clean: ## Remove the environment and what tools left; the data in .muniment stays
	@cd $(ROOT) && rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*

$(STAMP): $(ROOT)/requirements/all.txt
	@command -v $(PYTHON) >/dev/null || { \
		echo "Muniment needs Python 3.11, and '$(PYTHON)' is not there. Install it, or name it: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
		echo "Muniment needs Python 3.11, and '$(PYTHON)' is $$($(PYTHON) --version)." >&2; exit 1; }
	@echo "Installing what requirements/all.txt pins into .venv; this takes a few minutes once."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		-r $(ROOT)/requirements/all.txt
	@touch $(STAMP)
