"""The options that `forecast_fleet` takes as keywords, as types: what editors and type checkers complete and check.

Belongs here: names and types, which a type checker must read as they stand. Does not belong here: defaults, bounds and
meanings, which the options' own classes have; a test holds the two to each other.
"""

from typing import Literal, TypedDict

from turbo_forecast.settings.executor import ExecutorSettings


class ExecutorOptions(TypedDict, total=False):
    """The fields of `ExecutorSettings`."""

    kind: Literal["processes", "dask"]
    address: str
    ca: str
    cert: str
    key: str
    wait_seconds: float
    silence_seconds: float


class ForecastOptions(TypedDict, total=False):
    """The fields of `ForecastSettings`."""

    train_months: int
    backtest_months: int
    horizon_months: int
    folds: int
    entrants: list[str]
    external: dict[str, str]
    fallback: str
    engine: Literal["turbo", "stan"]
    refit: bool
    min_train_days: int
    max_fallback_share: float
    agreement_sample: int
    max_staleness_days: int
    uncertainty_samples: int
    interval_width: float
    interval_widths: list[float]
    growth: Literal["logistic", "linear", "flat"]
    cap: float
    floor: float
    changepoint_prior_scale: float
    changepoint_range: float
    n_changepoints: int
    seasonality_mode: Literal["additive", "multiplicative"]
    seasonality_prior_scale: float
    yearly_order: int
    seed: int
    workers: int
    chunk_size: int
    series_timeout_seconds: float
    worker_memory_mb: int
    executor: ExecutorSettings | ExecutorOptions
    rows_months: int


class OutlookOptions(TypedDict, total=False):
    """The fields of `OutlookSettings`."""

    thresholds: list[float]
    resource_thresholds: dict[str, list[float]]
    host_thresholds: dict[str, dict[str, list[float]]]
    groups: str
    reserve: dict[str, float]
    group_reserves: dict[str, dict[str, float]]
    plans: str
