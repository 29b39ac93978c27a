"""What TurboProphet says of frames of which stock Prophet dies without saying why; what stock takes, it takes."""

from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from prophet import Prophet

from turbo_forecast.turbo_prophet.drop_in import TurboProphet


def forty(**columns: object) -> pd.DataFrame:
    """Forty days of noise, with other columns."""
    y = 5 + np.random.default_rng(0).normal(size=40)
    return pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=40), "y": y}).assign(**columns)


LOGISTIC = {"growth": "logistic"}
NO_SEASONS = {"yearly_seasonality": False, "weekly_seasonality": False, "daily_seasonality": False}
SOME_NAN = [np.nan] + [10.0] * 39


@pytest.mark.parametrize(
    ("options", "frame", "said"),
    [
        ({}, forty(ds=pd.Timestamp("2024-01-01")), "have the same ds, 2024-01-01"),
        ({}, forty(ds="2024-01-01"), "have the same ds, 2024-01-01"),
        ({}, forty(ds=["2024-01-01"] * 2 + ["2024-02-01"] * 38, y=[1.0, 2.0] + [None] * 38), "have the same ds"),
        (LOGISTIC, forty(cap=SOME_NAN), "Found NaN in column cap"),
        (LOGISTIC, forty(cap=pd.array([None] + [10] * 39, dtype="Int64")), "Found NaN in column cap"),
        (LOGISTIC, forty(cap=np.inf), "Found infinity in column cap"),
        (LOGISTIC, forty(cap="10"), "Column cap must hold numbers, not text"),
        (LOGISTIC, forty(cap="much"), "Column cap must hold numbers"),
        (LOGISTIC, forty(cap=10.0, floor=[np.nan] + [0.0] * 39), "Found NaN in column floor"),
        ({"mcmc_samples": 20, **NO_SEASONS}, forty(), "mcmc_samples needs a seasonality"),
        ({"mcmc_samples": 20}, forty().head(10), "mcmc_samples needs a seasonality"),
        ({"mcmc_samples": 1}, forty(), "mcmc_samples must be at least 2"),
        ({}, pl.DataFrame({"ds": [date(2024, 1, 1)], "y": [1.0]}), r"not polars.DataFrame; call its to_pandas\(\)"),
        ({}, pa.table({"ds": [date(2024, 1, 1)], "y": [1.0]}), r"not pyarrow.Table; call its to_pandas\(\)"),
        ({}, {"ds": [1], "y": [1]}, "fit takes a pandas DataFrame, not dict"),
        ({}, None, "fit takes a pandas DataFrame, not NoneType"),
        ({}, pd.concat([forty(), forty()[["y"]]], axis=1), "more than one column y"),
        ({}, pd.concat([forty(), forty()[["ds"]]], axis=1), "more than one column ds"),
        ({}, forty(ds="yesterday-ish"), "Column ds cannot be read as dates"),
        ({}, forty(ds=range(40)), "Column ds cannot be read as dates"),
        ({}, forty(ds=pd.period_range("2024-01-01", periods=40)), "Column ds cannot be read as dates"),
        ({}, forty(y=1j), "Column y holds complex numbers"),
        # in words of Prophet's own
        ({}, forty().head(1), "less than 2 non-NaN rows"),
        ({}, forty().head(0), "less than 2 non-NaN rows"),
        ({}, pd.DataFrame(), 'must have columns "ds" and "y"'),
        ({}, forty(y=np.inf), "Found infinity in column y"),
        ({}, forty(ds=pd.date_range("2024-01-01", periods=40, tz="UTC")), "timezone specified"),
        ({}, forty(ds=[pd.NaT, *pd.date_range("2024-01-02", periods=39)]), "Found NaN in column ds"),
        (LOGISTIC, forty(), "Capacities must be supplied"),
    ],
)
def test_what_cannot_be_fitted_is_a_value_error_that_says_why(
    options: dict[str, object], frame: object, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        TurboProphet(**options).fit(frame)


@pytest.mark.parametrize(
    ("future", "said"),
    [
        (pl.DataFrame({"ds": [date(2024, 1, 1)]}), r"predict takes a pandas DataFrame, not polars.DataFrame"),
        ([date(2024, 1, 1)], "predict takes a pandas DataFrame, not list"),
        (forty()[["y"]], 'must have a column "ds"'),
        (forty(ds="soon"), "Column ds cannot be read as dates"),
        (forty().head(0), "Dataframe has no rows"),
    ],
)
def test_what_cannot_be_predicted_is_a_value_error_that_says_why(future: object, said: str) -> None:
    model = TurboProphet(n_changepoints=2, uncertainty_samples=0).fit(forty())
    with pytest.raises(ValueError, match=said):
        model.predict(future)


@pytest.mark.parametrize(
    "frame",
    [
        forty(cap=SOME_NAN),  # linear growth has no use for it
        forty(cap=[np.nan] + [100.0] * 39, y=[None] + [5.0 + day % 3 for day in range(39)]),
        forty(ds=[f"2024-{1 + day // 28:02}-{1 + day % 28:02}" for day in range(40)]),
        forty(ds=[20240101 + day for day in range(28)] + [20240201 + day for day in range(12)]),
        pd.concat([forty(), forty()]),
        pd.concat([forty(note=1), forty(note=2)[["note"]]], axis=1),
    ],
)
def test_what_stock_fits_is_fitted(frame: pd.DataFrame) -> None:
    growth = "logistic" if "cap" in frame and frame["y"].isna().any() else "linear"
    model = TurboProphet(growth=growth, n_changepoints=2, uncertainty_samples=0).fit(frame)
    stock = Prophet(growth=growth, n_changepoints=2, uncertainty_samples=0).fit(frame)
    pd.testing.assert_series_equal(model.history["ds"], stock.history["ds"])
    assert model.params["lp__"][0, 0] >= stock.params["lp__"][0, 0] - 1e-3


@pytest.mark.parametrize(
    ("options", "frame", "said"),
    [
        ({"changepoint_prior_scale": 0}, forty(), "changepoint_prior_scale must be a positive number, not 0"),
        ({"changepoint_prior_scale": -1}, forty(), "changepoint_prior_scale must be a positive number, not -1"),
        ({"seasonality_prior_scale": np.nan}, forty(), "prior scale of a seasonality.* not nan"),
        ({"seasonality_prior_scale": np.inf, "mcmc_samples": 20}, forty(), "prior scale of a seasonality.* not inf"),
        ({"changepoints": [None]}, forty(), "changepoints must be dates"),
    ],
)
def test_numbers_without_a_posterior_are_named(options: dict[str, object], frame: pd.DataFrame, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TurboProphet(**options).fit(frame)


def test_an_infinite_regressor_is_named() -> None:
    model = TurboProphet()
    model.add_regressor("load")
    with pytest.raises(ValueError, match="A regressor holds infinity"):
        model.fit(forty(load=[np.inf] + [1.0] * 39))


def test_what_no_fit_needs_is_not_refused() -> None:
    constant = forty(y=5.0)
    assert (Prophet(changepoint_prior_scale=0).fit(constant).predict()["yhat"] == 5).all()
    assert (TurboProphet(changepoint_prior_scale=0).fit(constant).predict()["yhat"] == 5).all()
