# make help lists what there is.

PYTHON ?= python3
VENV ?= .venv
# Flags for train.py: make train FLAGS="--model LSTM"
FLAGS ?=

RUN = $(VENV)/bin/python

.DEFAULT_GOAL := help
.PHONY: help train test lint benchmarks clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

train: $(VENV)/installed  ## set up, and train the RRN on palindromes
	$(RUN) train.py $(FLAGS)

test: $(VENV)/installed-for-tests lint  ## set up, and run all checks and tests
	$(RUN) -m pytest --numprocesses logical --maxprocesses 8 --dist loadfile

lint: $(VENV)/installed-for-tests  ## check style and types
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

benchmarks: $(VENV)/installed  ## measure speed, side by side with plain loops
	$(RUN) -m benchmarks.characters
	$(RUN) -m benchmarks.clipping
	$(RUN) -m benchmarks.generation
	$(RUN) -m benchmarks.palindrome_batches
	$(RUN) -m benchmarks.trainer_overhead
	$(RUN) -m benchmarks.recurrence
	$(RUN) -m benchmarks.recurrence_memory
	$(RUN) -m benchmarks.recurrence_profile
	$(RUN) -m benchmarks.instruments
	$(RUN) -m benchmarks.graph_epochs
	$(RUN) -m benchmarks.compare_jobs

clean:  ## remove the environment; runs stay
	rm -rf $(VENV)

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed: make PYTHON=...")'
	@echo "Setting up $(VENV): pinned versions, a few minutes the first time"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/created setup.cfg constraints.txt
	@$(RUN) -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/installed-for-tests: $(VENV)/created setup.cfg constraints.txt
	@$(RUN) -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@ $(VENV)/installed
