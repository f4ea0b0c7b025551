# One place for the commands; `make` lists them.
export PYTHONSAFEPATH = 1
PY ?= .venv/bin/python
SOURCES = app planner kernels profiles pricing tests benchmarks

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## / — /'

setup:  ## a virtual environment with everything the tests need, editable
	python3 -m venv .venv
	.venv/bin/pip install -q -c constraints.txt -e ".[dev,report,store]"

check: lint types test  ## everything CI runs

lint:  ## ruff, formatting included
	$(PY) -m ruff check $(SOURCES)
	$(PY) -m ruff format --check $(SOURCES)

format:  ## rewrite formatting and sort imports
	$(PY) -m ruff check --fix $(SOURCES)
	$(PY) -m ruff format $(SOURCES)

types:  ## mypy strict over the tree that ships (the folders and import names differ on purpose)
	@rm -rf build/types && $(PY) -c "from setuptools import setup; setup()" -q build_py --build-lib build/types
	$(PY) -m mypy build/types/planner

tools:  ## an environment with the tools and schemas that what we write is checked with
	python3 -m venv build/tools
	build/tools/bin/pip install -q -r ci/tools.txt
	rm -rf build/tools/schemas
	build/tools/bin/pip download -q --no-deps -d build/tools/schemas -r ci/schemas.txt

test:  ## the whole suite
	$(PY) -m pytest

readme:  ## put the present output of the example into README.md
	$(PY) -P .ci/readme.py

constraints:  ## resolve all extras afresh and pin the versions
	$(PY) -m pip install -q --dry-run --ignore-installed --report build/resolved.json ".[dev,app,report,store,adapters,cluster]"
	$(PY) -P .ci/pin.py build/resolved.json > constraints.txt

.PHONY: help setup tools readme constraints check lint format types test
