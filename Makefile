# make demo | test | check | slow | bench | clean
# TORCH_INDEX=URL adds an index with CPU builds of torch (see README).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH_INDEX ?=
INDEX := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet $(INDEX) -c constraints.txt
SOURCES := audit policies trainers dashboard tests

.PHONY: demo install dev test check format slow bench clean

demo: install
	$(BIN)/evenhand demo $(DEMO)

install: $(VENV)/.installed
dev: $(VENV)/.dev

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "evenhand needs Python 3.11 or later; pass PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e .
	touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e '.[dev]'
	touch $@ $(VENV)/.installed

test: dev
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(PYTEST)

check: dev
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy

format: dev
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

slow: dev
	$(BIN)/python -m pytest -m slow $(PYTEST)

bench: dev
	$(BIN)/python -m pytest -m bench -s $(PYTEST)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
