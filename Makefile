# Every target bootstraps what it needs on a machine that has Python 3.11 or newer, git and make.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
SHARED ?= ../shared/real-logs
CASES := datasets/lab datasets/synthetic datasets/triage $(wildcard $(SHARED))
TEMPLATE := build/template/venv
ARCHITECTURE ?= arm64
BYTECODE ?= auto
PACKAGE := build/lambda/package.zip
PROMPTFOO := build/promptfoo/node_modules/.bin/promptfoo
FUZZ_SECONDS ?= 60
LOCKS := requirements/runtime.txt requirements/evals.txt requirements/dev.txt requirements/fuzz.txt requirements/local-llm.txt requirements/template.txt
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup eval mlflow promptfoo package deploy can-deploy lab test fuzz test-wheel check format lock ci clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## Create .venv with the locked packages

$(VENV)/.ready: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "make: $(PYTHON) is older than 3.11; give another with make PYTHON=…" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.7'
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# The tools that look at lambda/template.yaml can't live beside our own packages.
$(TEMPLATE)/.ready: requirements/template.txt | $(VENV)/.ready
	@rm -rf $(TEMPLATE) && $(PYTHON) -m venv --without-pip $(TEMPLATE)
	@$(UV) pip install --quiet --python $(TEMPLATE)/bin/python --require-hashes -r requirements/template.txt
	@touch $@

eval: $(VENV)/.ready ## Replay the labelled failures through the rules: scores, report, MLflow run
	@$(BIN)/python -m evals run $(CASES) --output reports/runs/rules --fresh --track

test: $(VENV)/.ready $(TEMPLATE)/.ready ## Run the tests
	@$(BIN)/python -m pytest

fuzz: $(VENV)/.ready ## Fuzz redaction and extraction, FUZZ_SECONDS each (60)
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/fuzz.txt
	@$(BIN)/python tests/fuzz/fuzz.py redaction -max_total_time=$(FUZZ_SECONDS)
	@$(BIN)/python tests/fuzz/fuzz.py extraction -max_total_time=$(FUZZ_SECONDS)

test-wheel: $(VENV)/.ready ## Run the product's tests against the built wheel
	@rm -rf build/wheel && $(UV) build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir build/wheel .
	@$(PYTHON) -m venv build/wheel/venv
	@$(UV) pip install --quiet --python build/wheel/venv/bin/python --require-hashes -r requirements/dev.txt
	@$(UV) pip install --quiet --python build/wheel/venv/bin/python --no-deps build/wheel/*.whl
	@cd build/wheel && venv/bin/python -m pytest -q -p no:cacheprovider --rootdir ../.. -c ../../pyproject.toml ../../tests/diagnose

check: $(VENV)/.ready ## Lint, format, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

mlflow: $(VENV)/.ready ## Open the runs in MLflow's pages, at http://127.0.0.1:5000
	@MLFLOW_DISABLE_TELEMETRY=true $(BIN)/mlflow ui --backend-store-uri sqlite:///reports/mlflow/mlflow.db --host 127.0.0.1 --port 5000

$(PROMPTFOO): evals/interop/package-lock.json
	@mkdir -p build/promptfoo && cp evals/interop/package.json evals/interop/package-lock.json build/promptfoo/
	@cd build/promptfoo && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

promptfoo: $(VENV)/.ready $(PROMPTFOO) ## Run the same cases through a real promptfoo (npm), compare verdicts
	@$(BIN)/python -m evals.interop --promptfoo $(PROMPTFOO) datasets/lab datasets/triage datasets/synthetic

lab: $(VENV)/.ready ## Break real Spark jobs on a real YARN, compare with the committed logs (Java 17; SCENARIO=id)
	@$(BIN)/python -m evals.lab setup $(if $(LAB_JARS),--jars $(LAB_JARS))
	@$(BIN)/python -m evals.lab check $(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(LAB_JARS),--jars $(LAB_JARS))

package: $(VENV)/.ready ## Make the Lambda's zip, of the promoted prompt (ARCHITECTURE=arm64)
	@$(BIN)/python lambda/package.py --architecture $(ARCHITECTURE) --bytecode $(BYTECODE) --output $(PACKAGE) $(PACKAGE_FLAGS)

deploy: PACKAGE_FLAGS = $(if $(filter 1,$(ALLOW_UNPROVEN)),,--refuse-unproven)
deploy: can-deploy package ## Package, then deploy with sam: LOG_BUCKET=… [PARAMETERS='TimeoutSeconds=120 …']
	@$(BIN)/python lambda/deploy.py --package $(PACKAGE) --log-bucket '$(LOG_BUCKET)' --architecture $(ARCHITECTURE) \
	  --parameters='$(subst ','\'',$(value PARAMETERS))' -- $(SAM_FLAGS)

can-deploy:
	@command -v sam >/dev/null || { echo "make: sam is not there; install the AWS SAM CLI" >&2; exit 2; }
	@test -n '$(LOG_BUCKET)' || { echo "make: LOG_BUCKET=… is missing: the bucket that EMR writes its logs to" >&2; exit 2; }

format: $(VENV)/.ready ## Format the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

lock: $(VENV)/.ready ## Write requirements/*.txt anew from pyproject.toml
	@$(COMPILE) pyproject.toml -o requirements/runtime.txt
	@$(COMPILE) pyproject.toml --extra evals -o requirements/evals.txt
	@$(COMPILE) pyproject.toml --extra evals --extra models --group dev -o requirements/dev.txt
	@$(COMPILE) --group fuzz -o requirements/fuzz.txt
	@$(COMPILE) --group local-llm -c requirements/dev.txt -o requirements/local-llm.txt
	@$(COMPILE) --group template -o requirements/template.txt

ci: check eval test-wheel test ## All of CI; the tests come last

clean: ## Remove what the other targets made
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
