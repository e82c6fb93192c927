# Everything runs in a private environment, .venv, which the first `make` builds; later runs start at once.
# PYTHON=python3.12 chooses the interpreter, ETCD=/path/to/etcd the demo's etcd; ARGS="--story" go to the demo or to pytest.

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test bench check proto clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo ## etcd, a fleet of servers and clients, and the dashboard, until Ctrl-C
	@exec $(BIN)/lbdash demo $(if $(ETCD),--etcd-binary '$(ETCD)') $(ARGS)

# The checks and the tests both run, whatever the other says; the summary of pytest comes last.
test: $(VENV)/.test .venv-proto/.done ## what CI runs: ruff, mypy, import contracts, unit, integration and browser tests
	@tests/chromium.sh || true
	@checks=0; tests/check.sh || checks=$$?; \
	$(BIN)/pytest --ignore=tests/bench $(ARGS) && exit $$checks

bench: $(VENV)/.test ## the budgets, each measured against a bare baseline in the same run
	@echo "name value unit ratio budget"
	@for file in tests/bench/bench_*.py; do \
	  name=$${file##*/}; $(BIN)/python -m tests.bench.$${name%.py} $(ARGS) || exit 1; done

check: $(VENV)/.test .venv-proto/.done ## ruff, mypy, import contracts, freshness of the stubs
	@tests/check.sh

proto: .venv-proto/.done ## make the stubs again after editing a .proto
	@lbdash/proto/generate.sh

clean: ## remove what make built; var/ (your database and keys) stays
	rm -rf $(VENV) .venv-proto build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "lbdash needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; \
	  exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  rm -rf $(VENV); echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing lbdash into $(VENV) ..." >&2
	@$(PIP) --editable '.[dashboard,demo]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing lbdash and its tools into $(VENV) ..." >&2
	@$(PIP) --editable '.[dashboard,demo,test]'
	@touch $@ $(VENV)/.demo

# Apart, because these old tools want an old protobuf. Without a wheel for this Python the check of the stubs is left out.
.venv-proto/.done: | $(BIN)/python
	@$(BIN)/python -m venv .venv-proto
	@.venv-proto/bin/python -m pip --disable-pip-version-check install --quiet --only-binary :all: \
	  grpcio-tools==1.62.3 grpcio==1.62.3 'protobuf<5' 'setuptools<81' || true
	@touch $@
