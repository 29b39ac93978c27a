"""One run over all series: every option, with its default, meaning and bounds.

Does not belong here: what the options do.
"""

import hashlib
import json
import os
from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from turbo_forecast import option_rules
from turbo_forecast.number_words import counted, noun
from turbo_forecast.settings.executor import ExecutorSettings
from turbo_forecast.settings.options import Options

COMBINATIONS = ("weighted", "median")
"""Entrants that are made from the others' forecasts of a series."""
DEFAULT_ENTRANTS = (
    "weighted",
    "median",
    "prophet",
    "prophet_smooth",
    "prophet_linear",
    "reverting_level",
    "reverting_season",
    "yearly_profile",
    "recent_level",
    "recent_quarter",
    "seasonal_naive",
)
"""The default field, in order of preference; measured in benchmarks/TOURNAMENT.md."""
INDIFFERENT = {
    *("workers", "chunk_size", "series_timeout_seconds", "worker_memory_mb", "executor"),
    *("max_fallback_share", "agreement_sample", "max_staleness_days", "rows_months"),
}
"""Forecast settings that decide no number."""
ENVELOPE = (0.0, 100.0)
"""Percent: what utilisation, its forecast and their bounds lie in."""
NEGLIGIBLE_PERCENT = 1e-6
"""A series that varies by no more than this is constant: what is left is the rounding of sums."""


class ForecastSettings(Options):
    """One run over all series: windows, entrants, Prophet's own options, and how the work is spread."""

    train_months: int = Field(32, ge=1, le=1200, description="calendar months of training before the backtest")
    backtest_months: int = Field(4, ge=1, le=120, description="calendar months of backtest, up to the cutoff")
    horizon_months: int = Field(6, ge=1, le=120, description="calendar months of forecast after the cutoff")
    folds: int = Field(
        3,
        ge=0,
        le=24,
        description="rolling-origin windows before the backtest, of its length, to choose and calibrate on",
    )
    entrants: list[str] = Field(list(DEFAULT_ENTRANTS), min_length=1, description="who takes part, by name")
    external: dict[str, str] = Field(
        {}, description="external models: entrant's name -> Parquet file (or glob) of its rows"
    )
    fallback: str = Field("seasonal_naive", description="the entrant published where no other has a forecast")
    engine: Literal["turbo", "stan"] = Field(
        "turbo", description="what solves Prophet: turbo (in process) or stan (stock Prophet)"
    )
    refit: bool = Field(True, description="refit on the whole history for the forecast; false: one fit, on train")
    min_train_days: int = Field(
        60, ge=2, le=36_600, description="fewer observed training days: too short for a backtest"
    )
    max_fallback_share: float = Field(0.1, ge=0, le=1, description="a larger share of fallbacks is warned of")
    agreement_sample: int = Field(5, ge=0, le=1000, description="series a run refits with stock Prophet, to compare")
    max_staleness_days: int = Field(
        7, ge=0, le=366, description="a month whose telemetry ends earlier before it is an error"
    )
    uncertainty_samples: int = Field(100, ge=1, le=10_000, description="draws behind each prediction interval")
    interval_width: float = Field(0.8, ge=0.01, le=0.999, description="nominal coverage of the prediction interval")
    interval_widths: list[Annotated[float, Field(ge=0.01, le=0.999)]] = Field(
        [0.8],
        min_length=1,
        description="nominal coverages of the intervals that are published, interval_width among them",
    )
    growth: Literal["logistic", "linear", "flat"] = Field(
        "logistic", description="Prophet's trend: logistic, linear or flat"
    )
    cap: float = Field(100.0, gt=0, le=1000, description="logistic growth: the carrying capacity, percent")
    floor: float = Field(0.0, ge=-1000, lt=100, description="logistic growth: the floor, percent, below the cap")
    changepoint_prior_scale: float = Field(0.05, ge=1e-6, le=1e4, description="Prophet: flexibility of the trend")
    changepoint_range: float = Field(
        0.8, ge=0.01, le=1, description="Prophet: share of history that may hold changepoints"
    )
    n_changepoints: int = Field(25, ge=0, le=1000, description="Prophet: potential changepoints")
    seasonality_mode: Literal["additive", "multiplicative"] = Field(
        "additive", description="Prophet: additive or multiplicative"
    )
    seasonality_prior_scale: float = Field(10.0, ge=1e-6, le=1e4, description="Prophet: strength of the seasonalities")
    yearly_order: int = Field(
        0, ge=0, le=50, description="Prophet: Fourier order of the year; 0: Prophet's own rule (10 from two years on)"
    )
    seed: int = Field(
        0, ge=0, le=2**32 - 1, description="each series' random generator is seeded from its name and this"
    )
    workers: int = Field(0, ge=0, le=512, description="worker processes; 0: one per core")
    chunk_size: int = Field(
        0, ge=0, le=1_000_000, description="series per task; 0: chosen from the number of series and workers"
    )
    series_timeout_seconds: float = Field(
        600.0,
        gt=0,
        le=86_400,
        description="a series that takes longer is recorded as failed; a worker's start does not count",
    )
    worker_memory_mb: int = Field(
        0,
        ge=0,
        le=100_000_000,
        description="memory of a worker with all that it starts, in MB (2**20 bytes): a series that needs more is recorded as "
        "failed, a worker that has grown by and by is replaced; 0: no limit",
    )
    executor: ExecutorSettings = Field(
        ExecutorSettings(),
        description="who works the series: {kind: processes}, or a Dask cluster, {kind: dask, address: tcp://host:8786}",
    )

    rows_months: int = Field(
        12,
        ge=1,
        le=1200,
        description="months whose rows of every entrant are kept, the latest; of older ones, what was published and decided "
        "is. Only entrants' rows that are kept are judged by what happened since (forecast_accuracy)",
    )

    @model_validator(mode="after")
    def _consistent(self) -> "ForecastSettings":
        if self.cap - self.floor < 1:
            raise ValueError(f"floor ({self.floor}) must be below cap ({self.cap}), by 1 percent at least")
        if self.is_set("folds") and self.folds > self.folds_held:
            raise ValueError(
                f"folds: {counted(self.folds, 'window')} of backtest_months ({self.backtest_months}) {noun(self.folds, 'does', 'do')} not fit into train_months "
                f"({self.train_months}) with a month of training before them; at most {self.folds_held} do"
            )
        if self.is_set("min_train_days") and self.min_train_days > 31 * self.train_months:
            raise ValueError(
                f"min_train_days: {counted(self.min_train_days, 'day is', 'days are')} more than train_months ({self.train_months}) can hold"
            )
        twice = [name for name, times in Counter(self.entrants).items() if times > 1]
        if twice:
            raise ValueError(f"entrants: {option_rules.shown(twice[0])} is listed twice")
        widths = self.interval_widths
        if len(set(widths)) < len(widths):
            raise ValueError(f"interval_widths: {', '.join(map(str, widths))} lists a width twice")
        if self.is_set("interval_widths") and self.interval_width not in widths:
            raise ValueError(
                f"interval_widths: {', '.join(map(str, widths))} must hold interval_width ({self.interval_width}), by which the "
                "tournament is judged"
            )
        return self

    def is_set(self, option: str) -> bool:
        """Whether the option was given, rather than left at its default: a default gives way where it does not fit."""
        return option in self.model_fields_set

    @property
    def folds_held(self) -> int:
        """Folds that fit before the backtest with a month of training left, `folds` at most."""
        return min(self.folds, (self.train_months - 1) // self.backtest_months)

    @property
    def field_of_entrants(self) -> list[str]:
        """Everyone who forecasts: the entrants in their order, external models, and the fallback, which always does."""
        return list(dict.fromkeys([*self.entrants, *self.external, self.fallback]))

    @property
    def extra_widths(self) -> list[float]:
        """Widths of the intervals that are published beside the main one, increasing; the default list gives way to that."""
        given = self.interval_widths if self.is_set("interval_widths") else []
        return sorted(set(given) - {self.interval_width})

    @property
    def base_models(self) -> list[str]:
        """The entrants that forecast by themselves, from a series' history: the field without combinations, which combine these."""
        return [name for name in self.field_of_entrants if name not in COMBINATIONS]

    @property
    def order_of_preference(self) -> list[str]:
        """Everyone who forecasts, the fallback last."""
        return [name for name in self.field_of_entrants if name != self.fallback] + [self.fallback]

    @property
    def worker_count(self) -> int:
        """Worker processes to start."""
        if self.workers:
            return self.workers
        # a container's share of the cores, where the system reports it
        allowed = getattr(os, "sched_getaffinity", None)
        return len(allowed(0)) if allowed else os.cpu_count() or 1

    def config_hash(self) -> str:
        """Twelve hex digits over every setting that decides a number; how work is spread and what is tolerated do not."""
        values = self.model_dump(exclude=INDIFFERENT)
        # the name it had: the same settings keep the hash that months are stored with
        values["outside"] = values.pop("external")
        return _digest(values)


def _digest(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]
