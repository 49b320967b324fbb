# The two commands: `make run` and `make test`. Everything they need, they install into .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test torture lint bench docs clean

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
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

.venv/installed-dev: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ .venv/installed

# The parts of the documents, and the editor's schema, that are made from the code.
docs: .venv/installed-dev
	$(BIN)/python -m tests.documents

clean:
	rm -rf .venv .state build dist *.egg-info
