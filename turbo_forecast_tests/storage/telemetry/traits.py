"""The traits that dialects of telemetry are made of.

Belongs here: each trait's choices (clocks, names, numbers, kinds of file), and the doubts, with what a refusal must say.
Does not belong here: which traits go together, and the options that read them (`dialects`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from turbo_forecast_tests.storage.telemetry.fleets import DAY

DELIMITERS = (",", ";", "\t", "|")
CAPACITY = 125_000.0
"""What 100 percent is where values are in KB/s: a percent is 1250, so that quarters of one stay exact."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One way to write a time."""

    write: Callable[[datetime], Any]
    states: str
    """What it says of its zone: wall (there is none), utc, offset, zone."""
    options: dict[str, Any] = field(default_factory=dict)
    typed: bool = False
    """Whether it needs columns with types, as of Parquet."""
    daily: bool = False
    """Whether it shows the day alone."""


def _text(layout: str) -> Callable[[datetime], str]:
    return lambda moment: moment.strftime(layout)


def _formatted(layout: str, *, daily: bool = False) -> Clock:
    return Clock(_text(layout), "wall", {"time_format": layout}, daily=daily)


def _offset(moment: datetime) -> str:
    return moment.strftime("%z")[:3] + ":" + moment.strftime("%z")[3:]


def _with_zone(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzinfo}"


CLOCKS = {
    "date": Clock(_text("%Y-%m-%d"), "wall", daily=True),
    "wall": Clock(_text("%Y-%m-%d %H:%M:%S"), "wall"),
    "wall T": Clock(_text("%Y-%m-%dT%H:%M:%S"), "wall"),
    "wall minutes": Clock(_text("%Y-%m-%d %H:%M"), "wall"),
    "wall fraction": Clock(_text("%Y-%m-%dT%H:%M:%S.000"), "wall"),
    "two columns": Clock(_text("%Y-%m-%d|%H:%M:%S"), "wall", {"time_columns": ["Day", "Clock"]}),
    "two columns German": Clock(
        _text("%d.%m.%Y|%H:%M"), "wall", {"time_columns": ["Datum", "Uhrzeit"], "time_format": "%d.%m.%Y %H:%M"}
    ),
    "%d.%m.%Y": _formatted("%d.%m.%Y", daily=True),
    "%d-%m-%y": _formatted("%d-%m-%y", daily=True),
    "%y-%m-%d": _formatted("%y-%m-%d", daily=True),
    "%Y%m%d": _formatted("%Y%m%d", daily=True),
    "%d %b %Y": _formatted("%d %b %Y", daily=True),
    "%d/%m/%Y %H:%M": _formatted("%d/%m/%Y %H:%M"),
    "%m/%d/%Y %I:%M %p": _formatted("%m/%d/%Y %I:%M %p"),
    "%d/%b/%Y:%H:%M:%S": _formatted("%d/%b/%Y:%H:%M:%S"),
    "%m-%d-%y %H:%M": _formatted("%m-%d-%y %H:%M"),
    "typed date": Clock(lambda moment: moment.date(), "wall", typed=True, daily=True),
    "typed ms": Clock(lambda moment: moment, "wall", typed=True),
    "typed us": Clock(lambda moment: moment, "wall", typed=True),
    "typed ns": Clock(lambda moment: moment, "wall", typed=True),
    "Z": Clock(_text("%Y-%m-%dT%H:%M:%SZ"), "utc"),
    "UTC": Clock(_text("%Y-%m-%d %H:%M:%S UTC"), "utc"),
    "GMT": Clock(_text("%Y-%m-%d %H:%M:%S GMT"), "utc"),
    "epoch s": Clock(lambda moment: int(moment.timestamp()), "utc"),
    "epoch ms": Clock(lambda moment: int(moment.timestamp() * 1000), "utc"),
    "epoch float": Clock(lambda moment: float(moment.timestamp()), "utc"),
    "epoch text": Clock(lambda moment: f"{moment.timestamp():.3f}", "utc"),
    "+00:00": Clock(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}{_offset(moment)}", "offset"),
    "+0000": Clock(_text("%Y-%m-%d %H:%M:%S%z"), "offset"),
    "zone": Clock(_with_zone, "zone"),
    "typed ms zone": Clock(lambda moment: moment, "zone", typed=True),
    "typed us zone": Clock(lambda moment: moment, "zone", typed=True),
    "typed ns zone": Clock(lambda moment: moment, "zone", typed=True),
    # The next are drawn as a doubt only.
    "abbreviation": Clock(lambda moment: f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname()}", "zone"),
    "epoch us": Clock(lambda moment: int(moment.timestamp() * 1_000_000), "utc"),
    "excel": Clock(lambda moment: (moment.date() - date(1899, 12, 30)).days, "wall", daily=True),
    "half": Clock(lambda moment: f"{moment:%Y-%m-%d %H:%M:%S}{'Z' if moment.day % 2 else ''}", "utc"),
}
DOUBTFUL_CLOCKS = ("abbreviation", "epoch us", "excel", "half")
NAMED_ZONES = ("UTC", "Europe/London", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
OFFSETS = ("UTC", "+02:00", "-05:00", "+05:30")
STARTS = (date(2025, 6, 1), date(2025, 3, 20), date(2025, 10, 15), date(2024, 2, 20), date(2024, 12, 20))

HOSTS = {
    "words": ("web-1", "web-2", "db-1.example.com", "cache"),
    "integers": ("101", "102", "2003", "99999"),
    "long integers": ("9007199254740993", "9007199254740992", "12", "13"),
    "zeros": ("007", "7", "0042", "42"),
    "spaces": ("web 1", "web 2", "data base", "web  1"),
    "Unicode": ("köln-1", "köln-2", "数据库", "Ωmega"),
    "Latin": ("köln-1", "köln-2", "málaga", "são"),
    "case": ("Web-1", "web-1", "WEB-1", "db"),
    "marks": ('the "best"', "a,b;c|d", "o'brien", "'quoted'"),
    "looks": ("n/a-1", "none-of-it", "nan2", "1_0"),
    # The next are drawn as a doubt only.
    "hash": ("#1", "#2", "#3", "4"),
    "exponents": ("1e5", "2e7", "web", "12e4"),
    "control": ("two\nlines", "a\tb", "bell\x07", "plain"),
}
DOUBTFUL_HOSTS = ("hash", "exponents", "control")
SPELLINGS = ("plain", "padded", "NFD", "float", "float typed", "scientific")
RESOURCES = ("cpu", "Größe", "disk used")
DEVICES = ("disk:sda", "disk:sdb", "net:eth0", "net:eth1")
LAYOUTS = ("long", "wide", "value", "hosts", "file long", "file wide", "file value")
NAMES = {
    "usual": ("host", "time", "resource", "value"),
    "usual too": ("Hostname", "Timestamp", "Metric", "Value"),
    "own": ("Server Name", "Zeit", "Messgröße", 'Wert "%"'),
    "single letters": ("h", "t", "r", "v"),
    "InfluxDB": ("host", "_time", "_field", "_value"),
}
NUMBERS = {
    # decimal mark, thousands mark, how digits are written
    "repr": (".", "", "repr"),
    "fixed": (".", "", "fixed"),
    "scientific": (".", "", "scientific"),
    "1,5": (",", "", "repr"),
    "1.234,5": (",", ".", "fixed"),
    "1 234,5": (",", " ", "repr"),
    "1,234.5": (".", ",", "fixed"),
    "1'234.5": (".", "'", "repr"),
    "1 234.5": (".", " ", "repr"),
    "spaces around": (".", "", "spaces around"),
    "percent": (".", "", "percent"),
}
NULLS = ("", "NA", "NaN", "null", "None", "n/a", "-")
KINDS = ("csv", "csv.gz", "tsv", "parquet", "duckdb", "csv+parquet")
TEXT_KINDS = ("csv", "csv.gz", "tsv")


@dataclass(frozen=True, slots=True)
class Doubt:
    """A trait that may be refused (or has to be), what else it needs, and what a refusal has to name."""

    needs: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    must_be_refused: bool = False
    names: str = ""
    """A regular expression that a refusal's sentence has to match."""


LONG_OR_WIDE = ("long", "wide")
WITH_HOST = ("long", "wide", "value")
CSV = ("csv", "csv.gz", "tsv")
KB = {"unit": ("capacity",)}
DOUBTS = {
    "varying label": Doubt({"label": ("note",), "layout": WITH_HOST}, True, "note"),
    "varying number": Doubt({"label": ("samples",), "layout": ("long",)}, True, "samples"),
    "device unassigned": Doubt({"device": (True,), "layout": LONG_OR_WIDE}, True, "device"),
    "fraction unconfirmed": Doubt({"unit": ("fraction",)}, True, "fraction"),
    "capacity unset": Doubt(KB, True, "capacity"),
    "future": Doubt({"stray": ("future",)}, True, "on_future_dates"),
    "conflict": Doubt({"duplicates": ("conflicting",)}, True, "on_conflicting_duplicates"),
    "decimal unset": Doubt({"number": ("1,5",), "kind": CSV}),
    "thousands unset": Doubt({"number": ("1,234.5", "1'234.5", "1 234.5"), "kind": CSV, **KB}),
    "thousands wrong": Doubt({"number": ("1.234,5",), "kind": CSV, **KB}),
    "hard spaces": Doubt({"number": ("1 234.5",), "kind": CSV, **KB}),
    "percent sign": Doubt({"number": ("percent",), "kind": CSV, "unit": ("percent",)}),
    "abbreviation": Doubt({"clock": ("abbreviation",)}),
    "epoch us": Doubt({"clock": ("epoch us",)}),
    "excel": Doubt({"clock": ("excel",)}),
    "zone in half of the rows": Doubt({"clock": ("half",)}, True),
    "format unset": Doubt({"clock": tuple(name for name, clock in CLOCKS.items() if "time_format" in clock.options)}),
    "format wrong": Doubt({"clock": ("%d.%m.%Y", "%d/%m/%Y %H:%M", "wall")}, True),
    "two columns unassigned": Doubt({"clock": ("two columns", "two columns German")}),
    "zone unset": Doubt({"clock": ("+00:00", "+0000"), "zone": ("Europe/Berlin", "Europe/London", "America/New_York")}),
    "a value that is none": Doubt({"layout": WITH_HOST, "number": ("repr",)}),
    "a time that is none": Doubt({"layout": WITH_HOST}),
    "hosts unassigned": Doubt({"layout": ("hosts", "file long", "file wide", "file value")}, True),
    "values as hosts": Doubt(
        {"layout": ("hosts", "file value", "file wide"), "clock": ("wall", "epoch s"), "grain": (DAY,), "days": (10,)},
        True,
    ),
    "hosts differ in case alone": Doubt({"layout": ("hosts",), "family": ("case",), "kind": CSV}),
    "names unassigned": Doubt({"names": ("own", "single letters"), "layout": WITH_HOST}),
    "metadata unsaid": Doubt({"junk": ("metadata",), "kind": CSV}),
    "too many rows skipped": Doubt({"kind": CSV, "names": ("usual",), "layout": LONG_OR_WIDE, "junk": ("",)}, True),
    "delimiter after rows": Doubt({"kind": CSV}),
    "comment inside": Doubt({"kind": CSV}),
    "total at the end": Doubt({"kind": CSV, "layout": WITH_HOST}),
    "header again": Doubt({"kind": CSV}),
    "encoding unset": Doubt({"kind": CSV, "family": ("Latin",), "encoding": ("utf-16", "utf-16-le", "latin-1")}),
    "encoding wrong": Doubt({"kind": CSV, "family": ("Latin",), "encoding": ("latin-1",)}),
    "spaces in the header": Doubt({"kind": CSV}),
    "another case in the next header": Doubt({"files": ("months",), "kind": (*CSV, "parquet")}),
    "another Unicode form in the next header": Doubt({"files": ("months",), "names": ("own",), "encoding": ("utf-8",)}),
    "an empty file": Doubt({"files": ("months",), "kind": CSV, "layout": WITH_HOST}),
    "a file without rows": Doubt({"files": ("months",), "kind": CSV, "layout": WITH_HOST}),
    "temporary files": Doubt({"files": ("months",), "kind": CSV, "layout": WITH_HOST}),
    "carriage returns": Doubt({"kind": CSV, "line_end": ("\r",)}),
    "single quotes": Doubt({"kind": CSV, "quoting": ("single",)}),
    "backslashes": Doubt({"kind": CSV, "quoting": ("backslash",), "family": ("marks",)}),
    "value column twice": Doubt({"kind": CSV, "layout": ("long", "wide")}, True),
    "label column twice": Doubt({"kind": CSV, "layout": ("long", "wide"), "label": ("os",)}),
    "nested column": Doubt({"kind": ("parquet", "duckdb"), "layout": ("long", "wide")}),
    "hosts like comments": Doubt({"family": ("hash",)}),
    "hosts like numbers": Doubt({"family": ("exponents",)}),
    "hosts with control characters": Doubt({"family": ("control",), "layout": WITH_HOST}),
    "InfluxDB": Doubt({"junk": ("influx",), "kind": ("csv", "csv.gz"), "layout": ("long",)}),
    "some resources without device": Doubt({"device": (True,), "layout": ("long",)}),
    "unknown column ignored": Doubt({"layout": WITH_HOST}, True, "ignore_columns"),
    "unknown column of devices": Doubt({"layout": WITH_HOST}, True, "resource_columns"),
}
