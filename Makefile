# Each target makes its own .venv with the pinned versions of constraints.txt: no root, no compiler, no GPU.
PYTHON ?= python3
BIN := .venv/bin
BENCHMARKS := $(filter-out __init__,$(basename $(notdir $(wildcard benchmarks/*.py))))
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Threads that wait must not spin: on a busy machine that costs a factor of ten.
export OMP_WAIT_POLICY = PASSIVE

# The unit and contract tests that draw little: about a minute on two cores.
QUICK := tests/test_*.py tests/walks tests/latent tests/live/wire tests/live/control tests/live/osc \
	tests/contract/test_walks.py tests/contract/test_generators.py tests/weights/test_safe.py tests/weights/test_npy.py

# Every model that ships, as a page, and a start page: any web server can serve site/.
GALLERY := landscapes-256 glyphs-64

.PHONY: film live gallery quick test cover lint bench clean

film: .venv/film.stamp
	@mkdir -p films
	$(BIN)/latentart film --pace even --overwrite -o films/landscapes.mp4

live: .venv/live.stamp
	$(BIN)/latentart live

gallery: .venv/test.stamp
	$(BIN)/python -m latentart.exports.gallery site $(GALLERY)

quick: .venv/test.stamp
	$(BIN)/pytest -m "not audience" $(QUICK)

test: .venv/test.stamp
	$(BIN)/pytest -m "not audience"
	$(BIN)/pytest -m audience

# The same tests, with the coverage of those that need neither the browser nor the shared live server.
cover: .venv/test.stamp
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m "not audience"
	$(BIN)/pytest -m audience
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/test.stamp
	for name in $(BENCHMARKS); do echo; echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

clean:
	rm -rf .venv films

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: $(PYTHON) is too old: latentart needs Python 3.11 or newer (make PYTHON=python3.12)"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/film.stamp: .venv/bin/pip pyproject.toml constraints.txt
	$(PIP) --editable '.[cpu]'
	@touch $@

.venv/live.stamp: .venv/bin/pip pyproject.toml constraints.txt
	$(PIP) --editable '.[cpu,live]'
	@touch $@

.venv/test.stamp: .venv/bin/pip pyproject.toml constraints.txt
	$(PIP) --editable '.[cpu,live,sketch,dev]'
	@touch $@
