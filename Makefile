# Needs: make, and a Python of at least 3.11 with venv. Everything else is installed into $(VENV).

VENV ?= .venv
PYTHON ?= $(shell for candidate in python3 python3.11 python3.12 python3.13; do \
	$$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$candidate && break; done)
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-stamp

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint docs format clean

help:  ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP)  ## make .venv and install the package with its tools, versions from constraints.txt

$(STAMP): pyproject.toml constraints.txt
	@if [ ! -x $(BIN)/pip ]; then \
		{ [ -n "$(PYTHON)" ] && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; } || \
			{ echo "error: needs Python 3.11 or newer (found none; name one with: make setup PYTHON=/path/to/python3)" >&2; exit 1; }; \
		$(PYTHON) -m venv --clear $(VENV) || \
			{ echo "error: $(PYTHON) cannot make a virtual environment (Debian and Ubuntu: install python3-venv)" >&2; exit 1; }; \
	fi
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup  ## make the data, train, choose a threshold, leave early for real (minutes on 2 cores)
	$(BIN)/python -m dyninf.train experiment=demo output=outputs/demo

# One thread a worker: two workers with a thread pool each would fight over two cores.
test: setup  ## run all tests
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 WANDB_MODE=offline $(BIN)/python -m pytest -n 2 --dist worksteal

lint: setup  ## ruff (rules and format) and mypy
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

docs: setup  ## build the documentation into site/ (a broken link or reference ends it)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

format: setup  ## let ruff fix and format the sources
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

clean:  ## remove caches and build products (keeps .venv, data and outputs)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
