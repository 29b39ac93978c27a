"""The champion's rivals, each fitted by its own library: stock Prophet by Stan, statsforecast's AutoETS and Theta.

Belongs here: who the rivals are, and what they project for the backtest from the training window alone.
Does not belong here: what is made of their projections (`accuracy.py`).
"""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from typing import TypeVar
from unittest.mock import patch

import numpy as np
import polars as pl

from turbo_forecast.errors import SettingsError
from turbo_forecast.fleet.executors.worker_process import THREAD_LIMITS
from turbo_forecast.fleet.series_forecaster import clamped
from turbo_forecast.fleet.store import Series
from turbo_forecast.models.protocol import Log, Values, Window
from turbo_forecast.models.registry import build_entrant, builder
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.windows import Windows

PROPHET = "Prophet, default"
SEED_PROPHET = "Prophet, seed settings"
ETS = "AutoETS(7)"
THETA = "DynamicOptimizedTheta(7)"
_STOCK = "turbo_forecast.models.prophet_stan:build"
RIVALS: dict[str, tuple[str, dict[str, object]]] = {
    PROPHET: (_STOCK, {"growth": "linear"}),
    SEED_PROPHET: (_STOCK, {"growth": "logistic", "cap": 100.0, "floor": 0.0}),
    ETS: ("auto_ets", {}),
    THETA: ("optimized_theta", {}),
}
"""Rival to the entrant that fits it, and what differs from the default settings."""
SAY_EVERY = 100

Answer = tuple[Values, Values, Values] | str
"""yhat, lower and upper inside the envelope, or why there is none."""


@dataclass(frozen=True, slots=True)
class Question:
    """One rival's window of one series."""

    rival: str
    settings: ForecastSettings
    window: Window


@dataclass(frozen=True, slots=True)
class Backtests:
    """rows: `host_id, resource, model, cutoff, ds, y, yhat, yhat_lower, yhat_upper`; errors: by rival, one a series."""

    rows: pl.DataFrame
    errors: Mapping[str, list[str]]


def installed() -> list[str]:
    """The rivals whose library is there."""
    found = []
    for rival, (entrant, _) in RIVALS.items():
        try:
            builder(entrant)
        except SettingsError:
            continue
        found.append(rival)
    return found


def statsforecast_version() -> str:
    """The version that is installed, or that none is."""
    try:
        return version("statsforecast")
    except PackageNotFoundError:
        return "not installed"


def settings_of(rival: str, run: ForecastSettings) -> ForecastSettings:
    """The rival's settings: its library's own, whatever the run's are; draws, width and seed are the run's."""
    _, own = RIVALS[rival]
    shared = {name: getattr(run, name) for name in ("uncertainty_samples", "interval_width", "seed")}
    return ForecastSettings.model_validate({**own, **shared})


def answer(question: Question) -> Answer:
    """A rival's projection, clamped as every entrant's is; an error of any kind becomes its text."""
    try:
        entrant = build_entrant(RIVALS[question.rival][0], question.settings)
        made = entrant.forecast(question.window)
        return clamped(*(np.asarray(values, dtype=np.float64) for values in (made.yhat, made.lower, made.upper)))
    except Exception as error:  # whatever a library raises is a series this rival has no forecast for
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def project_backtests(
    base: pl.DataFrame, series: pl.DataFrame, windows: Windows, settings: ForecastSettings, rivals: list[str], say: Log
) -> Backtests:
    """Every rival's backtest of `series` (`host_id, resource`), fitted on the training window of `base` alone.

    base: rows of BASE_TABLE. A series on which a rival fails has no rows of that rival, and an error.
    """
    inside = pl.col("ds").is_between(windows.history_start, windows.cutoff)
    rows = base.filter(inside).join(series, on=["host_id", "resource"], how="semi")
    asked = [*questions(rows.filter(pl.col("ds") <= windows.train_end), windows, settings, rivals)]
    backtest_days = pl.Series(windows.backtest_days.astype(np.int32)).cast(pl.Date)
    parts: list[pl.DataFrame] = []
    errors: dict[str, list[str]] = {rival: [] for rival in rivals}
    for (host, resource, question), found in zip(
        asked, answers(answer, [q for *_, q in asked], settings, say), strict=True
    ):
        if isinstance(found, str):
            errors[question.rival].append(f"{host}/{resource}: {found}")
            continue
        yhat, lower, upper = found
        values = {"ds": backtest_days, "yhat": yhat, "yhat_lower": lower, "yhat_upper": upper}
        parts.append(
            pl.DataFrame(values).with_columns(
                host_id=pl.lit(host), resource=pl.lit(resource), model=pl.lit(question.rival)
            )
        )
    named = pl.concat(parts) if parts else _nothing()
    known = named.join(rows, on=["host_id", "resource", "ds"], how="left", maintain_order="left")
    return Backtests(known.with_columns(cutoff=pl.lit(windows.cutoff)), errors)


def _nothing() -> pl.DataFrame:
    bounds = dict.fromkeys(("yhat", "yhat_lower", "yhat_upper"), pl.Float64)
    return pl.DataFrame(schema={"ds": pl.Date, **bounds, **dict.fromkeys(("host_id", "resource", "model"), pl.String)})


def questions(
    train: pl.DataFrame, windows: Windows, settings: ForecastSettings, rivals: list[str]
) -> Iterator[tuple[str, str, Question]]:
    """Series by series, each rival in turn."""
    own = {rival: settings_of(rival, settings) for rival in rivals}
    ordered = train.sort("host_id", "resource", "ds")
    for (host, resource), part in ordered.group_by("host_id", "resource", maintain_order=True):
        days = part["ds"].cast(pl.Int32).to_numpy().astype(np.int64)
        one = Series(0, str(host), str(resource), days, part["y"].to_numpy())
        window = Window(days, one.y, windows.backtest_days, one.seed(settings.seed), (one.host_id, one.resource))
        for rival in rivals:
            yield one.host_id, one.resource, Question(rival, own[rival], window)


Result = TypeVar("Result")


def answers(
    ask: Callable[[Question], Result], asked: list[Question], settings: ForecastSettings, say: Log
) -> Iterator[Result]:
    """One answer for each question, in their order, from worker processes. ask: a module's function."""
    if not asked:
        return
    with ProcessPoolExecutor(settings.worker_count, mp_context=get_context("spawn")) as pool:
        with patch.dict(os.environ, dict.fromkeys(THREAD_LIMITS, "1")):  # processes start here, and inherit it
            found = pool.map(ask, asked)
        for done, one in enumerate(found, 1):
            if done % SAY_EVERY == 0 or done == len(asked):
                say(f"rivals: {done:,} of {len(asked):,} backtests")
            yield one
