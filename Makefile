# The two commands: `make run` and `make test`. Everything they need, they install into .venv.
PYTHON ?= python3
# Another VENV keeps another Python beside it: make quick PYTHON=python3.13 VENV=.venv-3.13
VENV ?= .venv
BIN := $(VENV)/bin
FLOOR := 70

# Exactly what was tried, by its checksums; `make lock` tries newer ones.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKED := $(PIP) --require-hashes --no-deps -r
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

.PHONY: run test package-test again quick coverage mutants torture soak fleet lint bench docs lock packages release audit install-tests clean

run: $(VENV)/installed
	$(BIN)/hostvigil run --config conf.d --state .state --at-once

# The tests wait more than they reckon: six times as many workers as there are cores.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) "*" 6)
# Tests start Python some thousand times: what the first has compiled serves the others.
unexport PYTHONDONTWRITEBYTECODE

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest --workers $(WORKERS) -m "not package"

# A package is built, and installed on an empty Debian 12: half a minute of processor time, as root. Part of CI.
package-test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m package tests/shipped/test_install_package.py

# What failed the last time, one after the other.
again: $(VENV)/installed-dev
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none

# What needs no process, server or long series.
quick: $(VENV)/installed-dev
	$(BIN)/python -m pytest -q -m "not slow" --workers $(WORKERS)

# The branches that `make quick` takes, and the least that may be.
coverage: $(VENV)/installed-dev
	$(BIN)/python -m pytest -q -m "not slow" --workers $(WORKERS) --cov --cov-report=term:skip-covered --cov-fail-under=$(FLOOR)

# Small faults put into what decides, one after the other: which of them no test finds? Half an hour on two cores.
mutants: $(VENV)/installed-dev
	$(LOCKED) packaging/tools.lock
	$(BIN)/python -m tests.mutants

# The long versions of the proofs, each at least once: half an hour.
torture: $(VENV)/installed-dev
	$(BIN)/python -m tests.torture

# An hour, a million runs, failures, outages and reloads: nothing of the agent may grow. Draws a picture into docs.
MINUTES ?= 60
soak: $(VENV)/installed-dev
	$(BIN)/python -m tests.soak --minutes $(MINUTES) --picture docs/pictures/soak.svg

# The long series of a fleet: 10,000 hosts, kills; some minutes, needs nats-server.
fleet: $(VENV)/installed-dev
	$(BIN)/python -m tests.fleet

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Half an hour; `make docs` then shows the figures.
bench: $(VENV)/installed-dev
	$(BIN)/python -m tests.bench --json docs/bench.json

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hostvigil needs Python 3.11 or newer, $(PYTHON) is older: make PYTHON=python3.12")'
	@# Half of one would be taken for a whole one the next time.
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/installed: pyproject.toml requirements.lock packaging/build.lock | $(VENV)/bin/python
	$(LOCKED) requirements.lock
	$(LOCKED) packaging/build.lock
	$(PIP) --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.lock
	$(LOCKED) requirements-dev.lock
	$(BIN)/python -m pip check
	touch $@

lock: $(VENV)/installed-dev
	$(LOCK) --upgrade pyproject.toml -o requirements.lock
	$(LOCK) --upgrade --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(LOCK) --upgrade --extra fleet -c requirements.lock pyproject.toml -o packaging/agent.lock
	$(LOCK) --upgrade packaging/build.in -o packaging/build.lock
	$(LOCK) --upgrade -c requirements-dev.lock packaging/tools.in -o packaging/tools.lock
	$(LOCK) --upgrade -c requirements-dev.lock packaging/audit.in -o packaging/audit.lock

# deb, rpm and apk for x86_64 and arm64, wheel, sdist, SBOM and SHA256SUMS, into dist/.
packages: $(VENV)/installed-dev
	$(BIN)/python packaging/build.py

# Version, changelog, packages, signature and tag in one step: make release VERSION=1.2.3 KEY=~/.ssh/id_ed25519
release: $(VENV)/installed-dev
	$(BIN)/python packaging/release.py $(VERSION) --key $(KEY)

# Known faults in what is shipped; 3 instead of 1: the database could not be asked.
audit: $(VENV)-audit/installed
	$(VENV)-audit/bin/python packaging/audit.py

$(VENV)-audit/installed: packaging/audit.lock
	$(PYTHON) -m venv $(VENV)-audit || { rm -rf $(VENV)-audit; exit 1; }
	$(VENV)-audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r packaging/audit.lock
	touch $@

# Packages on empty Debian 12 and 13 with systemd as PID 1, as root. Debian: mmdebstrap systemd-container lintian rpmlint podman runc shellcheck.
install-tests: $(VENV)/installed-dev $(VENV)-audit/installed
	$(LOCKED) packaging/tools.lock
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/python -m pytest -s tests/install/debian.py tests/install/fleet.py tests/install/container.py tests/install/trust.py \
		tests/install/rpm.py tests/install/openrc.py tests/install/recipes.py

# The parts of the documents, and the editor's schema, that are made from the code.
docs: $(VENV)/installed-dev
	$(BIN)/python -m tests.documents

clean:
	rm -rf .venv* .state build dist *.egg-info
