# One entry point for people and CI. Every target works on a machine that has only Python
# (3.11 or newer) and make: it creates .venv and installs what it needs, once.

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
STAMP  := $(VENV)/.installed

.PHONY: install quickstart check test wheel docs study-lab study-paper study-smollm2 study-forgetting bench-scoring bench-generation clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "idiolect needs Python 3.11 or newer; set PYTHON=")'
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[all,dev]"
	touch $@

# The whole method on the embedded model, without a download or a key: a few minutes, and a report.
quickstart: $(STAMP)
	$(VENV)/bin/idiolect quickstart -o runs/quickstart

check: $(STAMP)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/pyright

# The tests marked `real` use a small instruct model where the developers' tool for it is at hand.
test: $(STAMP)
	if test -x ../shared/tools/get-smollm2; then PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PY) ../shared/tools/get-smollm2; fi
	$(PY) -m pytest --numprocesses auto --dist worksteal

# The reference pages, from the code; a test checks that they are current.
docs: $(STAMP)
	$(PY) -m tools.reference

# The wheel, in a clean environment without torch: commands, and files that are no code.
wheel: $(STAMP)
	rm -rf build/wheel
	$(PY) -m pip wheel --quiet --disable-pip-version-check --no-deps -w build/wheel .
	$(PYTHON) -m venv build/wheel/venv
	build/wheel/venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt build/wheel/*.whl
	build/wheel/venv/bin/python tests/wheel/smoke.py src/idiolect

# One to two hours on two cores; ARGS="--scale 0.2 --repetitions 3" is a look. Wants a quiet machine.
bench-scoring: $(STAMP)
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[all,dev,bench]"
	if test -x ../shared/tools/get-smollm2; then PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PY) ../shared/tools/get-smollm2; fi
	$(PY) -m benchmarks.scoring $(ARGS)

# ARGS="--contestants '^ours$$|^transformers$$' --repetitions 1" is a look. Wants a quiet machine.
bench-generation: $(STAMP)
	if test -x ../shared/tools/get-smollm2; then PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PY) ../shared/tools/get-smollm2; fi
	$(PY) -m benchmarks.generation $(ARGS)

# The five things that the lab must show, over five seeds. Results go to studies/lab/.
study-lab: $(STAMP)
	$(PY) -m studies.lab --seeds 5 --jobs 2 $(ARGS)

# Every experiment of the papers on the lab, in small: that it runs, and nothing else.
study-paper: $(STAMP)
	$(PY) -m studies.paper lab $(ARGS)

# SmolLM2-135M on responses of the paper's authors, some 400,000 tokens of them. The data can't be
# passed on and the model is not downloaded: without the developers' tools beside the project, name
# your own in ARGS="--data FOLDER --target FOLDER". ARGS=--check scores nothing.
study-smollm2: $(STAMP)
	if test -x ../shared/tools/get-smollm2; then PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PY) ../shared/tools/get-smollm2; fi
	$(PY) -m studies.smollm2 $(ARGS)

# How far five datasets move the same model: hours on two cores. ARGS=--again trains nothing.
study-forgetting: $(STAMP)
	if test -x ../shared/tools/get-smollm2; then PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PY) ../shared/tools/get-smollm2; fi
	$(PY) -m studies.smollm2.forgetting $(ARGS)

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache
