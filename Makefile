# Commands for development and trials. Needs only make and Python 3.11 or newer: each target first
# installs its requirements into .venv, again after a change of the lock file.

PYTHON ?= python3
PORT ?= 8000
N ?= 2
ARGS ?=
REQUESTS ?= 2000
NAME ?=
APP ?= orders
BASKETS ?= tests/data
URL ?= http://127.0.0.1:$(PORT)
COMPOSE ?= docker compose
CLUSTER_URL ?=

VENV := .venv
PY := $(VENV)/bin/python
# -qq, because the warnings of pip concern the configuration of the machine.
PIP := $(PY) -m pip --disable-pip-version-check -qq install
TEST := $(VENV)/.test-ready
PYTEST := $(PY) -m pytest -n $(N) $(ARGS)
# Migrated databases are cached in .pytest_cache, by a hash of models and migrations.
# Without ARGS only a sample of the slow tests runs; `make endure` runs the others.
FAST := $(if $(ARGS),, and not slow)
# Ignore DATABASE_URL of the shell, so that no check uses a real database.
TEST_DJANGO := env -u DATABASE_URL DJANGO_SETTINGS_MODULE=tests.settings $(PY) manage.py
# Ignore it, because each test process would spend five seconds on compiling every file again.
unexport PYTHONDONTWRITEBYTECODE
SECRET = $$($(PY) -c "import secrets; print(secrets.token_urlsafe(64))")

# Check PYTHON even if .venv exists, which would be used instead.
ifeq ($(origin PYTHON),command line)
ifeq ($(shell command -v $(firstword $(PYTHON)) 2>/dev/null),)
$(error PYTHON=$(PYTHON) does not exist. Name a Python that does, for example PYTHON=python3.12)
endif
endif

.DEFAULT_GOAL := help
.PHONY: help run worker shell dbshell test check endure cluster coverage bench replay graph resource fmt up down logs \
	lock lock-check clean lint types imports migrations deploy schema javascript
.DELETE_ON_ERROR:

help: ## list the targets
	@echo "make TARGET [VARIABLE=value]"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' Makefile

# --- Run ------------------------------------------------------------------------------------

run: $(VENV)/.run-ready .env ## run Till on SQLite with demo data: PORT=8000
	@env PORT=$(PORT) $(PY) -m config.development_server --check
	@for file in .env till.sqlite3*; do [ ! -f "$$file" ] || chmod go= "$$file"; done
	@$(PY) manage.py migrate --noinput --verbosity 0
	@LOG_LEVEL=WARNING $(PY) manage.py seed_demo --url http://127.0.0.1:$(PORT)
	@echo "Till runs at http://127.0.0.1:$(PORT)/ until Ctrl-C."
	@exec env PORT=$(PORT) $(PY) -m config.development_server

worker: $(VENV)/.run-ready .env ## run only the relay: webhooks, mail, look-ups of payments
	@exec $(PY) manage.py relay

shell: $(VENV)/.run-ready .env ## open a Python shell with the settings of Till
	@exec $(PY) manage.py shell

dbshell: $(VENV)/.run-ready .env ## open the client of the database: needs sqlite3 or psql on the PATH
	@exec $(PY) manage.py dbshell

up: ## start PostgreSQL, Redis, web server and relay with Docker Compose
	@$(COMPOSE) up --build --detach

down: ## stop what `up` started; the data is kept
	@$(COMPOSE) down

logs: ## follow the logs of what `up` started
	@$(COMPOSE) logs --follow --tail=100

# Both at once, because each waits at times for a server, a lock or the disk. PostgreSQL takes half
# the processes, because each of them keeps a process of the server busy, and goes first, because it
# would finish last. Its report is printed after that of SQLite. Exit code 5 of pytest means that no test was selected:
# with ARGS this is allowed for one database, but not for both.
test: $(TEST) ## run the tests on SQLite and PostgreSQL at once: N=processes on SQLite, ARGS="for pytest"
	@report=$$(mktemp); trap 'rm -f "$$report"' EXIT; \
	half=$$((($(N) + 1) / 2)); \
	$(PY) -m tests.support.postgres --fast $(PY) -m pytest -n $$half $(ARGS) -m "not sqlite$(FAST)" \
		>"$$report" 2>&1 & \
	postgres=$$!; trap 'kill $$postgres; wait $$postgres; exit 130' INT TERM; \
	failed=0; empty=0; \
	record() { case $$1 in 0) ;; 5) empty=$$((empty + $(if $(ARGS),1,2))) ;; *) failed=1 ;; esac; }; \
	echo "--- SQLite"; \
	nice -n 5 env -u DATABASE_URL $(PYTEST) -m "not postgres$(FAST)"; record $$?; \
	echo "--- PostgreSQL"; \
	wait $$postgres; code=$$?; cat "$$report"; record $$code; \
	exit $$((failed || empty > 1))

check: $(TEST) ## lint, types, imports, migrations, deployment settings, API schema
	@$(MAKE) --no-print-directory --keep-going lint types imports migrations deploy schema javascript

# Tests with requests of all routes that have a fast entry.
BEFORE_DJANGO := tests/stateful tests/attacks tests/accounts/sessions tests/accounts/users/test_me.py \
	$(addprefix tests/orders/,catalog/test_lists.py offline/test_device_sequence.py \
	payments/test_card.py payments/test_cash_rounding.py pricing sales \
	shifts/test_money_limits.py shifts/test_two_shifts.py stock/test_stock_races.py) \
	tests/tenants/api/test_conditional_get.py tests/tenants/events/test_change_feed.py

# The slow tests on both databases, then a sample of tests with the fast entries, then crashes of
# server processes under thousands of requests.
endure: $(TEST) ## run the tests that `make test` skips, and crashes under load: REQUESTS=2000
	@failed=0; \
	env -u DATABASE_URL $(PYTEST) -m "slow and not postgres" || failed=1; \
	$(PY) -m tests.support.postgres --fast \
		$(PYTEST) -m "slow and not sqlite" --ignore-glob="tests/live/test_crash*" || failed=1; \
	$(PY) -m tests.support.postgres --fast $(PYTEST) --before-django=sample $(BEFORE_DJANGO) || failed=1; \
	env LIVE_REQUESTS=$(REQUESTS) $(PY) -m tests.support.postgres --fast \
		$(PYTEST) -k crash tests/live || failed=1; \
	exit $$failed

# What means something on a cluster: everything but plans, statement counts and prepared messages.
CLUSTER_TESTS := tests/accounts tests/admin tests/attacks tests/orders tests/stateful tests/tenants \
	$(addprefix tests/live/,test_cluster.py test_crash_between_statements.py \
	test_crash_under_load.py test_races.py test_user_races.py) tests/tools/test_replay_baskets.py

cluster: $(TEST) ## test on a Citus cluster: CLUSTER_URL=postgres://superuser@coordinator/database
	@if [ -z "$(CLUSTER_URL)" ]; then \
		echo "No cluster is given: its tests are left out. Set CLUSTER_URL to its coordinator."; exit 0; \
	fi; \
	env CLUSTER_URL=$(CLUSTER_URL) $(PY) -m tests.support.cluster \
		$(PY) -m pytest -n 0 -m "not sqlite" $(or $(ARGS),$(CLUSTER_TESTS))

resource: $(TEST) ## write the files of a new resource: NAME=brand APP=orders
	@$(PY) -m tests.tools.resource --name "$(NAME)" --app "$(APP)"

coverage: $(TEST) ## list the lines that no test runs, also in htmlcov/index.html: ARGS="for pytest"
	@env -u DATABASE_URL $(PYTEST) -m "not postgres" --cov --cov-report=term --cov-report=html

replay: $(TEST) .env ## sell recorded baskets at a running Till: BASKETS=tests/data URL=http://127.0.0.1:8000
	@$(PY) -m tests.tools.replay_baskets $(BASKETS) --url $(URL) $(ARGS)

graph: $(TEST) ## draw the imports between the packages: docs/images/imports.svg
	@$(PY) -m tests.tools.import_graph docs/images/imports.svg

bench: $(TEST) ## measure the performance: ARGS="for tests.tools.bench"
	@$(PY) -m tests.tools.bench $(ARGS)

fmt: $(TEST) ## format the code and apply safe fixes
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

# --- Parts of `check` -----------------------------------------------------------------------

lint: $(TEST)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: $(TEST)
	@$(PY) -m mypy .

imports: $(TEST)
	@$(VENV)/bin/lint-imports --no-logo

migrations: $(TEST)
	@$(TEST_DJANGO) makemigrations --check --dry-run

# Settings of production with temporary secrets; the check does not connect to these servers. Whether
# this machine has the fonts of a server is not checked.
deploy: $(TEST)
	@DJANGO_SETTINGS_MODULE=config.settings DEBUG=off \
	SECRET_KEY=$(SECRET) JWT_SIGNING_KEY=$(SECRET) ALLOWED_HOSTS=till.example \
	DATABASE_URL=postgres://till:till@db.invalid/till REDIS_URL=redis://cache.invalid:6379/0 \
	PAYMENT_SIMULATOR=off SILENCED_SYSTEM_CHECKS=orders.W001 \
	$(PY) manage.py check --deploy --fail-level WARNING

schema: $(TEST)
	@$(TEST_DJANGO) spectacular --validate --fail-on-warn --file /dev/null

# The types in the comments of the browser register. The compiler is one of the packages with which
# tests/live/test_generated_clients.py checks a client.
NODE_PACKAGES := $(VENV)/node

javascript:
	@if command -v npm >/dev/null 2>&1; then \
		$(MAKE) --no-print-directory $(NODE_PACKAGES)/.ready && \
		$(NODE_PACKAGES)/node_modules/.bin/tsc --project tests/tools/javascript; \
	else echo "npm is not installed: the types of the browser register are not checked."; fi

$(NODE_PACKAGES)/.ready: tests/live/clients/package-lock.json | $(PY)
	@mkdir -p $(NODE_PACKAGES) && cp tests/live/clients/package.json $< $(NODE_PACKAGES)
	@cd $(NODE_PACKAGES) && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# --- Set up ---------------------------------------------------------------------------------

$(PY):
	@command -v $(firstword $(PYTHON)) >/dev/null 2>&1 || { \
		echo "PYTHON=$(PYTHON) does not exist. Name a Python that does, for example" \
			"make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; } >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Till needs Python 3.11 or newer, and $(PYTHON) is not."; \
		echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; } >&2
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.run-ready: config/requirements.lock | $(PY)
	@echo "Installing the requirements of Till into $(VENV) ..."
	@$(PIP) --requirement $<
	@touch $@

$(VENV)/.test-ready: tests/requirements.lock | $(PY)
	@echo "Installing the requirements of Till and its tests into $(VENV) ..."
	@$(PIP) --requirement $<
	@touch $@

.env: | .env.example
	@umask 077 && cp .env.example .env

# --- Maintain -------------------------------------------------------------------------------

# With extras, because pip before 24 considers a requirement with extras unpinned without them.
UV_COMPILE = $$tools/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header \
	--no-strip-extras --generate-hashes $(ARGS)
# The oldest pip of Python 3.11 and 3.12. Later versions of Python have pip 24 or newer.
OLDEST_PIP = 'pip==22.3; python_version < "3.12"' 'pip==23.2.1; python_version == "3.12"'

lock: | $(PY) ## update the lock files: ARGS=--upgrade for newer versions
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	$(PY) -m venv "$$tools" && \
	"$$tools/bin/pip" --disable-pip-version-check -qq install 'uv>=0.13,<0.14' && \
	$(UV_COMPILE) requirements.txt --output-file config/requirements.lock && \
	$(UV_COMPILE) tests/requirements.txt --constraint config/requirements.lock \
		--output-file tests/requirements.lock

# Resolve and verify hashes like an installation, without installing anything. For .ci/run.
lock-check: | $(PY)
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	$(PY) -m venv "$$tools" && pip="$$tools/bin/python -m pip --disable-pip-version-check" && \
	$$pip -qq install $(OLDEST_PIP) && $$pip --version && \
	for lock in config/requirements.lock tests/requirements.lock; do \
		$$pip -qq install --dry-run --ignore-installed --require-hashes --requirement $$lock || \
			{ echo "$$lock cannot be installed with this pip. Update it with make lock." >&2; exit 1; }; \
	done

clean: ## remove generated files; .env and the database are kept
	@rm -rf $(VENV) .static .pytest_cache .mypy_cache .ruff_cache .import_linter_cache \
		.hypothesis .coverage htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
