# Everything below sets itself up: a machine with Python >= 3.11, make and a package index is enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed

DATA ?= $(or $(TURBO_FORECAST_DATA),data)
MONTH ?= 2025-12
HOSTS ?= 2000
PORT ?= 3001
TELEMETRY ?= $(TURBO_FORECAST_TELEMETRY)
CONFIG ?= $(TURBO_FORECAST_CONFIG)
DIALECTS ?= 20000
PYTHONS ?= 3.11 3.12 3.13
TESTS := turbo_forecast_tests
FAST := $(addprefix $(TESTS)/,models tournament outlook) \
	$(filter-out %_dialects.py %_fingerprint.py %_text_times.py %_columns.py,$(wildcard $(TESTS)/storage/telemetry/test_*.py)) \
	$(filter-out %_derivatives.py %_drop_in.py %_drop_in_plots.py %_cache.py,$(wildcard $(TESTS)/turbo_prophet/test_*.py)) \
	$(addsuffix .py,$(addprefix $(TESTS)/test_,floors settings settings_executor schemas text seasonal_gaps number_words month_keys yaml_file sweeps))
export DAGSTER_HOME ?= $(CURDIR)/dagster_home

.PHONY: run test test-fast lint package ui dashboard bench evaluate drill clean lock

run: $(READY) ## a month, end to end: the demo fleet, or TELEMETRY=… MONTH=… DATA=… CONFIG=…
	$(BIN)/python -m turbo_forecast --month "$(MONTH)" --data "$(DATA)" \
		$(if $(TELEMETRY),--telemetry "$(TELEMETRY)",--demo-hosts $(HOSTS)) $(if $(CONFIG),--config "$(CONFIG)")

test: $(READY) ## the whole test suite; commands and browsers wait a third of their time, so three at once keep two cores busy
	$(BIN)/python -m pytest -n 3 --dist loadgroup

test-fast: $(READY) ## under a minute, before each commit: kernels, models, tournament, outlook, reading telemetry, settings, floors; no browser, server, Dagster run or worker process (paths in FAST, less what is marked slow)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow and not browser" $(FAST)

lint: $(READY) ## formatter, linter, type checker
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# those of PYTHONS that are on this machine, but the one whose environment is there already
OTHERS = $(filter-out $(shell $(BIN)/python -c $(VERSION)),$(foreach v,$(PYTHONS),$(shell python$(v) -c $(VERSION) 2>/dev/null)))
VERSION := 'import sys; print("%d.%d" % sys.version_info[:2])'

package: $(READY) ## wheel and source distribution, built, looked into, and tried without the checkout on each of PYTHONS that is here
	$(MAKE) --no-print-directory $(READY) $(foreach v,$(OTHERS),$(VENV)-$(v)/.installed)
	TURBO_FORECAST_PYTHONS="$(foreach v,$(OTHERS),$(CURDIR)/$(VENV)-$(v)/bin/python)" $(BIN)/python -m pytest turbo_forecast_tests/packaging

$(VENV)-%/.installed: requirements.lock
	python$* -m venv $(VENV)-$*
	$(VENV)-$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	touch $@

ui: $(READY) ## the Dagster UI on 127.0.0.1:3000, with daemon, schedule and pools
	TURBO_FORECAST_DATA="$(if $(findstring ://,$(DATA)),$(DATA),$(abspath $(DATA)))" TURBO_FORECAST_TELEMETRY="$(TELEMETRY)" TURBO_FORECAST_CONFIG="$(CONFIG)" \
		$(BIN)/python -m turbo_forecast.defs.ui

dashboard: $(READY) ## the planner's pages on 127.0.0.1:3001: DATA=… PORT=…
	$(BIN)/python -m turbo_forecast dashboard --data "$(DATA)" --port $(PORT)

bench: $(READY) ## what the README claims, measured again
	$(BIN)/python -m benchmarks

evaluate: $(READY) ## the champion beside stock Prophet, ETS and Theta: TELEMETRY=… MONTH=…[,…] CONFIG=… (or the car parks)
	$(BIN)/python -m benchmarks.accuracy --months "$(MONTH)" \
		$(if $(TELEMETRY),--telemetry "$(TELEMETRY)") $(if $(CONFIG),--config "$(CONFIG)")

drill: $(READY) ## what the suite tries in small: faults of workers, cluster and store; DIALECTS dialects of telemetry; Prophet's slow tests; pages during runs; PostgreSQL; every case of a sweep
	$(BIN)/python -m benchmarks.faults --markdown
	TURBO_FORECAST_DRILL=1 TURBO_FORECAST_DIALECTS=$(DIALECTS) $(BIN)/python -m pytest -n 2 --dist loadgroup --hypothesis-show-statistics \
		turbo_forecast_tests/storage/telemetry/test_telemetry_dialects.py turbo_forecast_tests/parity/test_prophets_own_suite.py \
		turbo_forecast_tests/browser/dashboard turbo_forecast_tests/production turbo_forecast_tests/end_to_end/test_car_parks_on_storage.py
	TURBO_FORECAST_DRILL=1 $(BIN)/python -m pytest -n 2 --dist loadgroup -m "sweep and not browser"

lock: $(READY) ## pin every package anew (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-strip-extras --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o requirements.lock

clean: ## the environment; results stay, wherever they are
	rm -rf $(VENV) $(VENV)-* turbo_forecast.egg-info

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)
