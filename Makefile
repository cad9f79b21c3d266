# `make demo` and `make test` do all the set-up they need; both reuse .venv once it is there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo ui test lint types wheel clean

help:
	@echo "make demo   colour the photos of examples/ into out/"
	@echo "make ui     serve the web page on this machine"
	@echo "make test   lint, types and tests"
	@echo "make wheel  build the wheel into dist/"
	@echo "make clean  remove .venv and everything that was built"

$(VENV)/installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/installed-ui: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable ".[ui]"
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

demo: $(VENV)/installed
	$(BIN)/colorflow colorize examples --out out --samples 4 --contact-sheet

ui: $(VENV)/installed-ui
	$(BIN)/colorflow ui --open

test: lint types
	$(BIN)/python -m pytest

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

wheel: $(VENV)/installed-dev
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(VENV) build dist out
