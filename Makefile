# make demo   the whole main job on real speech, into build/demo
# make check  lint, the tests that need no tool, and a smoke test of every cell on all engines
# make test   the tests, with GHDL, Yosys, Icarus and Verilator
# make test-deep  ten times the random designs and networks, and the long forms of the benchmarks
#   SEED=20261128 repeats those of a day, CASE=NAME one case, DEEP="--designs 10 --networks 2" a part
# make coverage   branch coverage of the package and golden over all tests, into docs/coverage.md and build/coverage
# make lint   ruff, the contracts of imports and the types (setup.cfg)
# make tables  writes the tables of docs/ whose numbers follow from the code
# make package  sdist and wheel, into dist
# make clean  removes .venv, build and dist

PYTHON ?= python3
DIST ?= dist
VENV := .venv
BIN := $(VENV)/bin
TOOLS := ghdl yosys tclsh iverilog g++
# Tests that need something outside Python and the dependencies, long ones, and further cases of those in MyHDL: all but `make check` runs them
MARKED := ghdl or yosys or iverilog or verilator or tclsh or torch or onnx or dask or speech or slow or further
# Of the deep tests: the date, or that of a run which is repeated
SEED ?= $(shell date +%Y%m%d)
CASE ?=
DEEP ?=
# Tests that `make coverage` runs; all where this is empty, and only then it writes docs/coverage.md
COVERED ?=
# Neighbouring tests share designs and conversions
PYTEST = $(BIN)/python -m pytest -n auto --dist worksteal
PACKAGES := ghdl yosys tcl iverilog g++

.PHONY: demo check check-coverage test test-rest test-deep coverage lint tables package tools clean

demo: $(VENV)/base tools
	$(BIN)/ernn demo -o build/demo --force

# numpy's threads would contend with the workers of pytest
check check-coverage test test-rest test-deep coverage: export OPENBLAS_NUM_THREADS ?= 1
check check-coverage test test-rest test-deep coverage: export OMP_NUM_THREADS ?= 1

# Workers, conversions and commands are hundreds of processes: each would compile the package again
check check-coverage test test-rest test-deep coverage: export PYTHONDONTWRITEBYTECODE :=

CHECKED := smoke or not ($(MARKED))
# Every test of the files left out needs torch, whose import takes longer than most tests (tests/unit/test_tools.py)
WITHOUT_TORCH = $(addprefix --ignore=,$(shell grep -lE '^torch = |^require_module."torch"|small_training|trial_models' tests/unit/test_*.py))
# The coverage of these tests, in their own process
COVERAGE := --cov --cov-config=.ci/coverage.cfg --cov-report=json:build/coverage/check.json --covered "$(CHECKED)"

check: lint tools
	$(PYTEST) -m "$(CHECKED)" $(WITHOUT_TORCH)

# The tests of `make check` with their coverage, which may not fall; that of CI comes with `make test`. All files are
# collected in both, since what they import counts
check-coverage: $(VENV)/test tools
	$(PYTEST) -m "$(CHECKED)" $(COVERAGE)
	.ci/coverage build/coverage/check.json

test-rest: $(VENV)/test tools
	$(PYTEST) -m "($(MARKED)) and not smoke"

test: $(VENV)/test tools
ifeq ($(CI),true)
	$(PYTEST) $(COVERAGE)
	.ci/coverage build/coverage/check.json
else
	$(PYTEST)
endif

test-deep: $(VENV)/test tools
	$(PYTEST) tests/deep $(if $(CASE)$(DEEP),,tests/conversion/test_formal_proofs.py) --seed $(SEED) $(addprefix --case ,$(CASE)) $(DEEP)
ifeq ($(CASE)$(DEEP),)
	$(BIN)/python -m benchmarks.damaged_inputs --count 3000 --seed $(SEED)
	$(BIN)/python -m benchmarks.hdl_digests
	if $(BIN)/python -c 'import onnx, onnxruntime, torch' 2>/dev/null; \
	  then $(BIN)/python -m benchmarks.random_graphs --seed $(SEED); \
	  else echo "make: random graphs are left out: onnx, onnxruntime and torch are needed"; fi
	.ci/versions
endif

# Nothing that was kept by earlier runs, so that conversions are measured too
coverage: $(VENV)/test tools
	rm -rf build/coverage && mkdir -p build/coverage
	ERNN_CACHE=$(CURDIR)/build/coverage/cache COVERAGE_FILE=$(CURDIR)/build/coverage/data \
	  $(PYTEST) --cov --cov-report=json:build/coverage/all.json --cov-report=html:build/coverage/html $(COVERED)
	$(BIN)/python -m docs.coverage_page build/coverage/all.json $(if $(COVERED),build/coverage/part.md)

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m mypy

tables: $(VENV)/base
	$(BIN)/python docs/tables.py

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
