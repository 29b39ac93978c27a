"""A pytest plugin that puts TurboProphet in prophet.Prophet's place and writes down what became of every test.

Run as `pytest -p turbo_forecast_tests.parity.in_prophets_place`, with two environment variables: STAND_IN (`turbo`, or
`stock` to leave Prophet as it is) and OUTCOMES, the JSON file to write: {"outcomes": {test: outcome}, "fits": {solver:
count}}.
Prophet's tests say `from prophet import Prophet`, so the names have to be replaced before they are collected.
"""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import prophet
import prophet.forecaster
import prophet.serialize
import pytest

from turbo_forecast.turbo_prophet.backend import TurboBackend
from turbo_forecast.turbo_prophet.drop_in import TurboProphet

_outcomes: dict[str, str] = {}
_fits: Counter[str] = Counter()
_stock_fit = TurboBackend.fit


def _counted_fit(self: TurboBackend, *args: Any, **kwargs: Any) -> Any:
    try:
        return _stock_fit(self, *args, **kwargs)
    finally:
        assert self.report is not None
        _fits[self.report.solver] += 1


if os.environ["STAND_IN"] == "turbo":
    TurboBackend.fit = _counted_fit  # type: ignore[method-assign]
    for module in (prophet, prophet.forecaster, prophet.serialize):
        module.Prophet = TurboProphet


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the worst outcome of a test's phases: setup and teardown may fail too."""
    if report.when == "call" or not report.passed:
        _outcomes[report.nodeid] = report.outcome


def pytest_sessionfinish() -> None:
    """Write what was seen."""
    Path(os.environ["OUTCOMES"]).write_text(json.dumps({"outcomes": _outcomes, "fits": _fits}))
