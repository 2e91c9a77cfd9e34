# make demo   the whole loop on real images        make test   the tests
# make setup  the virtual environment alone        make check  lint, types, contracts, then the tests
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TESTFLAGS ?=
# parts that run at once and end at about one time; these log into files, the foreground takes the rest
PARTS := computing stores tasks story
computing := tests/vae_core tests/data_checks tests/benchmarks
stores := tests/deploy tests/tutorial
tasks := tests/tasks tests/flows
story := tests/e2e
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export MLFLOW_DISABLE_TELEMETRY := true
export GX_ANALYTICS_ENABLED := false

.PHONY: setup demo demo-quick test check lint types contracts clean

setup: $(INSTALLED)
	@$(BIN)/python -m latentloop.assets

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "Latentloop is tested with Python 3.11: call make with PYTHON=/path/to/python3.11")'
	@echo "installing the libraries into $(VENV): about 2.8 GB, three to five minutes; says nothing meanwhile"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup
	$(BIN)/latentloop demo --json demo-report/demo.json

demo-quick: setup
	$(BIN)/latentloop demo --quick --json demo-report/demo-quick.json

# on two cores the parts fill one another's pauses; two threads each would wait for one another more than they compute
test: export OMP_NUM_THREADS := 1
test: setup
	@pids=; \
	$(foreach part,$(PARTS),$(BIN)/python -m pytest $(TESTFLAGS) $($(part)) >.$(part)-tests.log 2>&1 & pids="$$pids $$!";) \
	trap 'kill $$pids 2>/dev/null' INT TERM; \
	$(BIN)/python -m pytest $(TESTFLAGS) tests $(foreach part,$(PARTS),$(addprefix --ignore=,$($(part)))); worst=$$?; \
	for pid in $$pids; do wait $$pid || worst=$$?; done; \
	cat $(PARTS:%=.%-tests.log); exit $$worst

# mypy takes a minute on one core: the tests go on beside it
check: lint contracts
	@$(MAKE) --jobs=2 types test

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

contracts: $(INSTALLED)
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) .latentloop demo-report $(PARTS:%=.%-tests.log)
