PYTHON ?= python3
VENV   ?= .venv
SECONDS ?= 600
BIN    := $(VENV)/bin

# Four for two processors: many tests wait for what a watch or a workspace does. The ten slowest are told at the end.
TEST   := $(BIN)/python -m pytest -n 4 --dist loadgroup --durations=10 --durations-min=1

.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(VENV)/.local: pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[local]'
	@touch $@

$(VENV)/.ready: $(VENV)/.local
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

dev: $(VENV)/.ready  ## a working environment in .venv

test: $(VENV)/.ready  ## the tests, but for those that take long
	$(TEST) $(TESTS)

test-long: $(VENV)/.ready  ## every test
	$(TEST) -m '' $(TESTS)

torture: $(VENV)/.ready  ## the safety tests with every crash point, fault and mutant, for SECONDS or longer
	TORTURE_SECONDS=$(SECONDS) $(TEST) -m '' tests/safety

check: $(VENV)/.ready  ## format, lint, and types on Linux, Windows and macOS
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

.PHONY: help dev test test-long torture check bench demo clean
