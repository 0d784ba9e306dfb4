# Each target is a thin call: the work is done by Python programs that can be run without make as well.
.DEFAULT_GOAL := help
.PHONY: help install demo test lint docs bench-frame bench-gobridge clean

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
export GOTOOLCHAIN := go1.27.3
unexport PYTHONDONTWRITEBYTECODE

help:
	@echo "make demo         the whole story on two local clusters"
	@echo "make test         every test, on real parts"
	@echo "make lint         ruff, mypy, import contracts"
	@echo "make docs         the reference pages, made from the code"
	@echo "make bench-frame  speed, each figure a ratio to a floor measured in the same run"
	@echo "make bench-gobridge   the same for the Go libraries behind one warm process"
	@echo "make clean        take away everything that these targets made here"

install: $(READY)

$(READY): pyproject.toml core/gobridge/pyproject.toml $(wildcard plugins/*/pyproject.toml) tools/bootstrap.py
	@$(PYTHON) tools/bootstrap.py
	@touch $(READY)

demo: install
	@$(BIN)/plat demo

test: install
	@$(BIN)/python tools/run_tests.py

lint: install
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy core/plat core/gobridge/python plugins/*/src tools bench tests
	@$(BIN)/lint-imports

docs: install
	@$(BIN)/python tools/write_reference.py

bench-frame: install
	@$(BIN)/python -m bench.frame

clean:
	rm -rf .venv uv.lock dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis bench/results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name _bin -type d -prune -exec rm -rf {} +
