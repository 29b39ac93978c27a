"""How raw telemetry is to be read: every option, with its default, meaning and bounds.

Does not belong here: what the options do.
"""

import codecs
import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from turbo_forecast import option_rules
from turbo_forecast.settings.options import Options

SERIES_PLACEHOLDER = re.compile(r"\{(host|resource|any)\}")
"""What stands in `series_name` for a part of a series' name; everything else in it stands for itself."""
NAMES_SERIES = ("grafana", "cloudwatch", "azure")
"""Presets of files that may name series, which `series_name` is for."""
STATISTICS = ("mean", "p95", "max")
UNITS = ("percent", "fraction")
INDIFFERENT_TO_READING = {"memory_limit", "reread", "late_data_hours"}
"""Telemetry settings that decide nothing that is read."""


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"{option} must be one of {', '.join(allowed)}, not {option_rules.shown(value)}")
    return value


class TelemetrySettings(Options):
    """How raw telemetry is to be read. Times are days of `timezone`; values end as percent of capacity."""

    telemetry: str = Field("", description="a file, folder, glob or object-store URI (Parquet, CSV), or a DuckDB file")
    table: str = Field("", description="the table to read when telemetry is a DuckDB file")
    preset: Literal["", "grafana", "cloudwatch", "azure", "influxdb", "sadf"] = Field(
        "", description="the tool whose export the telemetry is: grafana, cloudwatch, azure, influxdb or sadf"
    )
    series_name: str = Field(
        "",
        description="with a preset: how a series' name tells its host and resource, such as '{host} {resource}'; {any} is left out",
    )
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
    late_data_hours: int = Field(
        3,
        ge=0,
        le=720,
        description="what a source has of a month counts as complete when it was fetched so many hours after the month's end",
    )
    memory_limit: str = Field(
        "2GB",
        description="DuckDB's memory limit while reading; it spills to disk beyond. The default grows with files of more than 140 MB",
    )
    reread: bool = Field(False, description="read the telemetry even where nothing about it has changed")

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
    def _series_name(self) -> "TelemetrySettings":
        pattern, places = self.series_name, SERIES_PLACEHOLDER.findall(self.series_name)
        unknown = re.search(r"\{[A-Za-z_]*\}", SERIES_PLACEHOLDER.sub("", pattern))
        rules = (
            (self.preset not in NAMES_SERIES, f"is for preset: {' or '.join(NAMES_SERIES)}, whose files name series"),
            (unknown, f"holds {unknown and unknown[0]}, but a pattern's places are {{host}}, {{resource}} and {{any}}"),
            (not {"host", "resource"} & set(places), "must hold {host} or {resource}, such as '{host} {resource}'"),
            (places.count("host") > 1 or places.count("resource") > 1, "holds {host} or {resource} more than once"),
            (
                re.search(f"{SERIES_PLACEHOLDER.pattern}{SERIES_PLACEHOLDER.pattern}", pattern),
                "needs text between two places, such as a space",
            ),
            (self.resource and "resource" in places, "holds {resource}, but resource is set: set one of them"),
            (self.host_from != "column" and "host" in places, "holds {host}, but host_from: file name is set"),
        )
        wrong = next((sentence for is_wrong, sentence in rules if pattern and is_wrong), "")
        if wrong:
            raise ValueError(f"series_name {wrong}")
        return self

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
