# make demo | test | proof | check | install-check | slow | fuzz | newcomer | bench | matrix | pictures | lock | sbom | clean
# slow: what takes minutes each (1,000 kills, every write failing in turn, writers for 20 s, statistical proofs).
# fuzz: 3,000 changed files for each parser, other ones each time; make fuzz N=20000 for more.
# TORCH_INDEX=URL adds an index with CPU builds of torch (see README).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH_INDEX ?=
INDEX := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet $(INDEX) -c constraints.txt
SOURCES := audit policies trainers dashboard evenhand supply tests

.PHONY: demo install dev test proof check install-check format slow fuzz newcomer bench matrix pictures lock sbom clean

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

# Two processes of one thread each: with more, threads on two cores mostly wait for each other.
test: dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup $(PYTEST)

# Wheel, sdist and editable install, each used from a folder with packages of our rooms' names.
install-check: dev
	$(BIN)/python -m pytest -m install tests/install $(PYTEST)

# How often intervals hold and tests alarm, into docs/proof.md; stopped and started again it goes on.
proof: dev
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.proof $(PROOF)

check: dev
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy

format: dev
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

slow: dev
	$(BIN)/python -m pytest -m slow $(PYTEST)

N ?= 3000
fuzz: dev
	EVENHAND_FUZZ=$(N) $(BIN)/python -m pytest tests/fuzz $(PYTEST)

# A hundred tables as people write them, through every command: about ten minutes.
newcomer: dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "newcomer or not newcomer" tests/newcomer $(PYTEST)

bench: dev
	$(BIN)/python -m pytest -m bench -s $(PYTEST)

# Every journey in every language, theme and width; make test takes each of these twice.
matrix: dev
	EVENHAND_MATRIX=1 EVENHAND_SCREENSHOTS=.ci/artifacts/matrix \
	  $(BIN)/python -m pytest -m browser tests/dashboard -k journey $(PYTEST)

# The pictures of the README, taken of the demo's cases.
pictures: dev
	EVENHAND_PICTURES=docs/pictures $(BIN)/python -m pytest -m slow tests/dashboard/journeys/test_pictures.py

# Locks every package with hashes (locks/, constraints.txt) and reads its licence (docs/licences.md); asks the index.
lock: dev
	$(PIP) uv==0.13.9 'pip>=25.1'
	$(BIN)/python -m supply.lock

# A wheel and its bill of materials, as a release has them.
sbom: dev
	rm -rf dist
	$(BIN)/python -m hatchling build -t wheel -d dist
	$(BIN)/python -m supply.sbom dist/evenhand-*.whl -o dist/evenhand.cdx.json

clean:
	rm -rf .ci/artifacts $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
