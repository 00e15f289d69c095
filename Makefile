# The front door. `make help` lists what there is.
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .uv/bin/uv
RUN := .venv/bin
ARGS ?=
SEEDS ?=
STEPS ?= 1000000
HISTORIES ?= 2000

PROMTOOL := .tools/prometheus/usr/bin/promtool

CHROMIUM := $(if $(wildcard /usr/bin/chromium),/usr/bin/chromium,.tools/chromium/chromium)

.PHONY: help setup demo test test-live acceptance tools browser screenshots simulate chaos lint lint-deploy format docs bench bench-pages clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: .venv/.complete ## Make the environment in .venv from uv.lock

# What set-up says goes to standard error: standard output belongs to the command (`--json`).
$(UV):
	@echo "Setting up uv $(UV_VERSION) in .uv" >&2
	@$(PYTHON) -m venv .uv >&2
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) >&2

.venv/.complete: uv.lock pyproject.toml | $(UV)
	@echo "Setting up the environment in .venv" >&2
	@UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 $(UV) sync --locked --quiet --python $(PYTHON) >&2
	@$(RUN)/python -m compileall -q src >&2
	@touch $@

# BigQuery's stand-in, for tests: its pins and its plug-in of pytest do not go together with ours.
BIGQUERY := tests/bigquery/emulator
.venv-bigquery/.complete: $(BIGQUERY)/uv.lock $(BIGQUERY)/pyproject.toml | $(UV)
	@echo "Setting up BigQuery's stand-in in .venv-bigquery" >&2
	@UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=$(CURDIR)/.venv-bigquery $(UV) sync --project $(BIGQUERY) --locked --quiet --python $(PYTHON) >&2
	@touch $@

demo: setup ## Run both sandboxes and the service: history, sync, tie-out, console (ARGS="--once --json")
	@$(RUN)/wescope demo $(ARGS)

test: setup lint tools browser .venv-bigquery/.complete ## Run the linters and every test
	$(RUN)/pytest -n 5 $(ARGS)

test-live: setup ## Ask a Stripe test account and a QBO sandbox what we rely on (docs/live-tests.md); without keys the local ones
	@$(RUN)/python -m tests.live $(ARGS)

acceptance: setup ## Run the acceptance tests and write docs/acceptance.md with what they measured
	$(RUN)/pytest tests/acceptance --write-acceptance $(ARGS)

tools: $(PROMTOOL) ## Get promtool and Prometheus from Debian's package into .tools

# Nothing is installed. Where there is no apt the test of the rules fails and says what to do.
$(PROMTOOL):
	@echo "Getting Prometheus in .tools" >&2
	@mkdir -p .tools/prometheus .tools/download
	@cd .tools/download && { apt-get download --quiet prometheus || \
	  { apt-get update --quiet && apt-get download --quiet prometheus; } } >&2 2>&1 \
	  && dpkg -x prometheus_*.deb ../prometheus && touch ../../$@ \
	  || echo "Prometheus could not be had: put promtool and prometheus in .tools/prometheus/usr/bin" >&2
	@rm -rf .tools/download

browser: $(CHROMIUM) ## Get Chromium for the tests of the console: installed from Debian's packages, or put into .tools

# Who may not install unpacks it and what it needs. Where there is no apt the tests of pages fail and say what to do.
/usr/bin/chromium .tools/chromium/chromium:
	@echo "Getting Chromium" >&2
	@sh tests/browser/get_chromium.sh .tools/chromium >&2 \
	  || echo "Chromium could not be had: install Debian's packages chromium and fonts-dejavu-core" >&2

screenshots: setup browser ## Take the pictures of docs/console.md anew, of a demo business
	@$(RUN)/python -m tests.browser.screenshots $(ARGS)

simulate: setup ## Break the engine 1,000,000 times, prove the books of 2,000 histories (SEEDS="17 18": these again)
ifeq ($(strip $(SEEDS)),)
	$(RUN)/python -m tests.simulation.engine --steps $(STEPS) $(ARGS)
	$(RUN)/python -m tests.simulation --seeds $(HISTORIES)
else
	@for seed in $(SEEDS); do \
	  $(RUN)/python -m tests.simulation.engine --seed $$seed --shrink-s 120 $(ARGS) || exit 1; \
	  $(RUN)/python -m tests.simulation --replay $$seed || exit 1; \
	done
endif

chaos: setup ## Kill, pause and cut off real processes under load; print recovery times (ARGS="--only kills")
	$(RUN)/python -m tests.chaos $(ARGS)

lint: setup lint-deploy ## Format check, ruff, mypy, import contract, artifacts; Dockerfile and Terraform if they were changed
	$(RUN)/ruff format --check --quiet .
	$(RUN)/ruff check --quiet .
	$(RUN)/mypy
	$(RUN)/lint-imports --no-cache
	$(RUN)/wescope schema all --out artifacts --check

lint-deploy: .venv-lint/.checked ## Check deploy/: hadolint, checkov, and terraform's format where there is a terraform

.venv-lint/.complete: deploy/lint/pyproject.toml deploy/lint/uv.lock | $(UV)
	@echo "Setting up the linters of deploy/ in .venv-lint" >&2
	@UV_PROJECT_ENVIRONMENT=$(CURDIR)/.venv-lint UV_PYTHON_DOWNLOADS=never \
	  $(UV) sync --project deploy/lint --locked --quiet --python $(PYTHON) >&2
	@touch $@

# checkov takes some ten seconds to start: it runs when what it looks at was changed, and asks nobody outside.
.venv-lint/.checked: .venv-lint/.complete .dockerignore deploy/Dockerfile $(wildcard deploy/terraform/*.tf)
	.venv-lint/bin/hadolint deploy/Dockerfile
	.venv-lint/bin/checkov --directory deploy --framework terraform dockerfile --compact --quiet --skip-download
	@if command -v terraform >/dev/null; then terraform fmt -check -recursive deploy/terraform; fi
	@touch $@

format: setup ## Format the code and mend what ruff can mend
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

docs: setup ## Write the generated pages of docs/ and the schemas of artifacts/
	$(RUN)/python docs/generate.py
	$(RUN)/wescope schema all --out artifacts

bench: setup ## Measure speed and cost from outside in ten minutes, beside yardsticks and the last saved run (ARGS="--only ingest")
	$(RUN)/python -m benchmarks $(ARGS)

bench-pages: setup ## Measure every page of the console at a million links, beside a page of everything (ARGS="--save benchmarks/console.json")
	$(RUN)/python -m benchmarks.console $(ARGS)

clean: ## Remove environments and caches (not .wescope, which holds the embedded database)
	rm -rf .venv .venv-lint .venv-bigquery .uv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
