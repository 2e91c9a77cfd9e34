# make demo   the whole loop on real images        make test   the tests
# make setup  the virtual environment alone        make check  lint, types, contracts, then the tests
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TESTFLAGS ?=
# the end-to-end tests wait more than they compute; the other two parts compute about alike
COMPUTING := tests/vae_core tests/data_checks tests/benchmarks
STORY := tests/e2e
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

# three parts at once, on two cores; what the second and third say comes after the first. Two threads each would wait
# for one another more than they compute
test: export OMP_NUM_THREADS := 1
test: setup
	@$(BIN)/python -m pytest $(TESTFLAGS) $(COMPUTING) >.computing-tests.log 2>&1 & computing=$$!; \
	$(BIN)/python -m pytest $(TESTFLAGS) $(STORY) >.story-tests.log 2>&1 & story=$$!; \
	trap 'kill $$computing $$story 2>/dev/null' INT TERM; \
	$(BIN)/python -m pytest $(TESTFLAGS) tests $(addprefix --ignore=,$(COMPUTING) $(STORY)); first=$$?; \
	wait $$computing; computing=$$?; wait $$story; story=$$?; \
	cat .computing-tests.log .story-tests.log; exit $$((first || computing || story))

check: lint types contracts test

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

contracts: $(INSTALLED)
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) .latentloop demo-report .computing-tests.log .story-tests.log
