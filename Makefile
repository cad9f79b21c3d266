# `make demo` and `make test` do all the set-up they need; both reuse .venv once it is there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST = $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

# How many tests run side by side: a worker per core, but each may need 2 GB of memory.
JOBS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 4 ? n : 4)))

# What computes, but for the largest model; the rest of the tests know nothing of the processor.
MATHS := $(addprefix tests/,transforms networks models domains evaluation test_colorize.py \
	test_decoding.py test_descent.py test_editing.py test_explain.py test_steering.py \
	test_translate.py test_wishes.py training/test_losses.py training/test_measure.py) \
	$(addprefix tests/images/test_,finish.py gamut.py lab.py photo.py shares.py upsample.py)
# The libraries take these for another processor: one without AVX, and one without AVX-512.
SSE := ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 MKL_CBWR=COMPATIBLE \
	OPENBLAS_CORETYPE=Nehalem
AVX2 := ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_CBWR=AVX2 OPENBLAS_CORETYPE=Haswell

.PHONY: help demo ui test test-portable lint types wheel clean

help:
	@echo "make demo   colour the photos of examples/ into out/"
	@echo "make ui     serve the web page on this machine"
	@echo "make test   lint, types and tests; JOBS=4 runs four tests side by side"
	@echo "make test-portable  the tests of the mathematics as on other processors"
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
	OMP_NUM_THREADS=1 $(PYTEST)

test-portable: $(VENV)/installed-dev
	$(SSE) OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(PYTEST) $(MATHS) -m "not slow" -k "not paper"
	$(AVX2) OMP_NUM_THREADS=2 MKL_NUM_THREADS=2 $(PYTEST) $(MATHS) -m "not slow" -k "not paper"

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

wheel: $(VENV)/installed-dev
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(VENV) build dist out
