"""A pytest plugin that puts TurboProphet in prophet.Prophet's place and writes down what became of every test.

Run as `pytest -p turbo_forecast_tests.parity.in_prophets_place`, with environment variables: STAND_IN (`turbo`, or
`stock` to leave Prophet as it is) and OUTCOMES, the JSON file to write: {"outcomes": {test: outcome}, "fits": {solver:
count}}. QUICK_STAN, where it is set, keeps what Stan alone does, for stock's Prophet too, short: one of Prophet's tests samples
only to ask for the shape of what is drawn, and some fit lines without noise, whose posterior has no maximum, so that Newton's
method goes on for all of its 10,000 steps.
Prophet's tests say `from prophet import Prophet`, so the names have to be replaced before they are collected.
"""

import json
import os
from collections import Counter
from functools import partialmethod
from pathlib import Path
from typing import Any

import prophet
import prophet.forecaster
import prophet.serialize
import pytest
from prophet.models import CmdStanPyBackend

from turbo_forecast.turbo_prophet.backend import TurboBackend
from turbo_forecast.turbo_prophet.drop_in import TurboProphet

_outcomes: dict[str, str] = {}
_fits: Counter[str] = Counter()
_stock_fit, _stan_fit = TurboBackend.fit, CmdStanPyBackend.fit
QUICK_STEPS, QUICK_TREE_DEPTH = 200, 4


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


def _quick_fit(self: CmdStanPyBackend, stan_init: Any, stan_data: Any, **kwargs: Any) -> Any:
    if stan_data["T"] < 100:  # for so few rows Prophet asks for Newton's method
        kwargs.setdefault("iter", QUICK_STEPS)
    return _stan_fit(self, stan_init, stan_data, **kwargs)


if "QUICK_STAN" in os.environ:
    CmdStanPyBackend.fit = _quick_fit  # type: ignore[method-assign]
    CmdStanPyBackend.sampling = partialmethod(  # type: ignore[method-assign,assignment]
        CmdStanPyBackend.sampling, max_treedepth=QUICK_TREE_DEPTH
    )


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the worst outcome of a test's phases: setup and teardown may fail too."""
    if report.when == "call" or not report.passed:
        _outcomes[report.nodeid] = report.outcome


def pytest_sessionfinish() -> None:
    """Write what was seen."""
    Path(os.environ["OUTCOMES"]).write_text(json.dumps({"outcomes": _outcomes, "fits": _fits}))
