# Everything runs in .venv, which is made from the package registries when it is missing or older than what it is made of.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
PACKAGES := dvm dvm_dialects passes vm tools

.PHONY: help venv demo test lint typecheck filecheck pytest format clean
.NOTPARALLEL:
.DEFAULT_GOAL := help

help:
	@echo "make demo       compile an operator graph, run it, check it against NumPy, and show each step"
	@echo "make test       lint, typecheck, filecheck and pytest"
	@echo "make filecheck  the tests of the dialects, passes and tools (tests/filecheck)"
	@echo "make pytest     the tests in Python (tests/unit, tests/differential)"
	@echo "make lint       ruff and clang-format: rules and formatting"
	@echo "make typecheck  basedpyright"
	@echo "make format     rewrite the sources the way 'make lint' wants them"
	@echo "make venv       only make $(VENV), with the package installed in place and the tools for its development"
	@echo "make clean      remove $(VENV) and everything generated"

venv: $(READY)

$(READY): pyproject.toml setup.py $(wildcard vm/native/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "DVM needs Python 3.11 or newer; try: make PYTHON=python3.12 venv" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,dev,torch]'
	@touch $@

demo: $(READY)
	@$(BIN)/python -m tools.demo

test: lint typecheck filecheck pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror vm/native/*.[ch] vm/native/*.inc

typecheck: $(READY)
	$(BIN)/basedpyright

filecheck: $(READY)
	$(BIN)/lit --verbose --order=lexical tests/filecheck

pytest: $(READY)
	$(BIN)/pytest

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i vm/native/*.[ch] vm/native/*.inc

clean:
	rm -rf $(VENV) build dist *.egg-info vm/_native*.so .pytest_cache .ruff_cache .hypothesis
