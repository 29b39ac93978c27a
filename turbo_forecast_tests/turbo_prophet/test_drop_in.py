"""TurboProphet behaves as prophet.Prophet does, and says when Stan did the fit."""

import copy
import inspect
import logging
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from prophet import Prophet
from prophet.diagnostics import cross_validation, prophet_copy
from prophet.models import CmdStanPyBackend
from prophet.plot import add_changepoints_to_plot
from prophet.serialize import model_from_json, model_to_json
from prophet.utilities import regressor_coefficients, warm_start_params

from reference.synthetic import frame, series
from turbo_forecast.turbo_prophet.backend import TurboBackend
from turbo_forecast.turbo_prophet.drop_in import TurboProphet
from turbo_forecast.turbo_prophet.problem import Settings, Status

mpl.use("Agg")

DF = frame(series("growth", 11, 400))
GROWTHS = ("linear", "logistic", "flat")


class ImpatientProphet(TurboProphet):
    """One that gives up at once."""

    settings = Settings(max_iterations=1)


def fitted(df: pd.DataFrame = DF, /, **options: Any) -> TurboProphet:
    return TurboProphet(**options).fit(df)


def in_a_fresh_interpreter(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


# What it looks like


def test_the_constructor_takes_what_prophets_takes() -> None:
    assert inspect.signature(TurboProphet) == inspect.signature(Prophet)


def test_it_is_a_prophet() -> None:
    assert isinstance(TurboProphet(), Prophet)


def test_an_unknown_stan_is_refused_as_prophet_refuses_it() -> None:
    with pytest.raises(ValueError, match="Unknown stan backend"):
        TurboProphet(stan_backend="PYSTAN")


@pytest.mark.parametrize("growth", GROWTHS)
def test_params_have_the_names_the_order_and_the_shapes_that_stock_leaves(growth: str) -> None:
    ours, stock = fitted(growth=growth).params, Prophet(growth=growth).fit(DF).params
    assert [(name, value.shape, value.dtype) for name, value in ours.items()] == [
        (name, value.shape, value.dtype) for name, value in stock.items()
    ]


def test_a_fitted_model_has_the_attributes_that_stocks_has() -> None:
    assert vars(fitted()).keys() == vars(Prophet().fit(DF)).keys()


@pytest.mark.parametrize("options", [{"growth": g} for g in GROWTHS] + [{"growth": "logistic", "scaling": "minmax"}])
def test_the_trend_among_the_params_is_the_trend_that_is_predicted(options: dict[str, Any]) -> None:
    model = fitted(DF.assign(cap=100 + np.arange(400) / 10, floor=-3.0), **options)
    predicted = model.predict(model.history)["trend"].to_numpy()
    floor = model.history["floor"].to_numpy()
    np.testing.assert_allclose(model.params["trend"][0] * model.y_scale + floor, predicted, rtol=1e-9)


def test_a_model_is_fitted_once_as_in_prophet() -> None:
    model = fitted()
    with pytest.raises(Exception, match="can only be fit once"):
        model.fit(DF)


def test_without_changepoints_the_rate_is_folded_as_stock_folds_it() -> None:
    model = fitted(n_changepoints=0)
    stock = Prophet(n_changepoints=0).fit(DF)
    assert model.params["delta"].shape == stock.params["delta"].shape
    assert model.params["k"][0, 0] == pytest.approx(stock.params["k"][0, 0], abs=1e-3)


def test_without_changepoints_the_logistic_curve_that_was_fitted_is_the_one_that_is_predicted() -> None:
    model = fitted(frame(series("wandering", 4, 400)), growth="logistic", n_changepoints=0, changepoint_prior_scale=5.0)
    assert model.stan_backend.result.delta[0] != 0
    predicted = model.predict(model.history)["trend"].to_numpy()
    np.testing.assert_allclose(model.params["trend"][0] * model.y_scale, predicted, rtol=1e-9)


# Predictions


@pytest.mark.parametrize("growth", GROWTHS)
def test_with_stocks_parameters_and_seed_it_predicts_what_stock_predicts(growth: str) -> None:
    stock, ours = Prophet(growth=growth).fit(DF), fitted(growth=growth)
    ours.params = stock.params
    future = stock.make_future_dataframe(40).assign(cap=100.0)
    predictions = []
    for model in (stock, ours):
        np.random.seed(5)
        predictions.append(model.predict(future))
    pd.testing.assert_frame_equal(*predictions)


def test_the_same_seed_gives_the_same_intervals_and_another_one_does_not() -> None:
    model, drawn = fitted(), []
    for seed in (1, 1, 2):
        np.random.seed(seed)
        drawn.append(model.predict(DF)["yhat_upper"].to_numpy())
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_a_fit_draws_nothing_from_the_global_generator() -> None:
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    fitted()
    np.testing.assert_array_equal(before, np.random.get_state()[1])


def test_no_draws_leave_no_interval_columns() -> None:
    assert "yhat_upper" not in fitted(uncertainty_samples=0).predict(DF)


def test_plots_are_drawn() -> None:
    model = fitted()
    forecast = model.predict(model.make_future_dataframe(30))
    figure = model.plot(forecast)
    assert add_changepoints_to_plot(figure.gca(), model, forecast)
    assert model.plot_components(forecast).axes


def test_regressors_have_coefficients_and_their_own_models_are_turbo_too() -> None:
    rng = np.random.default_rng(0)
    load = rng.normal(size=len(DF))
    model = TurboProphet(uncertainty_samples=50)
    model.add_regressor("load", regressor_predictor=True)
    model.fit(DF.assign(y=DF["y"] + 5 * load, load=load))
    assert regressor_coefficients(model)["coef"][0] == pytest.approx(5, abs=0.5)
    assert isinstance(model.extra_regressors["load"]["predictor"], TurboProphet)
    assert len(model.predict(model.make_future_dataframe(10, include_history=False))) == 10


# Starting values and options


@pytest.mark.parametrize("growth", GROWTHS)
@pytest.mark.parametrize("option", ["init", "inits"])
def test_a_warm_start_reaches_the_same_maximum(growth: str, option: str) -> None:
    cold = fitted(growth=growth)
    before = fitted(DF.iloc[:390], growth=growth)
    warm = TurboProphet(growth=growth).fit(DF, **{option: warm_start_params(before)})
    assert warm.solver_report.solver == "turbo"
    assert warm.params["lp__"][0, 0] == pytest.approx(cold.params["lp__"][0, 0], abs=1e-6)


def test_a_warm_start_at_the_maximum_stays_there() -> None:
    cold = fitted()
    warm = TurboProphet().fit(DF, init=warm_start_params(cold))
    assert warm.solver_report.iterations <= 2
    np.testing.assert_allclose(warm.params["trend"], cold.params["trend"], atol=1e-7)


def test_starting_values_of_another_shape_are_replaced_as_stock_replaces_them() -> None:
    other = fitted(n_changepoints=5, weekly_seasonality=False, yearly_seasonality=3)
    assert TurboProphet().fit(DF, init=warm_start_params(other)).params["delta"].shape == (1, 25)


@pytest.mark.parametrize(
    "options",
    [{"seed": 1}, {"iter": 10_000}, {"sig_figs": 18}, {"require_converged": True}, {"timeout": 60}, {"tol_obj": None}],
)
def test_options_that_ask_for_the_maximum_alone_keep_the_fit_in_process(options: dict[str, Any]) -> None:
    model = TurboProphet().fit(DF, **options)
    assert model.solver_report.solver == "turbo"
    assert model.stan_fit is None
    assert model.fit_kwargs == options


@pytest.mark.parametrize(
    "options", [{"algorithm": "LBFGS"}, {"algorithm": "Newton"}, {"tol_rel_grad": 1e3}, {"history_size": 3}]
)
def test_options_of_stans_own_give_the_fit_to_stan_with_stocks_result(options: dict[str, Any]) -> None:
    model, stock = TurboProphet().fit(DF, **options), Prophet().fit(DF, **options)
    assert model.solver_report.solver == "stan"
    assert next(iter(options)) in model.solver_report.reason
    assert model.stan_fit is not None
    for name, value in stock.params.items():
        np.testing.assert_array_equal(model.params[name], value)
    model.stan_backend.cleanup()


def test_an_option_that_stan_does_not_know_is_refused_as_by_stock() -> None:
    with pytest.raises(TypeError, match="unheard_of"):
        TurboProphet().fit(DF, unheard_of=1)


# Handing over to Stan


def test_samples_are_stans() -> None:
    model = TurboProphet(mcmc_samples=20)
    model.fit(DF.iloc[:40], chains=1, iter_warmup=10, show_progress=False, seed=1)
    assert model.params["k"].shape == (10,)
    assert (model.solver_report.solver, model.solver_report.status) == ("stan", None)
    assert "sample" in model.solver_report.reason


def test_a_history_that_can_be_fitted_exactly_is_handed_over(caplog: pytest.LogCaptureFixture) -> None:
    line = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=60), "y": np.arange(60.0)})
    with caplog.at_level(logging.WARNING):
        model = TurboProphet(weekly_seasonality=False).fit(line)
    assert (model.solver_report.solver, model.solver_report.status) == ("stan", Status.NO_FINITE_MAP)
    assert "fitted exactly" in caplog.text
    assert model.predict(line)["yhat"].to_numpy() == pytest.approx(line["y"].to_numpy(), abs=0.01)


def test_a_fit_that_did_not_converge_is_handed_over_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        model = ImpatientProphet().fit(DF)
    report = model.solver_report
    assert (report.solver, report.status, report.iterations) == ("stan", Status.ITERATION_LIMIT, 1)
    assert "Handing the fit over to Stan" in caplog.text
    np.testing.assert_array_equal(model.params["delta"], Prophet().fit(DF).params["delta"])


def test_a_fit_of_ours_logs_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="turbo_forecast"):
        fitted()
    assert not caplog.records


@pytest.mark.parametrize("growth", ["linear", "flat"])
def test_a_constant_history_is_answered_by_prophets_own_rule(growth: str) -> None:
    model = fitted(DF.assign(y=7.0), growth=growth)
    assert model.solver_report.solver == "rule"
    assert (model.predict(DF)["yhat"] == 7).all()


def test_the_report_tells_how_our_own_fit_went() -> None:
    report = fitted().solver_report
    assert (report.solver, report.reason, report.status) == ("turbo", "", Status.CONVERGED)
    assert report.iterations > 0
    assert report.evaluations >= report.iterations
    assert report.kkt_violation < 1e-3
    assert TurboProphet().solver_report is None


# Copies


def test_a_pickled_model_predicts_the_same() -> None:
    model = fitted(uncertainty_samples=0)
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        pd.testing.assert_frame_equal(twin.predict(DF), model.predict(DF))
        assert twin.solver_report == model.solver_report


def test_a_copy_is_turbo_and_unfitted() -> None:
    twin = prophet_copy(fitted(growth="logistic"))
    assert type(twin) is TurboProphet
    assert twin.fit(DF).solver_report.solver == "turbo"


def test_a_serialised_model_predicts_the_same_and_can_be_made_turbo_again() -> None:
    model = TurboProphet(uncertainty_samples=0).fit(DF, init=warm_start_params(fitted()))
    read = model_from_json(model_to_json(model))
    pd.testing.assert_frame_equal(read.predict(DF), model.predict(DF))
    again = TurboProphet.from_stock(read)
    pd.testing.assert_frame_equal(again.predict(DF), model.predict(DF))
    assert isinstance(again.stan_backend, TurboBackend)
    assert prophet_copy(again).fit(DF).solver_report.solver == "turbo"


def test_a_stock_model_made_turbo_is_cross_validated_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    stock = Prophet(uncertainty_samples=0).fit(DF)
    model = TurboProphet.from_stock(model_from_json(model_to_json(stock)))
    monkeypatch.setattr(CmdStanPyBackend, "fit", lambda *_, **__: pytest.fail("Stan was asked"))
    assert len(cross_validation(model, horizon="20 days", initial="300 days", period="40 days", disable_tqdm=True)) > 0


def test_starting_values_survive_serialisation_as_lists() -> None:
    model = TurboProphet(uncertainty_samples=0).fit(DF, init=warm_start_params(fitted()))
    again = TurboProphet.from_stock(model_from_json(model_to_json(model)))
    assert TurboProphet().fit(DF, **again.fit_kwargs).solver_report.iterations <= 2


# Many at once


@pytest.mark.parametrize("parallel", ["threads", "processes"])
def test_cross_validation_in_parallel_equals_it_in_turn(parallel: str) -> None:
    model = fitted(growth="logistic", uncertainty_samples=0)
    windows = {"horizon": "30 days", "initial": "300 days", "period": "20 days", "disable_tqdm": True}
    in_turn = cross_validation(model, **windows)
    pd.testing.assert_frame_equal(cross_validation(model, parallel=parallel, **windows), in_turn)


def test_threads_do_not_disturb_each_other() -> None:
    frames = [frame(series("kinks", seed, 300)) for seed in range(8)]
    alone = [fitted(df).params for df in frames]
    with ThreadPoolExecutor(4) as pool:
        together = [model.params for model in pool.map(fitted, frames)]
    for ours, theirs in zip(together, alone, strict=True):
        for name, value in theirs.items():
            np.testing.assert_array_equal(ours[name], value)


# What is not imported


def test_the_solver_brings_in_neither_pandas_nor_prophet() -> None:
    heavy = in_a_fresh_interpreter(
        "import sys, turbo_forecast.turbo_prophet.solver, turbo_forecast.turbo_prophet.daily;"
        "print([m for m in ('pandas', 'prophet', 'matplotlib', 'cmdstanpy', 'dagster') if m in sys.modules])"
    )
    assert heavy == "[]"


def test_stan_is_not_looked_for_until_it_is_needed() -> None:
    printed = in_a_fresh_interpreter(
        "import sys, numpy as np, pandas as pd;"
        "from turbo_forecast.turbo_prophet.drop_in import TurboProphet;"
        "df = pd.DataFrame({'ds': pd.date_range('2024-01-01', periods=60), 'y': np.random.rand(60)});"
        "TurboProphet().fit(df).predict(df); print('cmdstanpy' in sys.modules)"
    )
    assert printed.splitlines()[-1] == "False"
