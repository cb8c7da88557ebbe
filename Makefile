# make demo   the whole main job on real speech, into build/demo
# make test   the tests, with GHDL, Yosys, Icarus and Verilator
# make lint   ruff, the contracts of imports (setup.cfg)
# make package  sdist and wheel, into dist
# make clean  removes .venv, build and dist

PYTHON ?= python3
DIST ?= dist
VENV := .venv
BIN := $(VENV)/bin
TOOLS := ghdl yosys tclsh iverilog g++
PACKAGES := ghdl yosys tcl iverilog g++

.PHONY: demo test lint package tools clean

demo: $(VENV)/base tools
	$(BIN)/ernn demo -o build/demo --force

test: $(VENV)/test tools
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

# The wheel is built from the sdist, so that what is missing in one is missing in both
package: $(VENV)/test
	$(BIN)/python -m build --quiet --outdir $(DIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "make: $(PYTHON) is too old: Python 3.10 or newer is needed; set PYTHON=..."; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "make: $(PYTHON) has no venv: install it with  sudo apt-get install python3-venv"; exit 3; }

$(VENV)/base: $(BIN)/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/test: $(BIN)/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@ $(VENV)/base

# Debian packages: installed where that is allowed, otherwise the command is shown
tools:
	@missing=""; for tool in $(TOOLS); do command -v $$tool >/dev/null || missing=1; done; \
	if [ -n "$$missing" ]; then \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then run=""; \
	  elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then run=sudo; \
	  else run=none; fi; \
	  if [ "$$run" = none ] || ! { $$run apt-get -qq update && \
	    DEBIAN_FRONTEND=noninteractive $$run apt-get -qq install -y --no-install-recommends \
	    $(PACKAGES) >/dev/null; }; then \
	    echo "make: some of $(TOOLS) are missing; what needs them is left out. To install them:"; \
	    echo "  sudo apt-get install $(PACKAGES)"; \
	  fi; \
	fi

clean:
	rm -rf $(VENV) build dist
