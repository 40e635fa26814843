# Everything starts here: `make demo` and `make test` need Python 3.10+ with venv, and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL = $(PIP) install $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS)) --editable

# Two at a time, then by themselves those that measure. Exit code 5: there are none of them in $(TESTS).
define pytest
$(BIN)/python -m pytest -n 2 --dist $(2) -m "$(1) and not alone" $(TESTS) || test $$? = 5
$(BIN)/python -m pytest -m "$(1) and alone" $(TESTS) || test $$? = 5
endef

LOCK := tests/tested.txt

.DEFAULT_GOAL := help
.PHONY: help pictures demo demo-multi demo-gpu gpu-emulation test test-slow soak check format lint types layers docs docs-fresh audit lock bench bench-page reports clean

help:  ## list the targets
	@sed -n 's/^\([a-z%-]*\):.*  ## \(.*\)/\1\t\2/p' Makefile | expand -t 16

demo: $(VENV)/.tuner  ## build a small CNN and search it for about 30 seconds
	$(BIN)/tuner demo

demo-multi: $(VENV)/.test  ## the same on a second device made from the CPU plugin, and on both: needs g++
	$(BIN)/python -m tests.emu reports/demo/multi

demo-gpu: $(VENV)/.gpu  ## search on OpenVINO's GPU plugin, over a processor: needs gcc and opencl-headers
	$(BIN)/python -m tests.gpu reports/demo/gpu

gpu-emulation: $(VENV)/.gpu  ## install what tests/gpu runs the GPU plugin on; its tests are skipped without it

test: $(VENV)/.test  ## run the quick tests
	$(call pytest,not slow and not soak,loadfile)

test-slow: $(VENV)/.test  ## run the tests that take long: searches on several devices, statistics repeated at length
	$(call pytest,slow and not soak,worksteal)

soak: $(VENV)/.test  ## bring faults into searches, each many times: needs g++, up to two hours; goes on where it stopped
	$(BIN)/python -m tests.faults.soak

check: lint types layers test  ## what CI runs first; then it runs test-slow

lint: $(VENV)/.dev
	$(BIN)/ruff format --check tuner tests
	$(BIN)/ruff check tuner tests

types: $(VENV)/.dev
	$(BIN)/mypy

layers: $(VENV)/.dev
	$(BIN)/lint-imports

PIECES := bias luck sentinel landscape regret sweep claims strategies servers false_wins false_wins_replayed intervals intervals_in_searches wrong_keeps keep_rules small_gains limits questions pareto false_wins_questions loadgen lateness quota copies false_wins_in_places scale storage trend settling settling_attempts noise instrument application blobs cost storage

bench: $(VENV)/.bench  ## the benchmarks behind reports/evidence: hours on a quiet machine; goes on where it stopped
	for piece in $(PIECES); do $(BIN)/python -m tests.benchmarks.$$piece || exit 1; done
	$(MAKE) bench-page

bench-page: $(VENV)/.bench  ## draw the page and the plots of reports/evidence from what was measured
	$(BIN)/python -m tests.publishing.page
	$(BIN)/python -m tests.publishing.about_scale
	$(BIN)/python -m tests.publishing.plots

reports: $(VENV)/.dev  ## search the models of reports/ again, on a quiet machine: ten minutes
	$(BIN)/python -m tests.publishing.reports

bench-%: $(VENV)/.bench  ## measure one model's row of reports/evidence again: searches, sweep, claims, false wins
	$(BIN)/python -m tests.benchmarks.again $*
	for piece in landscape regret sweep claims false_wins_replayed; do $(BIN)/python -m tests.benchmarks.$$piece $* || exit 1; done

docs-fresh: $(VENV)/.test  ## check the documents: links, commands, Python, and what is made from the code
	$(BIN)/python -m pytest -q tests/docs

audit: $(VENV)-audit/.audit  ## look for known weaknesses in the locked packages, and for risky code in tuner/: needs the network
	$(VENV)-audit/bin/pip-audit --strict --requirement $(LOCK) --no-deps --disable-pip
	$(VENV)-audit/bin/bandit --quiet --configfile pyproject.toml --recursive tuner

lock: $(VENV)/.test  ## write down the versions that are installed here, once the tests have passed with them
	{ echo '# Made by `make lock`: the packages that the tests passed with; `make test CONSTRAINTS=$(LOCK)` takes them again.'; \
		$(PIP) freeze --exclude-editable; } > $(LOCK)

format: $(VENV)/.dev
	$(BIN)/ruff format tuner tests
	$(BIN)/ruff check --fix tuner tests

docs: $(VENV)/.dev  ## write what is made from the code again: commands, Python, properties, the JSON Schemas
	$(BIN)/python -m tests.publishing.cli_reference > docs/cli.md
	$(BIN)/python -m tests.publishing.python_reference > docs/python.md
	$(BIN)/python -m tests.publishing.properties_reference > docs/properties.md
	$(BIN)/python -c "from tuner.advice.advice import json_schema; print(json_schema().decode(), end='')" \
		> tuner/advice/advice.schema.json
	$(BIN)/python -c "from tuner.commands.fleet.plan import json_schema; print(json_schema().decode(), end='')" \
		> tuner/commands/fleet/plan.schema.json

pictures: $(VENV)/.dev  ## draw what README.md shows of a published search: needs chromium
	$(BIN)/python -m tests.publishing.pictures

clean:  ## remove .venv
	rm -rf $(VENV) $(VENV)-audit

$(VENV)/.tuner: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and \
		"openvino-tuner needs Python 3.10 or newer; $(PYTHON) is %d.%d: make PYTHON=python3.12" % sys.version_info[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) .
	touch $@

$(VENV)/.test: $(VENV)/.tuner
	$(INSTALL) '.[test]'
	touch $@

$(VENV)/.dev: $(VENV)/.test
	$(INSTALL) '.[dev]'
	touch $@

$(VENV)-audit/.audit: pyproject.toml  # apart, so that its own packages are neither tested nor locked
	test -x $(VENV)-audit/bin/python || $(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/python -m pip --disable-pip-version-check --quiet install '.[audit]'
	touch $@

$(VENV)/.gpu: $(VENV)/.test
	$(INSTALL) '.[gpu-emulation]'
	touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(INSTALL) '.[bench]'
	touch $@
