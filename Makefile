# make demo   the whole loop on real images        make test   the tests
# make setup  the virtual environment alone        make check  lint, types, contracts, then the tests
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TESTFLAGS ?=
PURE := tests/vae_core tests/data_checks tests/benchmarks
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export MLFLOW_DISABLE_TELEMETRY := true
export GX_ANALYTICS_ENABLED := false

.PHONY: setup demo demo-quick test check lint types contracts clean

setup: $(INSTALLED)
	@$(BIN)/python -m latentloop.assets

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "Latentloop is tested with Python 3.11: call make with PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup
	$(BIN)/latentloop demo --json demo-report/demo.json

demo-quick: setup
	$(BIN)/latentloop demo --quick --json demo-report/demo-quick.json

# the tests without servers have the second core; what they say comes after the others
test: setup
	@$(BIN)/python -m pytest $(TESTFLAGS) $(PURE) >.pure-tests.log 2>&1 & pure=$$!; \
	trap 'kill $$pure 2>/dev/null' INT TERM; \
	$(BIN)/python -m pytest $(TESTFLAGS) tests $(addprefix --ignore=,$(PURE)); rest=$$?; \
	wait $$pure; pure=$$?; cat .pure-tests.log; exit $$((rest || pure))

check: lint types contracts test

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

contracts: $(INSTALLED)
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) .latentloop demo-report .pure-tests.log
