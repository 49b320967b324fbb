# The two commands: `make run` and `make test`. Everything they need, they install into .venv.
PYTHON ?= python3
BIN := .venv/bin

# Exactly what was tried, by its checksums; `make lock` tries newer ones.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKED := $(PIP) --require-hashes --no-deps -r
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

.PHONY: run test torture lint bench docs lock packages clean

run: .venv/installed
	$(BIN)/hostvigil run --config conf.d --state .state --at-once

test: .venv/installed-dev
	$(BIN)/python -m pytest

# The long versions of the proofs, a quarter of an hour.
torture: .venv/installed-dev
	$(BIN)/python -m tests.torture

lint: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: .venv/installed-dev
	$(BIN)/python -m tests.bench

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hostvigil needs Python 3.11 or newer, $(PYTHON) is older: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml requirements.lock packaging/build.lock | .venv/bin/python
	$(LOCKED) requirements.lock
	$(LOCKED) packaging/build.lock
	$(PIP) --no-deps --no-build-isolation -e .
	touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	$(LOCKED) requirements-dev.lock
	$(BIN)/python -m pip check
	touch $@

lock: .venv/installed-dev
	$(LOCK) --upgrade pyproject.toml -o requirements.lock
	$(LOCK) --upgrade --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(LOCK) --upgrade packaging/build.in -o packaging/build.lock

# deb, rpm and apk into dist/.
packages: .venv/installed-dev
	$(BIN)/python packaging/build.py

# The parts of the documents, and the editor's schema, that are made from the code.
docs: .venv/installed-dev
	$(BIN)/python -m tests.documents

clean:
	rm -rf .venv .state build dist *.egg-info
