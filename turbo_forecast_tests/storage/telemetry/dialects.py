"""The dialects telemetry comes in: what a monitoring system's export may look like, drawn at random.

Belongs here: a dialect, the options that read it, whether it may be refused, and which traits go together.
Does not belong here: the traits' choices (`traits`), the readings (`fleets`), and the files themselves (`writing`).

A dialect is plain, and must be read, unless it has one `doubt`: a trait that may or has to be refused. There is never
more than one, so that no refusal hides another fault.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import time
from typing import Any

from hypothesis import strategies as st

from turbo_forecast_tests.storage.telemetry.fleets import DAY, Fleet
from turbo_forecast_tests.storage.telemetry.traits import (
    CAPACITY,
    CLOCKS,
    DELIMITERS,
    DEVICES,
    DOUBTFUL_CLOCKS,
    DOUBTFUL_HOSTS,
    DOUBTS,
    HOSTS,
    KINDS,
    LAYOUTS,
    LONG_OR_WIDE,
    NAMED_ZONES,
    NAMES,
    NULLS,
    NUMBERS,
    OFFSETS,
    RESOURCES,
    SPELLINGS,
    STARTS,
    TEXT_KINDS,
    WITH_HOST,
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to write a fleet's telemetry. The fields' values are keys of the tables above."""

    fleet: Fleet
    doubt: str = ""
    layout: str = "long"
    kind: str = "csv"
    files: str = "one"
    clock: str = "date"
    zone_is_given: bool = False
    names: str = "usual"
    family: str = "words"
    spelling: str = "plain"
    device: bool = False
    unit: str = "percent"
    number: str = "repr"
    dtype: str = "double"
    null: str = ""
    statistic: str = "mean"
    label: str = ""
    late: str = ""
    stray: str = ""
    duplicates: str = ""
    order: str = "sorted"
    delimiter: str = ","
    delimiters_differ: bool = False
    quoting: str = "minimal"
    line_end: str = "\n"
    final_newline: bool = True
    encoding: str = "utf-8"
    junk: str = ""

    @property
    def is_text(self) -> bool:
        """Whether every cell is text in the files."""
        return self.kind in TEXT_KINDS

    @property
    def outcome(self) -> str:
        """read, refused, or either."""
        if not self.doubt:
            return "read"
        return "refused" if DOUBTS[self.doubt].must_be_refused else "either"

    def statistic_of(self, resource: str) -> str:
        """The statistic asked for a resource."""
        own = self._own_statistics
        return own.get(resource, own.get(resource.split(":")[0], self._overall))

    @property
    def _own_statistics(self) -> dict[str, str]:
        if self.statistic != "own":
            return {}
        return {"disk": "max", DEVICES[0]: "mean"} if self.device else {self.fleet.resources[0]: "max"}

    @property
    def _overall(self) -> str:
        return "p95" if self.statistic == "own" else self.statistic

    @property
    def has_another_table(self) -> bool:
        """Whether the DuckDB file holds a table beside the telemetry."""
        return self.fleet.seed % 3 == 0

    def options(self) -> dict[str, Any]:
        """The TelemetrySettings that read this dialect, or that its doubt leaves out or gets wrong."""
        found = self._column_options() | self._clock_options() | self._value_options() | self._file_options()
        return found | self._wrong_options()

    def _column_options(self) -> dict[str, Any]:
        host, time_, resource, value = NAMES[self.names]
        columns = {"host_column": host, "time_column": time_, "resource_column": resource, "value_column": value}
        if self.clock.startswith("two columns"):
            columns.pop("time_column")
        if self.layout in ("wide", "hosts", "file wide"):
            del columns["resource_column"], columns["value_column"]
        if self.layout in ("value", "file value"):
            del columns["resource_column"]
        if self.layout == "hosts" or self.layout.startswith("file"):
            del columns["host_column"]
        found: dict[str, Any] = {} if self.names.startswith("usual") or self.doubt == "names unassigned" else columns
        if self.layout in ("value", "file value", "hosts"):
            found["resource"] = self.fleet.resources[0]
        if self.doubt != "hosts unassigned":
            found |= {"columns": "hosts"} if self.layout == "hosts" else {}
            found |= {"host_from": "file name"} if self.layout.startswith("file") else {}
        if self.device and self.doubt != "device unassigned":
            found["resource_columns"] = ["device"]
        if self.label in ("note", "samples") and not self.doubt.startswith("varying"):
            found["ignore_columns"] = [self.label]
        if self.layout in ("wide", "file wide") and self.label == "cores":
            found["resources"] = list(dict.fromkeys(name.split(":")[0] for name in self.fleet.resources))
        return found

    def _clock_options(self) -> dict[str, Any]:
        clock, found = CLOCKS[self.clock], {}
        found |= {} if self.doubt in ("format unset", "two columns unassigned") else clock.options
        if self.zone_is_given and self.doubt != "zone unset":
            found["timezone"] = self.fleet.zone
        return found

    def _value_options(self) -> dict[str, Any]:
        found: dict[str, Any] = {"statistic": self._overall}
        if self.statistic == "own":
            found["statistics"] = self._own_statistics
        bases = dict.fromkeys(name.split(":")[0] for name in self.fleet.resources)
        if self.unit == "capacity" and self.doubt != "capacity unset":
            found["capacity"] = dict.fromkeys(bases, CAPACITY) | ({DEVICES[1]: 2 * CAPACITY} if self.device else {})
        if self.unit == "fraction" and self.doubt != "fraction unconfirmed":
            found["units"] = {"*": "fraction"} if self.fleet.seed % 2 else dict.fromkeys(bases, "fraction")
        decimal, thousands, _ = NUMBERS[self.number]
        if decimal != "." and self.doubt != "decimal unset":
            found["decimal"] = decimal
        if thousands and self.doubt != "thousands unset":
            found["thousands"] = thousands
        if self.duplicates == "conflicting" and self.doubt != "conflict":
            found["on_conflicting_duplicates"] = "reject"
        if self.stray == "future" and self.doubt != "future":
            found["on_future_dates"] = "reject"
        return found

    def _file_options(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.junk == "metadata" and self.doubt != "metadata unsaid":
            found["skip_rows"] = 3
        if not self.encoding.startswith("utf-8") and self.doubt != "encoding unset":
            found["encoding"] = self.encoding
        if self.kind == "duckdb" and self.has_another_table:
            found["table"] = "metrics"
        if self.junk == "influx":
            found["ignore_columns"] = ["table"]
        return found

    def _a_value_column(self) -> str:
        if self.layout == "file value":
            return NAMES[self.names][3]
        return self.fleet.hosts[0] if self.layout == "hosts" else self.fleet.resources[0]

    def _wrong_options(self) -> dict[str, Any]:
        return {
            "thousands wrong": {"thousands": "'"},
            "format wrong": {"time_format": "%m|%d|%Y"},
            "values as hosts": {"host_column": self._a_value_column(), "columns": "resources", "host_from": "column"},
            "too many rows skipped": {"skip_rows": 3},
            "encoding wrong": {"encoding": "utf-16"},
            "unknown column ignored": {"ignore_columns": ["nowhere"]},
            "unknown column of devices": {"resource_columns": ["nowhere"]},
        }.get(self.doubt, {})


@st.composite
def dialects(draw: st.DrawFn, doubt: str = "") -> Dialect:
    """Any dialect with one doubt, or a plain one."""
    needs = DOUBTS[doubt].needs if doubt else {}

    def pick(name: str, *choices: Any) -> Any:
        return draw(st.sampled_from(needs.get(name, choices)))

    dialect = Dialect(
        fleet=_fleet(pick),
        doubt=doubt,
        layout=pick("layout", *LAYOUTS),
        kind=pick("kind", *KINDS),
        files=pick("files", "one", "months", "thirds", "folders"),
        clock=pick("clock", *(name for name in CLOCKS if name not in DOUBTFUL_CLOCKS)),
        zone_is_given=pick("zone_is_given", False, True),
        names=pick("names", *(name for name in NAMES if name != "InfluxDB")),
        family=pick("family", *(name for name in HOSTS if name not in DOUBTFUL_HOSTS)),
        spelling=pick("spelling", *SPELLINGS),
        device=pick("device", False, False, True),
        unit=pick("unit", "percent", "percent", "fraction", "capacity"),
        number=pick("number", *(name for name in NUMBERS if name != "percent")),
        dtype=pick("dtype", "double", "float", "decimal", "text"),
        null=pick("null", *NULLS),
        statistic=pick("statistic", "mean", "max", "p95", "own"),
        label=pick("label", "", "os", "region", "cores", "note", "empty"),
        late=pick("late", "", "", "label", "resource"),
        stray=pick("stray", "", "lost host", "negative", "future"),
        duplicates=pick("duplicates", "", "equal", "conflicting"),
        order=pick("order", "sorted", "reversed", "shuffled"),
        delimiter=pick("delimiter", *DELIMITERS),
        delimiters_differ=pick("delimiters_differ", False, True),
        quoting=pick("quoting", "minimal", "all", "none"),
        line_end=pick("line_end", "\n", "\r\n"),
        final_newline=pick("final_newline", True, False),
        encoding=pick("encoding", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"),
        junk=pick("junk", "", "sep=", "comments", "blank lines", "trailing delimiter", "metadata"),
    )
    return consistent(dialect, pick)


def _fleet(pick: Callable[..., Any]) -> Fleet:
    grain = pick("grain", DAY, DAY, 3600, 300)
    return Fleet(
        seed=pick("seed", *range(64)),
        hosts=(),
        resources=RESOURCES[: pick("resource count", 1, 2, 3)],
        start=pick("start", *STARTS),
        days=pick("days", *{DAY: (10, 25, 40), 3600: (3, 12), 300: (3,)}[grain]),
        grain=grain,
        at=pick("at", time(), time(12), time(23, 30)),
        zone="",
    )


def consistent(dialect: Dialect, pick: Callable[..., Any]) -> Dialect:
    """The dialect with what does not go together put right; what its doubt needs is left as it is."""
    for rule in (_of_layout, _of_clock, _of_kind, _of_hosts, _of_values):
        dialect = rule(dialect, pick)
    return dialect


def _of_layout(d: Dialect, pick: Callable[..., Any]) -> Dialect:
    fleet = d.fleet
    if d.layout not in LONG_OR_WIDE:
        d = replace(d, device=False)
    if d.layout in ("value", "hosts", "file value"):
        fleet = replace(fleet, resources=fleet.resources[:1])
    if d.device:
        fleet = replace(fleet, resources=(*DEVICES[:2], "cpu") if d.doubt.startswith("some") else DEVICES)
        d = replace(d, late="")
    if d.layout not in WITH_HOST and d.stray == "lost host":
        d = replace(d, stray="")
    if d.doubt in ("a value that is none", "a time that is none", "total at the end"):
        d = replace(d, stray="")
    if d.layout == "hosts":
        d = replace(d, label="", late="")
    if d.layout.startswith("file"):
        d = replace(d, files="one a host", late="", kind="csv" if d.kind == "duckdb" else d.kind)
    if d.layout in ("value", "file value") and d.label == "cores":
        d = replace(d, label="os")
    if d.late and d.doubt in ("a time that is none", "total at the end"):
        d = replace(d, late="")
    if d.late == "resource" and (d.layout != "wide" or len(fleet.resources) < 2):
        d = replace(d, late="")
    if d.late:
        stray = "" if d.stray == "lost host" else d.stray
        d = replace(d, files="thirds", stray=stray, kind="csv" if d.kind == "duckdb" else d.kind)
    if d.junk == "influx":
        d = replace(d, names="InfluxDB", label="", late="", device=False, clock="Z", delimiter=",", kind="csv")
        fleet = replace(fleet, resources=RESOURCES[:2])
    return replace(d, fleet=fleet)


def _of_clock(d: Dialect, pick: Callable[..., Any]) -> Dialect:
    clock, fleet = CLOCKS[d.clock], d.fleet
    if clock.typed and d.is_text:
        d = replace(d, clock={"wall": "wall", "zone": "zone"}[clock.states])
        clock = CLOCKS[d.clock]
    if clock.daily and fleet.grain != DAY:
        fleet = replace(fleet, grain=DAY, days=25)
    if clock.daily or (fleet.grain == DAY and d.doubt == "two columns unassigned"):
        fleet = replace(fleet, at=time())
    zones = OFFSETS + NAMED_ZONES[1:]
    if clock.states == "wall":
        zones = ("",)
    elif d.clock == "zone" or clock.typed:
        zones = NAMED_ZONES
    elif d.clock == "abbreviation":
        zones = ("Europe/London", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
    zone = pick("zone", *zones)
    is_offset = zone == "UTC" or zone[:1] in ("+", "-")
    is_stated = clock.states == "zone" or zone == "UTC" or (clock.states == "offset" and is_offset)
    is_stated &= d.kind != "duckdb" or not clock.typed or zone == "UTC"
    given = d.zone_is_given if is_stated else True
    return replace(d, fleet=replace(fleet, zone=zone), zone_is_given=given and bool(zone))


def _of_kind(d: Dialect, pick: Callable[..., Any]) -> Dialect:
    if d.kind == "csv+parquet" and d.files == "one":
        d = replace(d, files="thirds")
    if d.kind == "duckdb":
        d = replace(d, files="one")
    if d.kind == "csv+parquet" and CLOCKS[d.clock].typed:
        d = replace(d, clock={"wall": "wall", "zone": "zone"}[CLOCKS[d.clock].states])
    if not d.is_text:
        d = replace(d, encoding="utf-8", junk="")
    if d.kind == "tsv":
        d = replace(d, delimiter="\t", delimiters_differ=False)
    if d.encoding == "latin-1" and (d.family == "Unicode" or d.names == "own"):
        d = replace(d, family="Latin")
    if not d.encoding.startswith("utf-8") and d.junk in ("sep=", "trailing delimiter", "blank lines", "comments"):
        d = replace(d, junk="")
    return d


def _of_hosts(d: Dialect, pick: Callable[..., Any]) -> Dialect:
    if d.layout.startswith("file") and d.family in ("marks", "looks", "hash", "control"):
        d = replace(d, family="words")
    if d.layout == "hosts" and d.family in ("looks", "case") and not d.doubt.startswith("hosts differ"):
        d = replace(d, family="words")
    spelling = d.spelling
    if spelling == "NFD" and (d.family not in ("Unicode", "Latin") or d.encoding == "latin-1"):
        spelling = "plain"
    if spelling in ("float", "float typed", "scientific") and d.family != "integers":
        spelling = "plain"
    if spelling == "padded" and d.family in ("spaces", "marks", "control", "hash"):
        spelling = "plain"
    if spelling == "float typed" and d.is_text:
        spelling = "float"
    if d.layout == "hosts" or (d.layout.startswith("file") and spelling != "NFD"):
        spelling = "plain"
    quoting = d.quoting
    if quoting == "none" and (
        d.family in ("marks", "control")
        or d.names == "own"
        or NUMBERS[d.number][0] == d.delimiter
        or d.delimiters_differ
    ):
        quoting = "minimal"
    if d.family == "marks" and d.layout == "hosts" and d.junk:
        d = replace(d, junk="")
    hosts = HOSTS[d.family][: 2 + d.fleet.seed % 3]
    return replace(d, fleet=replace(d.fleet, hosts=hosts), spelling=spelling, quoting=quoting)


def _of_values(d: Dialect, pick: Callable[..., Any]) -> Dialect:
    if d.unit == "fraction" and d.number in ("fixed", "scientific", "1.234,5", "1,234.5"):
        d = replace(d, number="repr")
    if d.number in ("fixed",) and d.unit == "capacity":
        d = replace(d, number="1,234.5")
    thousands = NUMBERS[d.number][1]
    if thousands and (d.quoting == "none" and thousands in (d.delimiter, "'")):
        d = replace(d, quoting="minimal")
    if d.unit == "fraction" and d.dtype in ("float", "decimal"):
        d = replace(d, dtype="double")
    if d.kind not in ("csv+parquet", *TEXT_KINDS) and d.dtype != "text":
        d = replace(d, number="repr")
    if d.null == "-" and d.number == "percent":
        d = replace(d, null="")
    return d
