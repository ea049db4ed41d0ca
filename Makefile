# `make demo` shows Ringfence at work, `make test` checks it. Both prepare what they need.

SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
DEMO_PORT ?= 8000
DEMO_SIP_PORT ?= 5060

.PHONY: help demo test test-postgresql check audit patch-ages bench bench-long lock format clean run dev frontend

help:
	@echo "make demo        the sample centre with simulated callers, on this machine (DEMO_PORT=8000 DEMO_SIP_PORT=5060)"
	@echo "make test        every check and test (CI=true: a missing tool is a failure)"
	@echo "make test-postgresql  every end-to-end test and the database rooms on PostgreSQL, for the night"
	@echo "make check       format, lint, types, import contracts, migrations, generated pages"
	@echo "make audit       published advisories on what is locked (RINGFENCE_ADVISORIES=folder, zip or address)"
	@echo "make patch-ages  how old each locked package is: build/patch-ages.md"
	@echo "make bench       the short figures, as a table and JSON (some minutes)"
	@echo "make bench-long  the long figures (up to an hour each)"
	@echo "make format      format and lint-fix the sources"
	@echo "make lock        renew the locked requirements"
	@echo "make clean       remove what was built, not your data"

run:
	@scripts/prepare run

dev:
	@scripts/prepare dev

frontend: run
	@scripts/frontend

demo: frontend
	@exec $(BIN)/ringfence demo --port $(DEMO_PORT) --sip-port $(DEMO_SIP_PORT)

test: dev
	@scripts/frontend
	@exec scripts/test

test-postgresql: dev
	@scripts/frontend
	@exec scripts/test --all-on-postgresql

check: dev
	@exec scripts/check

audit: dev
	@exec $(BIN)/python scripts/dependency_audit.py

patch-ages: dev
	@exec $(BIN)/python scripts/patch_ages.py

bench: dev
	@exec $(BIN)/python tests/bench/run.py

bench-long: dev
	@exec $(BIN)/python tests/bench/run.py --long

format: dev
	@$(BIN)/ruff check --fix --quiet src tests scripts
	@$(BIN)/ruff format --quiet src tests scripts

lock:
	@scripts/lock

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist \
		src/ringfence/web/static/dist src/ringfence/web/frontend/node_modules
	@echo "Removed what was built. Your data folders (data, demo-data) stand."
