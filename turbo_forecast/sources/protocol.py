"""What a source of telemetry is: it is asked for a window of time, and answers with rows.

Belongs here: the protocol, the rows, the window. Does not belong here: any kind of source.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import pyarrow as pa

from turbo_forecast.day_edges import start_of_day
from turbo_forecast.settings.options import Options

ROWS = pa.schema(
    [
        pa.field("host_id", pa.string(), nullable=False),
        pa.field("resource", pa.string(), nullable=False),
        pa.field("timestamp", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("labels", pa.string(), nullable=False),
    ]
)
"""The rows of every source. timestamp: the beginning of what a value is of, so that it lies in the day that it is of; value:
finite, in percent of capacity unless the telemetry's settings say otherwise; labels: the source's own names of the series, as
JSON with sorted names."""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time, from its start up to, but without, its end; both aware, in UTC.

    zone: whose days it is of (IANA name, or offset ±hh:mm); empty where it is of no days.
    """

    start: datetime
    end: datetime
    zone: str = ""

    @classmethod
    def of_days(cls, first: date, last: date, zone: str) -> Self:
        """All of the days first to last of a zone (IANA name, or offset ±hh:mm): a day of 23 or 25 hours is one."""
        return cls(start_of_day(first, zone), start_of_day(last + timedelta(days=1), zone), zone)


@dataclass(frozen=True, slots=True)
class Description:
    """What a source says of itself, before anything is fetched.

    system: what answers, with its version; first, last: the time of its first and last value, where it can tell;
    series: how many series it has, by resource; sample: some rows of ROWS; notes: sentences that a person should read, such as
    on what is missing.
    """

    system: str
    first: datetime | None
    last: datetime | None
    series: Mapping[str, int]
    sample: pa.Table
    notes: list[str] = field(default_factory=list)


@runtime_checkable
class Source(Protocol):
    """A configured source. Making one connects to nothing; each method raises errors.SourceError or errors.SettingsError, in one
    sentence that names the source and holds no secret.
    """

    kind: ClassVar[str]
    """What its `kind` option says."""
    options: ClassVar[type[Options]]
    """The options of this kind, with their defaults, meaning and bounds."""

    @classmethod
    def recognises(cls, address: str) -> Mapping[str, Any] | None:
        """The options that an address given instead of a file stands for; None where it is of another kind.

        It has a scheme of its own, as in `prometheus+http://…`: paths, object stores and https://… are files, and not asked about.
        """

    @classmethod
    def configured(cls, name: str, options: Options) -> Self:
        """The source. name: what its section of the settings file is called."""

    @property
    def query(self) -> Mapping[str, Any]:
        """All that decides which rows a window has, as plain values, without addresses' credentials: kept in the manifest."""

    def describe(self) -> Description:
        """Connect, and say what is there."""

    def fetch(self, window: Window) -> Iterator[pa.RecordBatch]:
        """The window's rows, of schema ROWS, in any order; a batch at a time, so that a month need not be in memory.

        A value that is no finite number is no row; a source that has left some out says how many in an attribute `dropped`, an int of
        the window that was fetched last. A series (host and resource) has one value at a moment. What ends early is
        an error, never a shorter answer.

        A source whose values are of whole days asks for days of the window's zone. One with an option of its own that says whose days
        they are has an attribute `zone`, a name or an empty text: where it is another zone than the telemetry's, the source is refused
        before anything is fetched.
        """
