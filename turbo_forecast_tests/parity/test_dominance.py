"""For everything Prophet can be asked, TurboProphet's parameters are at least as probable as stock's."""

import dataclasses
import logging
from functools import cache
from typing import Any

import pytest
from prophet import Prophet
from prophet.utilities import warm_start_params

from reference.cases import cases
from reference.posterior import log_posterior
from turbo_forecast.turbo_prophet.drop_in import TurboProphet

CASES = cases()
pytestmark = pytest.mark.xdist_group("dominance")  # three tests look at one and the same fit: `by_turbo`


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, logger="cmdstanpy")


@cache
def by_turbo(name: str) -> TurboProphet:
    """The case fitted by TurboProphet, once."""
    case = CASES[name]
    return case.model(TurboProphet).fit(case.df.copy())


@cache
def by_stock(name: str) -> Prophet:
    """The case fitted by Prophet, once, with all digits of its parameters."""
    case = CASES[name]
    return case.model(Prophet).fit(case.df.copy(), sig_figs=18)


@cache
def stan_data(name: str) -> dict[str, Any]:
    """The data block that Stan is given."""
    case = CASES[name]
    inputs = case.model(Prophet).preprocess(case.df.copy())
    return {field.name: getattr(inputs, field.name) for field in dataclasses.fields(inputs)}


@pytest.mark.parametrize("name", CASES)
def test_our_posterior_is_at_least_stocks(name: str) -> None:
    turbo, stock = by_turbo(name), by_stock(name)
    assert turbo.solver_report is not None
    assert turbo.solver_report.solver == "turbo", turbo.solver_report
    data = stan_data(name)
    ours = log_posterior(data, turbo.params)
    assert ours >= log_posterior(data, stock.params) - 1e-6


@pytest.mark.parametrize("name", CASES)
def test_stan_gains_nothing_from_where_we_stop(name: str) -> None:
    case = CASES[name]
    turbo = by_turbo(name)
    try:
        further = case.model(Prophet).fit(case.df.copy(), init=warm_start_params(turbo), sig_figs=18)
    except RuntimeError:
        return  # Stan finds no step at all that would gain anything
    data = stan_data(name)
    assert log_posterior(data, further.params) <= log_posterior(data, turbo.params) + 1e-6


@pytest.mark.parametrize("name", CASES)
def test_the_reported_posterior_is_stans_lp(name: str) -> None:
    turbo = by_turbo(name)
    assert turbo.params["lp__"][0, 0] == pytest.approx(log_posterior(stan_data(name), turbo.params), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("name", ["linear", "logistic", "flat", "holidays", "logistic, cap and floor that vary"])
def test_the_reference_posterior_is_what_stan_prints(name: str) -> None:
    stock = by_stock(name)
    assert log_posterior(stan_data(name), stock.params) == pytest.approx(stock.params["lp__"][0, 0], rel=1e-9)
