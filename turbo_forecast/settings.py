"""Every option of a run, once: its name, default, meaning and bounds.

Belongs here: what a person may set, in YAML, in Dagster's launchpad or as keywords of `forecast_fleet`.
Does not belong here: what the options do, and anything of Dagster.
"""

import codecs
import hashlib
import json
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from turbo_forecast import option_rules
from turbo_forecast.errors import SettingsError
from turbo_forecast.yaml_file import OptionPath, read_yaml

STATISTICS = ("mean", "p95", "max")
UNITS = ("percent", "fraction")
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
        raise ValueError(f"{option} must be one of {', '.join(allowed)}, not {option_rules.shown(value)}")
    return value


def _texts(value: object) -> Iterator[str]:
    """All text in an option's value: itself, a list's elements, a mapping's names and values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _texts(each)


def _cannot_be_text(text: str) -> bool:
    """Whether it holds a control character (a tab is none), or half of a character, which no file can hold."""
    return any(unicodedata.category(each) in ("Cc", "Cs") and each != "\t" for each in text)


class Options(BaseModel, extra="forbid", strict=True, allow_inf_nan=False):
    """A section of options. Their types are meant strictly: "3" is no number, 3 no text, yes no number, 2.0 not whole."""

    @field_validator("*")
    @classmethod
    def _printable(cls, value: object) -> object:
        bad = next(filter(_cannot_be_text, _texts(value)), None)
        if bad is not None:
            raise ValueError(f"must not hold control characters, as {option_rules.shown(bad)} does")
        return value


class TelemetrySettings(Options):
    """How raw telemetry is to be read. Times are days of `timezone`; values end as percent of capacity."""

    telemetry: str = Field("", description="a file, folder, glob or object-store URI (Parquet, CSV), or a DuckDB file")
    table: str = Field("", description="the table to read when telemetry is a DuckDB file")
    layout: Literal["auto", "long", "wide"] = Field(
        "auto", description="auto, long (one value column) or wide (one column per resource)"
    )
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
    columns: Literal["resources", "hosts"] = Field(
        "resources", description="wide layout: what a value column is: resources or hosts"
    )
    host_from: Literal["column", "file name"] = Field(
        "column", description="where the host is named: column, or file name (one file a host)"
    )
    decimal: Literal[".", ","] = Field(".", description="the decimal mark of numbers written as text: . or ,")
    thousands: Literal["", ",", ".", " ", "'"] = Field(
        "", description="the mark between thousands of numbers written as text: none, or one of , . ' space"
    )
    statistic: Literal["mean", "p95", "max"] = Field("mean", description="one value a day: mean, p95 or max")
    statistics: dict[str, str] = Field({}, description="per resource: a statistic other than `statistic`")
    capacity: dict[str, float] = Field({}, description="per resource: what 100 percent is, in the telemetry's unit")
    units: dict[str, str] = Field({}, description="per resource ('*' for all): percent or fraction, to confirm a unit")
    time_unit: Literal["auto", "s", "ms"] = Field(
        "auto", description="numeric times since 1970: s, ms, or auto (by magnitude)"
    )
    time_format: str = Field("", description="strptime format of times written as text, unless they are ISO times")
    time_columns: list[str] = Field([], description="columns that make the time together, such as a date and a clock")
    skip_rows: int = Field(
        0, ge=0, le=10_000, description="lines to skip at the top of each CSV file, above its header"
    )
    encoding: str = Field(
        "utf-8", description="encoding of CSV files without a byte order mark: utf-8, utf-16, latin-1, …"
    )
    timezone: str = Field("", description="the zone whose calendar days count; needed when zones are mixed")
    overshoot_percent: float = Field(
        105.0, ge=100, le=1000, description="values up to this are clipped to 100; above, rejected"
    )
    max_over_capacity_share: float = Field(
        0.05, ge=0, le=1, description="a resource with a larger share of values above overshoot_percent is an error"
    )
    on_conflicting_duplicates: Literal["error", "reject"] = Field(
        "error", description="error, or reject all values of such a moment"
    )
    on_future_dates: Literal["error", "reject"] = Field("error", description="error, or reject the rows")
    memory_limit: str = Field("2GB", description="DuckDB's memory limit while reading; it spills to disk beyond")

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        return option_rules.time_zone(value)

    @field_validator("memory_limit")
    @classmethod
    def _memory_limit(cls, value: str) -> str:
        return option_rules.memory_size(value)

    @field_validator("encoding")
    @classmethod
    def _encoding(cls, value: str) -> str:
        try:
            "".encode(value)
            return codecs.lookup(value).name
        except (LookupError, ValueError):
            raise ValueError(
                f"encoding must be one such as utf-8, utf-16, latin-1 or cp1252, not {option_rules.shown(value)}"
            ) from None

    @field_validator("time_format")
    @classmethod
    def _time_format(cls, value: str) -> str:
        if value and "%" not in value:
            raise ValueError(
                f"time_format must be a strptime format such as %d/%m/%Y %H:%M, not {option_rules.shown(value)}"
            )
        return value

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
            _one_of(f"statistics.{option_rules.shown_name(resource)}", statistic, STATISTICS)
        for resource, unit in self.units.items():
            _one_of(f"units.{option_rules.shown_name(resource)}", unit, UNITS)
        for resource, capacity in self.capacity.items():
            if not 1e-12 <= capacity <= 1e24:
                name = option_rules.shown_name(resource)
                raise ValueError(f"capacity.{name} must be a positive number of sensible size, not {capacity}")
        if self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}: they must differ")
        return self


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
    outside: dict[str, str] = Field(
        {}, description="outside models: entrant's name -> Parquet file (or glob) of its rows"
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

    @model_validator(mode="after")
    def _consistent(self) -> "ForecastSettings":
        if self.cap - self.floor < 1:
            raise ValueError(f"floor ({self.floor}) must be below cap ({self.cap}), by 1 percent at least")
        if self.is_asked("folds") and self.folds > self.folds_held:
            raise ValueError(
                f"folds: {self.folds} windows of backtest_months ({self.backtest_months}) do not fit into train_months "
                f"({self.train_months}) with a month of training before them; at most {self.folds_held} do"
            )
        if self.is_asked("min_train_days") and self.min_train_days > 31 * self.train_months:
            raise ValueError(
                f"min_train_days: {self.min_train_days} days are more than train_months ({self.train_months}) can hold"
            )
        twice = [name for name, times in Counter(self.entrants).items() if times > 1]
        if twice:
            raise ValueError(f"entrants: {option_rules.shown(twice[0])} is listed twice")
        return self

    def is_asked(self, option: str) -> bool:
        """Whether somebody has set the option; a default gives way where it does not fit, what is asked for does not."""
        return option in self.model_fields_set

    @property
    def folds_held(self) -> int:
        """Folds that fit before the backtest with a month of training left, `folds` at most."""
        return min(self.folds, (self.train_months - 1) // self.backtest_months)

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


class Settings(Options):
    """The whole settings file: how telemetry is read, and how it is forecast."""

    telemetry: TelemetrySettings = TelemetrySettings()
    forecast: ForecastSettings = ForecastSettings()


def _digest(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


Section = TypeVar("Section", bound=Options)
SECTIONS: dict[str, type[Options]] = {"telemetry": TelemetrySettings, "forecast": ForecastSettings}


def one_sentence(error: ValidationError, section: str = "", lines: Mapping[OptionPath, int] | None = None) -> str:
    """A validation error as 'option: what is wrong' clauses, the first few.

    section: the one whose options were validated, if not the whole file; lines: of the file's options.
    """
    errors = error.errors(include_url=False)
    clauses: list[str] = []
    for item in errors[: option_rules.CLAUSES]:
        path = tuple(map(str, item["loc"]))
        text = option_rules.wrong(item)
        if item["type"] == "extra_forbidden":
            text = _unknown(path[-1], section or ".".join(path[:-1]))
        line = (lines or {}).get(path) if path not in {(name,) for name in SECTIONS} else None
        where = f"{'.'.join(map(option_rules.shown_name, path))}{f' (line {line})' if line else ''}"
        clause = f"{where}: {text}" if path else text
        if clauses and len("; ".join([*clauses, clause])) > option_rules.SENTENCE:
            break
        clauses.append(clause)
    more = len(errors) - len(clauses)
    return "; ".join(clauses) + (f"; and {more} more" if more else "")


def _unknown(name: str, section: str) -> str:
    known = SECTIONS[section].model_fields if section in SECTIONS else SECTIONS
    elsewhere = {other: list(options.model_fields) for other, options in SECTIONS.items() if other != section}
    return option_rules.unknown_option(name, known, elsewhere)


def telemetry_settings(**options: object) -> TelemetrySettings:
    """Telemetry settings from keywords. Raises SettingsError, naming the option that cannot work."""
    return _section(TelemetrySettings, "telemetry", options)


def forecast_settings(**options: object) -> ForecastSettings:
    """Forecast settings from keywords. Raises SettingsError, naming the option that cannot work."""
    return _section(ForecastSettings, "forecast", options)


def _section(kind: type[Section], name: str, options: Mapping[str, object]) -> Section:
    try:
        return kind.model_validate({option: _plain(value) for option, value in options.items()})
    except ValidationError as error:
        raise SettingsError(f"{name} settings: {one_sentence(error, name)}") from None


def _plain(value: object) -> object:
    """A keyword's value as a file would give it: NumPy's numbers, tuples and paths are what people have at hand."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, PurePath):
        return str(value)
    is_numpy = hasattr(value, "dtype") and hasattr(value, "item") and getattr(value, "ndim", None) == 0
    return value.item() if is_numpy else value  # type: ignore[attr-defined]


def load_settings(path: Path | None) -> Settings:
    """Settings from a YAML file (defaults where it is None or silent). Raises SettingsError, naming file and option."""
    if path is None:
        return Settings()
    content = read_yaml(path)
    values = content.values if content.values is not None else {}
    if isinstance(values, dict):  # a section whose options are all commented out is silent too
        values = {name: {} if name in SECTIONS and section is None else section for name, section in values.items()}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(f"{path}: {one_sentence(error, lines=content.lines)}") from None
