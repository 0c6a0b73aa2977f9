# The jobs of this repository. `make` lists them. Everything runs in .venv, which `make setup` makes.

PYTHON ?= python3
# Where `make flux2` puts what it makes.
OUT ?= build

BIN := $(CURDIR)/.venv/bin
READY := .venv/.ready
SCHEMAS := .venv/schemas/.ready
TORCHAO := .venv/torchao/.ready

.DEFAULT_GOAL := help
.PHONY: help setup flux2 test lint docs bench damaged mutations mutants presets folders checkouts parity-costs probe faults claude codex clean-ai

help: ## list the jobs
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: $(READY) $(SCHEMAS) $(TORCHAO) ## make the virtual environment with everything that the other jobs need

# The stamp is newer than the files that say what to install, or the installation is done again.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "modelwright needs Python 3.10 or newer: make setup PYTHON=python3.12" >&2; exit 1; }
	@echo "== making the environment in .venv (torch and diffusers are large: this takes minutes)"
	$(PYTHON) -m venv .venv
	# torch goes first and alone, so that the pinned build is there before anything asks for just any.
	"$(BIN)/python" -m pip install --disable-pip-version-check -c constraints.txt torch
	"$(BIN)/python" -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

# What makers of report formats publish to check a report by: two packages of npm bring it, and the source of pytest.
$(SCHEMAS): tests/linter/schemas/package-lock.json | $(READY)
	@command -v npm >/dev/null || \
		{ echo "The tests read the schemas of report formats out of npm's packages: install Node.js 18 or newer." >&2; exit 1; }
	@echo "== fetching the published schemas of report formats into .venv/schemas"
	rm -rf .venv/schemas
	mkdir .venv/schemas
	cp tests/linter/schemas/package.json tests/linter/schemas/package-lock.json .venv/schemas
	npm ci --prefix .venv/schemas --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error
	"$(BIN)/python" -m pip download --disable-pip-version-check --quiet --no-deps --no-binary pytest \
		--dest .venv/schemas pytest==9.2.0
	@touch $(SCHEMAS)

# Where diffusers finds torchao it prints warnings at every import, so that it lies apart and one test alone sees it.
$(TORCHAO): constraints.txt | $(READY)
	@echo "== putting torchao into .venv/torchao"
	rm -rf .venv/torchao
	"$(BIN)/python" -m pip install --disable-pip-version-check --quiet --no-deps --target .venv/torchao \
		-c constraints.txt torchao
	@touch $(TORCHAO)

flux2: $(READY) ## generate a Flux2 folder, check it, run its tests, show its capabilities, make a picture
	@echo "== 1/5 generating $(OUT)/flux2"
	@if [ -e "$(OUT)/flux2" ]; then \
		echo "It is there already and is kept as it is; delete it to have it generated anew."; \
	else \
		"$(BIN)/scaffold" model flux2 --out "$(OUT)"; \
	fi
	@echo "== 2/5 checking its conventions"
	@"$(BIN)/linter" check "$(OUT)/flux2"
	@echo "== 3/5 running its tests"
	@cd "$(OUT)" && "$(BIN)/python" -m pytest -q flux2/tests
	@echo "== 4/5 its capabilities"
	@cd "$(OUT)" && "$(BIN)/python" -c 'from flux2 import Flux2Transformer2DModel as m; print(m.metadata())'
	@echo "== 5/5 making a picture with tiny random weights"
	@cd "$(OUT)" && "$(BIN)/python" -m flux2.examples.text_to_image --out flux2.png
	@echo
	@cd "$(OUT)" && echo "Done. The folder:  $$PWD/flux2" \
		&& echo "      The picture: $$PWD/flux2.png (noise: the weights are random)" \
		&& echo "      To use it:   cd $$PWD, then: from flux2 import Flux2Transformer2DModel, Flux2Pipeline"

test: $(READY) $(SCHEMAS) $(TORCHAO) ## run all tests
	OMP_NUM_THREADS=1 "$(BIN)/python" -m pytest -n auto --maxprocesses 4 --dist loadfile

lint: $(READY) ## check this repository's own code: ruff, formatting, types
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/mypy"

docs: $(READY) ## build the documentation site into site/
	NO_MKDOCS_2_WARNING=1 "$(BIN)/mkdocs" build --strict

bench: $(READY) ## measure the linter beside others; writes benchmarks/lint.md (ten minutes)
	"$(BIN)/python" benchmarks/lint.py

damaged: $(READY) ## run the linter over 10,000 damaged inputs; writes benchmarks/damaged.md (half an hour)
	"$(BIN)/python" benchmarks/damaged.py --result benchmarks/damaged.md

mutations: $(READY) ## break diffusers on purpose, see what the linter finds and mends; writes benchmarks/mutations.md
	"$(BIN)/python" benchmarks/mutations.py

mutants: $(READY) ## change each rule in one place after another and see a test fail; writes benchmarks/rule_mutants.md (half an hour)
	"$(BIN)/python" benchmarks/rule_mutants.py

presets: $(READY) ## compare every preset with diffusers; writes docs/scaffold/presets.md (minutes)
	OMP_NUM_THREADS=1 "$(BIN)/python" -m benchmarks.presets

folders: $(READY) ## try every folder in an environment without modelwright; writes benchmarks/folders.md (half an hour)
	OMP_NUM_THREADS=1 "$(BIN)/python" -m benchmarks.folders

checkouts: $(READY) ## write every preset into CHECKOUT=path/to/diffusers and try it there (an hour)
	"$(BIN)/python" benchmarks/checkouts.py "$(CHECKOUT)"

parity-costs: $(READY) ## measure the time and memory of parity bisect; writes benchmarks/parity_bisect.md (minutes)
	OMP_NUM_THREADS=1 "$(BIN)/python" -m benchmarks.parity_bisect

probe: $(READY) ## run what diffusers' transformers declare that they can do; writes docs/parity/diffusers.md (half an hour)
	OMP_NUM_THREADS=1 "$(BIN)/parity" probe --all --page docs/parity/diffusers.md; test $$? -le 1

faults: $(READY) ## plant faults and see what parity says of them; writes benchmarks/parity_faults.md (half an hour)
	OMP_NUM_THREADS=1 "$(BIN)/python" -W ignore -m benchmarks.parity_faults

claude: $(READY) ## install the skills where Claude Code finds them
	@"$(BIN)/scaffold" skills install --agent claude

codex: $(READY) ## install the skills where Codex finds them
	@"$(BIN)/scaffold" skills install --agent codex

clean-ai: $(READY) ## remove what `make claude` and `make codex` installed, and nothing else
	@"$(BIN)/scaffold" skills remove
