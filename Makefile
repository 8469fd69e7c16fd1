# make demo and make test need git, make, Python 3.11 or newer and tmux 3.2 or newer; packages go into .venv.
.PHONY: help demo dolt test agents check static format bench snapshots docs clean tmux moved fresh drill packages
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
# byte code must be written: without it every start compiles anew
export PYTHONDONTWRITEBYTECODE :=

help:
	@echo "make demo    a town of agents that cost nothing, and the console on it"
	@echo "make test    the whole test suite"
	@echo "make check   format, lint, types, import contracts, tests"
	@echo "make packages  sdist and wheel: built, checked, installed into an empty environment, tried; AUDIT=yes asks for known faults too"
	@echo "make bench   the benchmark table (SIZE=S or L; PARTS=\"dolt commands\" measures these parts only)"
	@echo "make dolt    the dolt command, built with Go unless it is installed"
	@echo "make agents  tests with all real agent programs against a stand-in model server"
	@echo "make drill   kill sweeps at every point, an hour of thirty agents, long runs of the town's model, then make fresh (hours)"
	@echo "make fresh   make demo and make test on minimal Debian systems (as root, with debootstrap)"

# a checkout that was moved or copied is tied to its new place before anything runs
ifneq ($(shell cat $(VENV)/place 2>/dev/null),$(shell pwd -P))
MOVED := moved
endif

$(VENV)/run: requirements.lock requirements-build.lock pyproject.toml $(MOVED)
	@PYTHON="$(PYTHON)" GOAL="$(firstword $(MAKECMDGOALS))" .ci/bootstrap run
	@touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/run
	@PYTHON="$(PYTHON)" GOAL="$(firstword $(MAKECMDGOALS))" .ci/bootstrap dev
	@touch $@

moved:

tmux:
	@.ci/bootstrap tmux

demo: $(VENV)/run tmux
	@GT_DEMO_BY=make $(BIN)/python -P -m gastown_cli demo $(DEMO)

test: $(VENV)/dev
	@.ci/bootstrap tmux || echo "The tests that need tmux are skipped."
	@.ci/bootstrap shells || echo "The tests that need zsh or fish are skipped."
	@.ci/bootstrap browser || echo "The tests that need Chromium are skipped."
	@echo "fetching the agent programs that tests run into .cache/agents; the first time this takes about a minute"
	$(BIN)/python -m tests.realagents.programs ci
	@.ci/dolt begin
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not realagents_nightly and not dolt"
	@.ci/dolt >/dev/null || echo "The tests that need Dolt are skipped."
	$(BIN)/python -m pytest -n 2 -m dolt tests/dolt

# the dolt command for tests and for trying a town on it: the one on PATH, or one built with Go, once
dolt:
	@.ci/dolt

agents: $(VENV)/dev tmux
	$(BIN)/python -m tests.realagents.programs nightly
	GT_AGENTS_TABLE=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "realagents or realagents_nightly" tests/realagents

format: $(VENV)/dev
	$(BIN)/python -m ruff format .
	$(BIN)/python -m ruff check --fix .

static: $(VENV)/dev
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/python -c "from importlinter.cli import lint_imports_command; lint_imports_command()" --no-cache

# TESTED=yes: the tests have just run, do not run them twice
check: static
	@$(if $(TESTED),true,$(MAKE) --no-print-directory test)

# FRESH=no leaves the bare systems out
drill: $(VENV)/dev tmux
	@rm -f drill.txt
	GT_DRILL=long GT_DRILL_REPORT=$(CURDIR)/drill.txt $(BIN)/python -m pytest -n 2 --dist worksteal tests/drills tests/realagents/test_delivery.py; \
	  code=$$?; cat drill.txt; exit $$code
	@$(if $(filter no,$(FRESH)),true,$(MAKE) --no-print-directory fresh)

packages: $(VENV)/dev tmux
	@.ci/packages $(if $(AUDIT),audit)

fresh:
	@.ci/fresh $(SUITES)

bench: $(VENV)/dev tmux
	$(BIN)/python -m bench $(or $(SIZE),S) $(PARTS)

snapshots: $(VENV)/dev
	$(BIN)/python -m pytest tests/tui --snapshot-update

docs: $(VENV)/dev
	$(BIN)/python -m docs.generate

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache
