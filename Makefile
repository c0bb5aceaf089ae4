# make demo: real data to live recommendations · make test: everything · make help: the rest
# Debian's own Python where there is one: it is built with optimisations that pyenv's lacks, and tests take a tenth less time
PYTHON ?= $(firstword $(shell for each in /usr/bin/python3.11 /usr/bin/python3.12 /usr/bin/python3 python3; do \
	$$each -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each; done) python3)
, := ,
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DATASET := .cache/datasets/recbole-1.2.1-py3-none-any.whl
BANDIT := .cache/datasets/obp-0.4.1-py3-none-any.whl
SLOW := aws ui compat docs flows installed loadtests server gateway/cache/test_redis_forms.py gateway/cli gateway/experiments gateway/hot gateway/metadata/test_dynamodb.py \
	gateway/metadata/test_localdb.py gateway/sources gateway/targets gateway/test_bad_bodies.py gateway/upstreams engine/batch engine/cohorts \
	engine/ensemble engine/forecast engine/measure engine/nn engine/recipes engine/test_actions.py engine/test_attribution.py \
	engine/test_crash.py engine/test_deletion.py engine/test_engine.py engine/test_explore.py engine/test_jobs.py \
	engine/test_large_catalogues.py engine/test_log.py engine/test_named_filters.py engine/test_new_items.py \
	engine/test_promotions.py engine/test_recommenders.py engine/test_schedule.py engine/test_updates.py engine/test_watermark.py \
	engine/test_diversity.py engine/test_fatigue.py engine/test_history.py engine/test_list_rules.py \
	engine/test_negative_events.py engine/test_objective.py engine/storage engine/backups engine/extras engine/test_s3_store.py \
	engine/test_shared_log.py gateway/admin gateway/cache/test_shared.py gateway/cache/test_redis_connection.py gateway/manifest gateway/outbox \
	gateway/sync deploy test_added_kinds.py test_style.py
MACHINES := engine/backups engine/storage/test_moving.py engine/test_s3_store.py engine/test_shared_log.py \
	gateway/cache/test_redis_forms.py server/test_held_answers.py server/test_postgres.py server/test_replicas.py server/test_roles.py \
	server/test_storage.py server/test_two_places.py server/test_workers.py
SHORT_CLIENTS := amplitude mparticle segment snowplow
EVIDENTLY := .cache/models/botocore_a_la_carte_evidently-1.34.144-py3-none-any.whl

unexport PYTHONDONTWRITEBYTECODE  # tests start hundreds of processes, of which each would compile all the code anew

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-scale test-scale-short test-clients test-clients-short clients page chart dashboards docs reference plots quick style lint format operations bench bench-quality load evaluate installed release clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  \1\t/' | expand -t 17

# a venv's own pip is as old as its Python, and compiles in one process: twice the time. Of these nothing or little is
# ever imported, and they are two thirds of all; packages hold a file or two for other Pythons, which can't be compiled
LATER := /(sympy|faker|matplotlib|networkx|fontTools|huggingface_hub|pip|setuptools|mypyc?|cfnlint|optuna|mpmath|tests?|moto/(a|b|ce|cl|co[dgm]|d|e|f|g|i|k|l|m|n|o|p|q|r|s[^3])|torch/(_inductor|_dynamo|testing|onnx|distributed|_functorch))
COMPILE = $(BIN)/python -m compileall -qq -j 0 -x '$(LATER)' $(VENV)/lib || true
# pip's default index has PyTorch with CUDA, gigabytes: TORCH_INDEX may name an index of its CPU wheels
TORCH_INDEX ?=
INSTALL = { test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); } && $(BIN)/pip install --quiet --upgrade pip && \
	$(if $(TORCH_INDEX),$(BIN)/pip install --quiet --no-compile --index-url '$(TORCH_INDEX)' 'torch>=2.5$(,)<3' && )\
	PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --no-compile --editable

$(BIN)/recgate: pyproject.toml
	$(INSTALL) '.[train,text]'
	@$(COMPILE)
	@touch $@

$(READY): pyproject.toml
	$(INSTALL) '.[train,text,dev,bench,plots,otlp]'
	@$(COMPILE)
	@touch $@ $(BIN)/recgate

$(DATASET): | $(READY)
	@mkdir -p $(@D)
	$(BIN)/pip download --quiet --no-deps recbole==1.2.1 --dest $(@D)

$(BANDIT): | $(READY)
	@mkdir -p $(@D)
	$(BIN)/pip download --quiet --no-deps obp==0.4.1 --dest $(@D)

$(EVIDENTLY): | $(READY)  # data that boto3 had till 1.41; installed, it would write into botocore's folder
	@mkdir -p $(@D)
	$(BIN)/pip download --quiet --no-deps botocore-a-la-carte-evidently==1.34.144 --dest $(@D)

setup: $(READY) $(DATASET) $(BANDIT) $(EVIDENTLY)  ## a virtual environment with everything, and the data sets of the tests

demo: $(BIN)/recgate  ## MovieLens-100K from download to live recommendations on 127.0.0.1:8080
	$(BIN)/recgate demo $(ARGS)

test: $(READY) $(DATASET) $(BANDIT) $(EVIDENTLY)  ## the tests of one machine, in six processes (many wait) (ARGS=PATH: those, in one)
	$(BIN)/python -m pytest $(or $(ARGS),-n 6 --no-loadscope-reorder $(MACHINES:%=--ignore=tests/%))

test-scale-short: $(READY)  ## many machines in a minute: PostgreSQL, Valkey, a bucket, several servers
	$(BIN)/python -m pytest -n 4 --no-loadscope-reorder $(MACHINES:%=tests/%) $(ARGS)

test-scale: $(READY)  ## many machines: real services, killed and stopped; takes minutes
	$(if $(ARGS),,$(MAKE) test-scale-short)
	$(BIN)/python -c 'import ray' 2>/dev/null || $(BIN)/pip install --quiet --no-compile --editable '.[ray]'
	$(BIN)/python -m pytest tests/scale $(ARGS)
	$(if $(ARGS),,RECGATE_TEST_STATE=shared $(BIN)/python -m pytest -n 2 --no-loadscope-reorder tests/aws tests/flows tests/compat)
	$(if $(ARGS),,RECGATE_TEST_STATE=apart $(BIN)/python -m pytest -n 2 --no-loadscope-reorder tests/aws tests/flows)
	$(if $(ARGS),,RECGATE_TEST_STATE=apart,shared $(BIN)/python -m pytest tests/compat)

test-clients: $(READY)  ## partners' own clients, in environments of their own (Node 20 or newer, Chromium); writes docs/partners.md
	$(BIN)/python -m pytest tests/clients $(ARGS)

test-clients-short: $(READY)  ## those of them for Python that are installed in seconds; what CI runs
	$(BIN)/python -m pytest --short $(SHORT_CLIENTS:%=tests/clients/%) $(ARGS)

page:  ## gateway/ui/dist anew from its sources, by npm
	cd gateway/ui && npm ci --silent --no-audit --no-fund && npm run build
	cd gateway/snippet && npm ci --silent --no-audit --no-fund && npm run build

chart: $(READY)  ## deploy/helm/rendered.yaml anew, by Helm (.venv/bin/pip install helm-python-sdk)
	$(BIN)/python -m tests.deploy.chart

dashboards: $(READY)  ## deploy/grafana anew, from the panels in tests/deploy/dashboards.py
	$(BIN)/python -m tests.deploy.dashboards

docs: $(READY)  ## the documentation as a site in build/site, without a warning
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet -f .mkdocs.yml  # it tells of its successor else

clients: $(READY)  ## clients/ anew: the OpenAPI document from the code, and the clients for Python and TypeScript from that
	$(BIN)/recgate print-schema openapi > clients/openapi.json
	$(BIN)/python -m clients.generate_python
	$(BIN)/python -m clients.generate_typescript

reference: $(READY)  ## the pages of the reference anew, from the code: keys, routes, commands, metrics, recipes, errors
	$(BIN)/python -m tests.docs.reference

plots: $(READY)  ## the pictures of the docs anew, from the figures in docs/benchmarks.md
	$(BIN)/python -m loadtests.plots

quick: $(READY)  ## the tests that start no process of ours and train no model to speak of, in three processes
	$(BIN)/python -m pytest -n 3 --no-loadscope-reorder $(SLOW:%=--ignore=tests/%) $(ARGS)

style: $(READY)  ## how the code stands by its own measures (ARGS=--findings: where)
	$(BIN)/python -m tests.style $(ARGS)

lint: $(READY)  ## ruff, mypy and hadolint; what CI asks for
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

format: $(READY)  ## mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

operations: $(READY)  ## tests/aws/OPERATIONS.md anew: which test runs which operation
	RECGATE_WRITE_OPERATIONS=1 $(BIN)/python -m pytest tests/aws tests/flows tests/test_operations.py

bench: $(READY)  ## hits and misses as ratios to nginx, haproxy, Varnish, Litestar and FastAPI (ARGS=--help)
	$(BIN)/python -m loadtests.bench $(ARGS)

$(VENV)/.bench-quality: pyproject.toml | $(READY)
	$(BIN)/pip install --quiet --editable '.[bench-quality]'
	@touch $@

bench-quality: $(VENV)/.bench-quality $(DATASET)  ## lists beside rectools, irspack, implicit and closed forms (ARGS=--help)
	$(BIN)/python -m loadtests.quality $(ARGS)

load: $(READY)  ## SCENARIO (browsing, flash_sale, crawler, burst or events), by locust, against HOST (the demo's address)
	$(BIN)/python -m loadtests.load $(or $(SCENARIO),browsing) --host $(or $(HOST),http://127.0.0.1:8080) $(ARGS)

evaluate: $(READY) $(DATASET)  ## the honest report on MovieLens-100K
	$(BIN)/recgate evaluate --movielens $(ARGS)

installed: $(READY) $(DATASET)  ## sizes and seconds of installations of the wheel, in environments of their own (ARGS=--help)
	$(BIN)/python -m loadtests.installed $(ARGS)

release: $(READY)  ## dist/: the wheel, its SBOM (CycloneDX) and the licences of what it brings
	$(BIN)/python -m tests.installed.release

clean:  ## forget the environments and what was built
	rm -rf $(VENV) .cache/quality build dist *.egg-info
