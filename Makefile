PYTHON ?= python3
VENV   ?= .venv
SECONDS ?= 600
# What was downloaded for the tests is kept here, as pip's own cache may not keep it. Remove it to get newer releases.
WHEELS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/databricks-branch-sync/wheels

BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check
KEPT   := --no-index --find-links '$(WHEELS)'

# Four for two processors: many tests wait for what a watch or a workspace does. The ten slowest are told at the end.
TEST   := $(BIN)/python -m pytest -n 4 --dist loadgroup --durations=10 --durations-min=1

# Whoever has it set would have each of a thousand processes compile what it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.local: pyproject.toml setup.py | $(BIN)/python
	$(PIP) install -e '.[local]'
	@touch $@

# The tests, and what a developer needs besides. Compiling it all takes half a minute, and a tenth of it is imported: by
# the tests, and of these packages by processes that run MLflow.
COMPILED := mlflow databricks sklearn skops sqlalchemy alembic
$(VENV)/.test $(VENV)/.dev: $(VENV)/.%: pyproject.toml setup.py | $(BIN)/python
	$(PIP) install --no-compile $(KEPT) -e '.[$*]' 2>/dev/null \
	|| { $(PIP) download --only-binary :all: --dest '$(WHEELS)' '.[$*]' 'setuptools>=77' \
	  && $(PIP) install --no-compile $(KEPT) -e '.[$*]'; } \
	|| $(PIP) install --no-compile -e '.[$*]'
	@$(BIN)/python -m pytest -q --collect-only -m '' >/dev/null || true  # compiles it once, and not in each worker
	@$(BIN)/python -m compileall -q -j 0 $(COMPILED:%=$(VENV)/lib/python3*/site-packages/%) >/dev/null || true
	@touch $@ $(VENV)/.local $(VENV)/.test

dev: $(VENV)/.dev  ## a working environment in .venv

test: $(VENV)/.test  ## the tests, but for those that take long
	$(TEST) $(TESTS)

test-long: $(VENV)/.test  ## every test
	$(TEST) -m '' $(TESTS)

torture: $(VENV)/.test  ## the safety tests with every crash point, fault, mutant and hostile request, for SECONDS or longer
	TORTURE_SECONDS=$(SECONDS) $(TEST) -m '' tests/safety tests/emulator/test_hostile.py

foreign: $(VENV)/.test  ## the tests of databricks-sdk-py, the official CLI and blueprint, where FOREIGN_SDK, _CLI, _BLUEPRINT say
	$(BIN)/python -m tests.foreign $(FOREIGN)

check: $(VENV)/.dev  ## format, lint, and types on Linux, Windows and macOS
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32
	$(BIN)/mypy --platform darwin

bench: $(VENV)/.local  ## this tool beside its peers, measured; BENCH=--quick for an impression, BENCH=--help for more
	$(BIN)/python -m benchmarks $(BENCH)

demo: $(VENV)/.local  ## push, edit in the workspace, pull back: on this machine, with no account
	$(BIN)/python docs/demo.py

clean:  ## remove what make made
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: help dev test test-long torture foreign check bench demo clean
