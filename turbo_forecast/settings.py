"""Every option of a run, once: its name, default, meaning and bounds.

Belongs here: what a person may set, in YAML, in Dagster's launchpad or as keywords of `forecast_fleet`.
Does not belong here: what the options do, and anything of Dagster.
"""

import codecs
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from turbo_forecast.errors import SettingsError

STATISTICS = ("mean", "p95", "max")
UNITS = ("percent", "fraction")
LAYOUTS = ("auto", "long", "wide")
TIME_UNITS = ("auto", "s", "ms")
ON_BAD_ROWS = ("error", "reject")
COLUMNS = ("resources", "hosts")
HOST_FROM = ("column", "file name")
DECIMAL_MARKS = (".", ",")
THOUSANDS_MARKS = ("", ",", ".", " ", "'")
ENGINES = ("turbo", "stan")
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
    "recent_level",
    "recent_quarter",
    "seasonal_naive",
)
"""The default field, in order of preference; measured in benchmarks/TOURNAMENT.md."""
INDIFFERENT = {
    *("workers", "chunk_size", "series_timeout_seconds"),
    *("max_fallback_share", "agreement_sample", "max_staleness_days"),
}
"""Forecast settings that decide no number."""
NEGLIGIBLE_PERCENT = 1e-6
"""A series that varies by no more than this is constant: what is left is the rounding of sums."""


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"{option} must be one of {', '.join(allowed)}, not {value!r}")
    return value


class TelemetrySettings(BaseModel, extra="forbid"):
    """How raw telemetry is to be read. Times are days of `timezone`; values end as percent of capacity."""

    telemetry: str = Field("", description="a file, folder, glob or object-store URI (Parquet, CSV), or a DuckDB file")
    table: str = Field("", description="the table to read when telemetry is a DuckDB file")
    layout: str = Field("auto", description="auto, long (one value column) or wide (one column per resource)")
    host_column: str = Field("", description="the host's column; guessed when empty and unambiguous")
    time_column: str = Field("", description="the time's column; guessed when empty and unambiguous")
    resource_column: str = Field("", description="long layout: the resource's column; guessed when empty")
    value_column: str = Field("", description="long layout: the value's column; guessed when empty")
    resources: list[str] = Field([], description="wide layout: the value columns; all other numeric ones when empty")
    resource_columns: list[str] = Field(
        [], description="columns that tell resources of one host apart (device, core): joined into the resource's name"
    )
    ignore_columns: list[str] = Field([], description="columns to leave out although they vary within a host")
    resource: str = Field("", description="the resource's name where the telemetry names none")
    columns: str = Field("resources", description="wide layout: what a value column is: resources or hosts")
    host_from: str = Field("column", description="where the host is named: column, or file name (one file a host)")
    decimal: str = Field(".", description="the decimal mark of numbers written as text: . or ,")
    thousands: str = Field(
        "", description="the mark between thousands of numbers written as text: none, or one of , . ' space"
    )
    statistic: str = Field("mean", description="one value a day: mean, p95 or max")
    statistics: dict[str, str] = Field({}, description="per resource: a statistic other than `statistic`")
    capacity: dict[str, float] = Field({}, description="per resource: what 100 percent is, in the telemetry's unit")
    units: dict[str, str] = Field({}, description="per resource ('*' for all): percent or fraction, to confirm a unit")
    time_unit: str = Field("auto", description="numeric times since 1970: s, ms, or auto (by magnitude)")
    time_format: str = Field("", description="strptime format of times written as text, unless they are ISO times")
    time_columns: list[str] = Field([], description="columns that make the time together, such as a date and a clock")
    skip_rows: int = Field(
        0, ge=0, le=10_000, description="lines to skip at the top of each CSV file, above its header"
    )
    encoding: str = Field(
        "utf-8", description="encoding of CSV files without a byte order mark: utf-8, utf-16, latin-1, …"
    )
    timezone: str = Field("", description="the zone whose calendar days count; needed when zones are mixed")
    overshoot_percent: float = Field(105.0, ge=100, description="values up to this are clipped to 100; above, rejected")
    max_over_capacity_share: float = Field(
        0.05, ge=0, le=1, description="a resource with a larger share of values above overshoot_percent is an error"
    )
    on_conflicting_duplicates: str = Field("error", description="error, or reject all values of such a moment")
    on_future_dates: str = Field("error", description="error, or reject the rows")
    memory_limit: str = Field("2GB", description="DuckDB's memory limit while reading; it spills to disk beyond")

    @field_validator("layout")
    @classmethod
    def _layout(cls, value: str) -> str:
        return _one_of("layout", value, LAYOUTS)

    @field_validator("statistic")
    @classmethod
    def _statistic(cls, value: str) -> str:
        return _one_of("statistic", value, STATISTICS)

    @field_validator("columns")
    @classmethod
    def _columns(cls, value: str) -> str:
        return _one_of("columns", value, COLUMNS)

    @field_validator("host_from")
    @classmethod
    def _host_from(cls, value: str) -> str:
        return _one_of("host_from", value, HOST_FROM)

    @field_validator("decimal")
    @classmethod
    def _decimal(cls, value: str) -> str:
        return _one_of("decimal", value, DECIMAL_MARKS)

    @field_validator("thousands")
    @classmethod
    def _thousands(cls, value: str) -> str:
        if value not in THOUSANDS_MARKS:
            raise ValueError(f"thousands must be empty, a space, or one of , . ', not {value!r}")
        return value

    @field_validator("time_unit")
    @classmethod
    def _time_unit(cls, value: str) -> str:
        return _one_of("time_unit", value, TIME_UNITS)

    @field_validator("encoding")
    @classmethod
    def _encoding(cls, value: str) -> str:
        try:
            "".encode(value)
            return codecs.lookup(value).name
        except (LookupError, ValueError):
            raise ValueError(f"encoding must be one such as utf-8, utf-16, latin-1 or cp1252, not {value!r}") from None

    @field_validator("time_format")
    @classmethod
    def _time_format(cls, value: str) -> str:
        if value and "%" not in value:
            raise ValueError(f"time_format must be a strptime format such as %d/%m/%Y %H:%M, not {value!r}")
        return value

    @field_validator("on_conflicting_duplicates", "on_future_dates")
    @classmethod
    def _on_bad_rows(cls, value: str) -> str:
        return _one_of("on_conflicting_duplicates and on_future_dates", value, ON_BAD_ROWS)

    @model_validator(mode="after")
    def _one_time(self) -> "TelemetrySettings":
        if self.time_columns and self.time_column:
            raise ValueError("time_column and time_columns are both set: set one of them")
        if self.time_columns and (len(self.time_columns) < 2 or len(set(self.time_columns)) < len(self.time_columns)):
            raise ValueError(
                "time_columns must name two different columns, such as a date and a clock; one is time_column"
            )
        return self

    @model_validator(mode="after")
    def _per_resource(self) -> "TelemetrySettings":
        for resource, statistic in self.statistics.items():
            _one_of(f"statistics.{resource}", statistic, STATISTICS)
        for resource, unit in self.units.items():
            _one_of(f"units.{resource}", unit, UNITS)
        for resource, capacity in self.capacity.items():
            if not 0 < capacity < float("inf"):
                raise ValueError(f"capacity.{resource} must be a positive number, not {capacity}")
        if self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}: they must differ")
        return self


class ForecastSettings(BaseModel, extra="forbid"):
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
    outside: dict[str, str] = Field(
        {}, description="outside models: entrant's name -> Parquet file (or glob) of its rows"
    )
    fallback: str = Field("seasonal_naive", description="the entrant published where no other has a forecast")
    engine: str = Field("turbo", description="what solves Prophet: turbo (in process) or stan (stock Prophet)")
    refit: bool = Field(True, description="refit on the whole history for the forecast; false: one fit, on train")
    min_train_days: int = Field(60, ge=2, description="fewer observed training days: too short for a backtest")
    max_fallback_share: float = Field(0.1, ge=0, le=1, description="a larger share of fallbacks is warned of")
    agreement_sample: int = Field(5, ge=0, description="series a run refits with stock Prophet, to compare")
    max_staleness_days: int = Field(7, ge=0, description="a month whose telemetry ends earlier before it is an error")
    uncertainty_samples: int = Field(100, ge=1, description="draws behind each prediction interval")
    interval_width: float = Field(0.8, gt=0, lt=1, description="nominal coverage of the prediction interval")
    growth: str = Field("logistic", description="Prophet's trend: logistic, linear or flat")
    cap: float = Field(100.0, description="logistic growth: the carrying capacity, percent")
    floor: float = Field(0.0, description="logistic growth: the floor, percent")
    changepoint_prior_scale: float = Field(0.05, gt=0, description="Prophet: flexibility of the trend")
    changepoint_range: float = Field(
        0.8, gt=0, le=1, description="Prophet: share of history that may hold changepoints"
    )
    n_changepoints: int = Field(25, ge=0, description="Prophet: potential changepoints")
    seasonality_mode: str = Field("additive", description="Prophet: additive or multiplicative")
    seasonality_prior_scale: float = Field(10.0, gt=0, description="Prophet: strength of the seasonalities")
    yearly_order: int = Field(
        0, ge=0, le=50, description="Prophet: Fourier order of the year; 0: Prophet's own rule (10 from two years on)"
    )
    seed: int = Field(0, ge=0, description="each series' random generator is seeded from its name and this")
    workers: int = Field(0, ge=0, description="worker processes; 0: one per core")
    chunk_size: int = Field(0, ge=0, description="series per task; 0: chosen from the number of series and workers")
    series_timeout_seconds: float = Field(
        600.0, gt=0, description="a series that takes longer is recorded as failed; a worker's start does not count"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "ForecastSettings":
        _one_of("engine", self.engine, ENGINES)
        _one_of("growth", self.growth, ("logistic", "linear", "flat"))
        _one_of("seasonality_mode", self.seasonality_mode, ("additive", "multiplicative"))
        if self.floor >= self.cap:
            raise ValueError(f"floor ({self.floor}) must be below cap ({self.cap})")
        if len(set(self.entrants)) != len(self.entrants):
            raise ValueError(f"entrants are listed twice: {', '.join(self.entrants)}")
        return self

    @property
    def field_of_entrants(self) -> list[str]:
        """Everyone who forecasts: the entrants in their order, outside models, and the fallback, which always does."""
        return list(dict.fromkeys([*self.entrants, *self.outside, self.fallback]))

    @property
    def singles(self) -> list[str]:
        """Those who forecast by themselves: the field without combinations."""
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
        allowed = getattr(os, "sched_getaffinity", None)  # a container's share of the cores, where the system tells
        return len(allowed(0)) if allowed else os.cpu_count() or 1

    def config_hash(self) -> str:
        """Twelve hex digits over every setting that decides a number; how work is spread and what is tolerated do not."""
        return _digest(self.model_dump(exclude=INDIFFERENT))


class Settings(BaseModel, extra="forbid"):
    """The whole settings file: how telemetry is read, and how it is forecast."""

    telemetry: TelemetrySettings = TelemetrySettings()
    forecast: ForecastSettings = ForecastSettings()


def _digest(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


def one_sentence(error: ValidationError) -> str:
    """A validation error as 'option: what is wrong' clauses, without pydantic's links and input dumps."""
    clauses = []
    for item in error.errors(include_url=False):
        option = ".".join(str(part) for part in item["loc"])
        message = str(item["msg"]).removeprefix("Value error, ")
        clauses.append(f"{option}: {message}" if option else message)
    return "; ".join(clauses)


def forecast_settings(**options: object) -> ForecastSettings:
    """Forecast settings from keywords. Raises SettingsError, naming the option that cannot work."""
    try:
        return ForecastSettings.model_validate(options)
    except ValidationError as error:
        raise SettingsError(f"forecast settings: {one_sentence(error)}") from None


def load_settings(path: Path | None) -> Settings:
    """Settings from a YAML file (defaults where it is None or silent). Raises SettingsError, naming file and option."""
    if path is None:
        return Settings()
    try:
        content = yaml.safe_load(path.read_text()) or {}
        return Settings.model_validate(content)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read as a settings file ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: is not a text file in UTF-8") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: is not YAML ({' '.join(str(error).split())})") from None
    except ValidationError as error:
        raise SettingsError(f"{path}: {one_sentence(error)}") from None
