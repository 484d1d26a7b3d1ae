# `make demo` and `make test` need Python 3.10 or newer and make, nothing else; each makes the environment it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip --quiet
JOBS ?= 2
DEMO ?= demo

.DEFAULT_GOAL := help
.PHONY: help demo test test-long lint types coverage bench bench-quick format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10) and "pellucid needs Python 3.10 or newer")'
	@"$(PYTHON)" -m venv "$(VENV)"
	@$(PIP) install --upgrade 'pip>=25.1'

$(VENV)/.core: pyproject.toml constraints.txt | $(BIN)/python
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.core
	@$(PIP) install --constraint constraints.txt --group test
	@$(PIP) install --constraint constraints.txt --only-binary :all: --group external \
		|| echo "The collector of the tests has no build for this system: what needs it is skipped."
	@touch $@

# An environment with Kedro beside pellucid, in which the acceptance tests run one project on both.
$(VENV)-kedro/.done: pyproject.toml constraints.txt
	@"$(PYTHON)" -m venv "$(VENV)-kedro"
	@$(VENV)-kedro/bin/python -m pip --quiet install --upgrade 'pip>=25.1'
	@$(VENV)-kedro/bin/python -m pip --quiet install --constraint constraints.txt --editable . kedro kedro-datasets ipython pandas pyarrow openpyxl
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	@$(PIP) install --constraint constraints.txt --group lint
	@touch $@

# The variable makes log lines for people in a pipe, too; on a terminal they are that anyway.
demo: $(VENV)/.core ## make a project in demo/, run it end to end, and show the run's trace
	@rm -rf "$(DEMO)"
	$(BIN)/pellucid new --name "Seattle weather" --directory "$(DEMO)"
	cd "$(DEMO)" && OTEL_LOGS_EXPORTER=console "$(abspath $(BIN))/pellucid" run
	@echo
	cd "$(DEMO)" && "$(abspath $(BIN))/pellucid" runs show
	@echo; echo "Written by the run:"; cd "$(DEMO)" && find data/08_reporting .pellucid -type f -size +0 -not -name ".*" \
		| sort | sed 's|^|  $(DEMO)/|'

# Its last lines name what was skipped, and why: servers that are not installed, above all.
test: $(VENV)/.test $(VENV)-kedro/.done ## run all tests (under ten minutes on two cores)
	PELLUCID_TEST_KEDRO_PYTHON=$(VENV)-kedro/bin/python $(BIN)/python -m pytest -n $(JOBS) -m "not long" $(ARGS)

test-long: $(VENV)/.test ## run the nightly-sized tests
	$(BIN)/python -m pytest -m long --timeout 3600 $(ARGS)

coverage: $(VENV)/.test $(VENV)-kedro/.done ## run the tests of the parts and require 95 % branch coverage
	@rm -f .coverage .coverage.*
	PELLUCID_TEST_KEDRO_PYTHON=$(VENV)-kedro/bin/python $(BIN)/python -m coverage run -m pytest -n $(JOBS) -m "not long and not e2e and not external" $(ARGS)
	@$(BIN)/python -m coverage combine
	$(BIN)/python -m coverage report --fail-under 95

lint: $(VENV)/.lint ## ruff, mypy strict and import-linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.lint ## format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# One with the peers and pandas; one with nothing but pellucid and Kedro, in which whole processes are measured, too.
# Luigi is not ready for the python-dateutil that everything else is tested with.
$(VENV)-bench/.done: pyproject.toml constraints.txt
	@"$(PYTHON)" -m venv "$(VENV)-bench"
	@grep -v '^python-dateutil==' constraints.txt > "$(VENV)-bench/constraints.txt"
	@$(VENV)-bench/bin/python -m pip --quiet install --upgrade 'pip>=25.1'
	@$(VENV)-bench/bin/python -m pip --quiet install --constraint "$(VENV)-bench/constraints.txt" --group bench .
	@touch $@

$(VENV)-bench-minimal/.done: pyproject.toml constraints.txt
	@"$(PYTHON)" -m venv "$(VENV)-bench-minimal"
	@$(VENV)-bench-minimal/bin/python -m pip --quiet install --upgrade 'pip>=25.1'
	@$(VENV)-bench-minimal/bin/python -m pip --quiet install --constraint constraints.txt . kedro
	@touch $@

# What is measured is always this checkout, as a wheel installs it, with its entry points.
bench: $(VENV)-bench/.done $(VENV)-bench-minimal/.done ## measure pellucid and its peers side by side, in environments of their own
	@rm -rf "$(VENV)-bench/dist"
	@$(VENV)-bench/bin/python -m pip --quiet wheel --no-deps --wheel-dir "$(VENV)-bench/dist" .
	@$(VENV)-bench/bin/python -m pip --quiet install --no-deps --force-reinstall "$(VENV)-bench"/dist/*.whl
	@$(VENV)-bench-minimal/bin/python -m pip --quiet install --no-deps --force-reinstall "$(VENV)-bench"/dist/*.whl
	$(VENV)-bench/bin/python -m benchmarks.run --minimal "$(abspath $(VENV)-bench-minimal/bin/python)" $(ARGS)

bench-quick: $(VENV)/.test ## prove that the benchmarks run
	$(BIN)/python -m benchmarks.run --quick

clean: ## remove environments, caches and the demo
	rm -rf .venv .venv-kedro .venv-bench .venv-bench-minimal demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*
