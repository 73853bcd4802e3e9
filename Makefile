# Each target does all its own set-up: `make demo` and `make test` work in a fresh clone.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TORCH := torch>=2.6,<2.14
# Where PyTorch publishes CPU builds; only asked on a machine without an NVIDIA GPU.
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu

.PHONY: help venv lint lint-plugin test test-soak test-qgis plugin demo accuracy clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ -/'

venv: $(VENV)/.ready  ## .venv with the commands cvgl and cvgl-tile

$(VENV)/.ready: pyproject.toml Makefile
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "python3 -m venv failed; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(MAKE) --no-print-directory torch
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[faiss]'
	@touch $@

# With a GPU (or where pip already finds a CPU build) the plain name is right; otherwise the CPU
# index saves several gigabytes of CUDA packages.
.PHONY: torch
torch:
	@if command -v nvidia-smi >/dev/null 2>&1 || $(BIN)/python -c 'import torch' 2>/dev/null || \
	  $(BIN)/pip install --dry-run --no-deps '$(TORCH)' 2>/dev/null | grep -q '+cpu'; \
	then $(BIN)/pip install --quiet --disable-pip-version-check '$(TORCH)'; \
	else $(BIN)/pip install --quiet --disable-pip-version-check '$(TORCH)' torchvision \
	  --index-url $(TORCH_CPU_INDEX); fi

$(VENV)/.ready-dev: $(VENV)/.ready
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

lint: $(VENV)/.ready-dev  ## style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint  ## everything that must hold before a change lands
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2 --hypothesis-profile=ci
	@$(MAKE) --no-print-directory test-qgis
	@$(MAKE) --no-print-directory lint-plugin

test-soak: $(VENV)/.ready-dev  ## thousands of crashes, full disks and damaged files; about an hour
	CVGL_SOAK=1 OMP_NUM_THREADS=1 $(BIN)/pytest -q --timeout 0 tests/faults tests/tiling tests/index tests/photo

test-qgis: $(VENV)/.ready plugin  ## the plugin in real QGIS, without a screen
	CVGL_PYTHON=$(abspath $(BIN))/python tools/test_qgis.sh

# After test-qgis: what QGIS brings along is what PyQt6 needs to start.
lint-plugin:  ## the rules of the QGIS plugin repository, and Qt 6
	PYTHON=$(PYTHON) tools/lint_plugin.sh

plugin:  ## dist/cvgl-VERSION.zip, to install in QGIS
	PYTHON=$(PYTHON) tools/package_plugin.sh

# A city that no weights were trained on; its seed is not among those of any preset.
DEMO_SEED := 77001

demo: $(VENV)/.ready  ## a city never trained on: build, locate 20 photos, map report
	rm -rf demo
	$(BIN)/cvgl simulate city -o demo/city --seed $(DEMO_SEED) --photos 20
	$(BIN)/cvgl-tile build demo/city/ortho.tif -o demo/city.cvgl
	$(BIN)/cvgl evaluate --index demo/city.cvgl --photos demo/city --report demo/report
	@echo "Open demo/report/index.html"

# The same through photo files, indexes and every stage of `cvgl locate`: two of the cities, 320
# panoramas and 80 narrow photos each.
ACCURACY_SEEDS := 80001 80002

accuracy: $(VENV)/.ready  ## how good the bundled weights are on cities never trained on
	$(BIN)/cvgl simulate benchmark simcity-v1 -o runs/cities --part test --part validation --processes 2
	$(BIN)/cvgl evaluate --dataset simcity-v1 --root runs/cities -o runs/accuracy
	@for seed in $(ACCURACY_SEEDS); do \
	  $(BIN)/cvgl simulate city -o runs/accuracy/$$seed --seed $$seed --photos 400 && \
	  $(BIN)/cvgl-tile build runs/accuracy/$$seed/ortho.tif -o runs/accuracy/$$seed.cvgl && \
	  for kind in panorama perspective; do \
	    $(BIN)/cvgl evaluate --index runs/accuracy/$$seed.cvgl --photos runs/accuracy/$$seed \
	      --kind $$kind | tail -n 26; \
	  done || exit 1; \
	done

clean:  ## remove what these targets made
	rm -rf $(VENV) .venv-qgis .venv-lint demo build dist *.egg-info
