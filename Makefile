# Each target makes the virtual environment .venv first; bash .ci/setup does the same without make.
VENV ?= .venv
BIN := $(VENV)/bin
KERNELS := hatch_build.py $(wildcard runtime/faceloop_runtime/kernels/*.[ch])
SETUP := VENV=$(VENV) bash .ci/setup

.PHONY: demo test test-long test-faults test-interop lint docs linkcheck bench fuzz mutants

demo: $(VENV)/.test  ## the whole loop on the bundled sample
	$(BIN)/faceloop demo faceloop-demo

# A process for each core, and one thread of BLAS in each. They start many processes, which need
# not compile all modules again.
test test-long test-faults: export OMP_NUM_THREADS ?= 1
test test-long test-faults: export PYTHONDONTWRITEBYTECODE :=
PYTEST := $(BIN)/python -m pytest -n logical --dist worksteal
# The window's tests wait for timers half of the time: a process more than there are cores.
MORE := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
WINDOW := $(BIN)/python -m pytest -n $(MORE) --dist worksteal -c tests/gui/pytest.ini tests/gui

test: $(VENV)/.test  ## unit and integration tests, then those of the window on virtual screens
	$(PYTEST)
	$(WINDOW)

test-long: $(VENV)/.test  ## those of long use and of many trainings
	$(PYTEST) -m long
	$(WINDOW) -m long

test-faults: $(VENV)/.test  ## hundreds of kills, full disks, and a crowd for two minutes
	FACELOOP_KILLS=400 $(PYTEST) tests/faults
	PYTHONPATH=. $(BIN)/python tests/faults/crowd.py --processes 8 --seconds 120

test-interop: $(VENV)/.interop  ## our files in the libraries that other tools read and write with
	$(BIN)/python -m pytest tests/interop

fuzz: $(VENV)/.test  ## every reader on inputs that try to break it, for ten minutes
	-$(BIN)/python -m pip install --quiet 'atheris>=3'
	nice $(BIN)/python tests/fuzz/run.py all --seconds 25

mutants: $(VENV)/.mutants  ## small faults put into the core, which the tests have to notice (MODULE="geometry fit/steps" for some)
	nice $(BIN)/python tests/mutants/run.py $(MODULE)

lint: $(VENV)/.lint  ## style, types, the direction of imports, and the repository's own files
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	$(BIN)/zizmor --offline --quiet .github
	$(BIN)/repo-review

SPHINX := $(BIN)/python -m sphinx -W --keep-going -n -q

docs: $(VENV)/.docs  ## the documentation site: docs/_build/html/index.html
	rm -rf docs/auto_gallery docs/reference/api/generated  # of scripts and names that are no more
	$(SPHINX) -b html docs docs/_build/html

linkcheck: $(VENV)/.docs  ## whether the addresses that the documentation names answer; needs the network
	$(SPHINX) -b linkcheck docs docs/_build/linkcheck

bench: $(VENV)/.bench  ## the figures of docs/reference/figures.md
	$(BIN)/python tests/benchmarks/muct.py --dlib --detector --predictor
	$(BIN)/python tests/benchmarks/muct.py --faces 75 150 300 552
	$(BIN)/python tests/benchmarks/cold.py --repeat 3
	$(BIN)/python tests/benchmarks/muct.py --starter
	$(BIN)/python tests/benchmarks/curve.py
	$(BIN)/python tests/benchmarks/wild.py --dlib
	$(BIN)/python tests/benchmarks/franck.py
	$(BIN)/python tests/benchmarks/speed.py
	$(BIN)/python tests/benchmarks/detection.py --only speed
	$(BIN)/python tests/benchmarks/tracking.py
	$(BIN)/python tests/benchmarks/head_pose.py
	$(BIN)/python tests/benchmarks/expressions.py
	$(BIN)/python tests/benchmarks/modes.py --faces 100 --test 100
	$(BIN)/python tests/benchmarks/forests.py
	$(BIN)/python tests/benchmarks/anonymise.py
	$(BIN)/python tests/benchmarks/identity.py
	$(BIN)/python tests/benchmarks/limits.py
	$(BIN)/python tests/benchmarks/peers.py
	$(BIN)/python tests/benchmarks/gpu.py
	$(BIN)/python tests/benchmarks/drags.py
	$(BIN)/python tests/benchmarks/labels.py
	$(BIN)/python tests/benchmarks/labels.py --more
	$(BIN)/python tests/benchmarks/quality.py
	$(BIN)/python tests/benchmarks/quality.py --seed 1
	$(BIN)/python tests/benchmarks/retrain.py --repeat 3
	$(BIN)/python tests/benchmarks/scale.py
	xvfb-run -a -s "-screen 0 1600x1000x24" $(BIN)/python tests/benchmarks/live.py

# Set up once, and again when the dependencies or the kernels change.
$(VENV)/.test: pyproject.toml .ci/setup $(KERNELS)
	$(SETUP) test
	@touch $@

$(VENV)/.lint: pyproject.toml .ci/setup $(KERNELS)
	$(SETUP) test lint
	@touch $@ $(VENV)/.test

$(VENV)/.docs: pyproject.toml .ci/setup $(KERNELS)
	$(SETUP) test docs
	@touch $@ $(VENV)/.test

$(VENV)/.interop: pyproject.toml .ci/setup $(KERNELS)
	$(SETUP) test interop
	@touch $@ $(VENV)/.test

$(VENV)/.mutants: pyproject.toml .ci/setup $(KERNELS)
	$(SETUP) test mutants
	@touch $@ $(VENV)/.test

$(VENV)/.bench: pyproject.toml .ci/setup $(KERNELS)
	$(SETUP) test
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	@touch $@ $(VENV)/.test
