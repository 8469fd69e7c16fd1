# make demo and make test need git, make and Python 3.11 or newer; the rest is fetched here.
.PHONY: help demo test check static format bench snapshots docs clean tmux
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
	@echo "make bench   the table of speeds (SIZE=S or L)"

$(VENV)/run: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; install it, or say make PYTHON=/path/to/python3"; exit 1; }
	@if command -v uv >/dev/null 2>&1; then \
	  test -x $(BIN)/python || uv venv --quiet --python "$(PYTHON)" $(VENV); \
	  uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-deps -e .; \
	else \
	  { test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV); } && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .; \
	fi
	@touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/run
	@if command -v uv >/dev/null 2>&1; then \
	  uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements-dev.lock; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock; \
	fi
	@touch $@

tmux:
	@command -v tmux >/dev/null 2>&1 || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    echo "installing tmux"; apt-get update -qq && apt-get install -y -qq tmux >/dev/null; \
	  else \
	    echo "tmux is missing. On Debian or Ubuntu: sudo apt-get install tmux   On macOS: brew install tmux"; \
	  fi; }

demo: $(VENV)/run tmux
	@$(BIN)/gt demo $(DEMO)

test: $(VENV)/dev tmux
	$(BIN)/pytest -n 2 --dist worksteal

format: $(VENV)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

static: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# TESTED=yes: the tests have just run, do not run them twice
check: static
	@$(if $(TESTED),true,$(MAKE) --no-print-directory test)

bench: $(VENV)/dev tmux
	$(BIN)/python -m bench $(or $(SIZE),S)

snapshots: $(VENV)/dev
	$(BIN)/pytest tests/tui --snapshot-update

docs: $(VENV)/dev
	$(BIN)/python -m docs.generate

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache
