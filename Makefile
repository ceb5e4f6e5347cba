# `make` alone lists the targets. `make demo` needs Python 3.11, git and make, nothing else.

.DEFAULT_GOAL := help
.NOTPARALLEL:
SHELL := /bin/sh

# The interpreter that makes .venv; without it, the first Python 3.11 on the PATH.
PYTHON ?=
BIN := .venv/bin
STAMP := .venv/.laurel-setup
# A slow mirror should not end a first set-up, nor a proxy whose certificate this machine trusts.
export UV_HTTP_TIMEOUT ?= 300
export UV_SYSTEM_CERTS ?= $(if $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt),true,false)
# The same examples of every property each time; plain pytest looks for new ones.
PYTEST := $(BIN)/pytest -n 2 --hypothesis-profile=repeatable
COMPILE := $(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate $(UPGRADE)

.PHONY: compiled help setup demo up down test check bench lock clean

help:  ## list the targets
	@printf 'Laurel: batch machine learning on Airflow.\n\n'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

# Many processes of the tests import Laurel, and an environment may keep Python from compiling it once.
compiled: $(STAMP)
	@$(BIN)/python -m compileall -q include plugins dags tests/support

setup: compiled  ## make .venv from the lock, with this checkout installed in it; at once when done
	@echo "set up: .venv holds locks/dev.lock"

demo: compiled  ## the flights use case from nothing to a champion and reports, on a real Airflow
	@$(BIN)/laurel demo

up: compiled  ## start the local stack (PostgreSQL and Airflow, on loopback)
	@$(BIN)/laurel up

down:  ## stop the local stack and leave no process behind; data stays in .laurel
	@if [ -x $(BIN)/laurel ]; then $(BIN)/laurel down; else echo "nothing is set up, so nothing is up"; fi

test: check  ## everything: check, then the tests that need servers, the scheduler, minutes
	$(PYTEST) -m slow --dist loadfile

check: compiled  ## what a commit must pass: lint, format, types, import contracts, fast tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/laurel dvc sync --check
	$(BIN)/laurel schema sync --check
	$(PYTEST) -m "not slow"

bench: $(STAMP)  ## measure Laurel side by side with bare scripts
	$(BIN)/python benchmarks/run.py

lock: $(STAMP)  ## resolve the locks anew from pyproject.toml (UPGRADE=--upgrade for newer versions)
	$(COMPILE) --output-file locks/uv.lock locks/uv.in
	$(COMPILE) --extra dev --output-file locks/dev.lock pyproject.toml
	$(COMPILE) --constraints locks/dev.lock --output-file locks/build.lock locks/build.in
	$(COMPILE) --constraints locks/dev.lock --no-deps --output-file locks/demo.lock locks/demo.in
	$(COMPILE) --extra production --constraints locks/dev.lock --output-file locks/production.lock pyproject.toml
	$(COMPILE) --output-file locks/peers.lock locks/peers.in

clean:  ## remove .venv, caches and build output; .laurel, which holds records and data, stays
	@if [ -x $(BIN)/laurel ]; then $(BIN)/laurel down || exit 1; fi
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find dags include plugins tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml locks/uv.lock locks/dev.lock
	@set -e; \
	if ! $(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then \
		for python in "$(PYTHON)" python3.11 python3 python; do \
			[ -n "$$python" ] || continue; \
			"$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && break; \
			[ "$$python" != "$(PYTHON)" ] || { echo "error: PYTHON=$$python is not a Python 3.11" >&2; exit 1; }; \
			python=; \
		done; \
		[ -n "$$python" ] || { echo "error: there is no Python 3.11 on the PATH: $$(python3 --version 2>&1)" >&2; \
			echo "hint: the lock is for Python 3.11; name one with: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }; \
		"$$python" -m venv --clear .venv || { \
			echo "hint: some distributions put the venv module into a package of its own: python3.11-venv" >&2; exit 1; }; \
	fi
	@echo "installing the locked packages into .venv; the first time this takes a minute or two"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/uv.lock
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode locks/dev.lock || { \
		echo "hint: uv does not read pip's configuration; name a mirror with UV_DEFAULT_INDEX" >&2; exit 1; }
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@
