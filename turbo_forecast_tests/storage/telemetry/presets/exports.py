"""Made-up exports of each tool, and what is true of them, calculated without the reader.

Belongs here: how each tool writes readings, as its documents say. Does not belong here: the reader's results.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from statistics import fmean
from typing import Any

from hypothesis import strategies as st

START = datetime(2025, 6, 1, tzinfo=UTC)
Readings = dict[tuple[str, str], dict[datetime, float | None]]
"""Of each host and resource, a value (or none) at each time."""


@dataclass(frozen=True)
class Member:
    """A file of a tool's, the options that read it, and the readings in it."""

    preset: str
    content: bytes
    readings: Readings
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def days(self) -> dict[tuple[str, str, date], float]:
        """The mean of each series' day in UTC."""
        found: dict[tuple[str, str, date], list[float]] = defaultdict(list)
        for (host, resource), values in self.readings.items():
            for moment, value in values.items():
                if value is not None:
                    found[host, resource, moment.date()].append(value)
        return {key: fmean(values) for key, values in found.items()}


NAME = st.from_regex(r"[a-z]{1,6}-[0-9]{1,3}", fullmatch=True)
VALUE = st.integers(20, 999).map(lambda tenths: tenths / 10)


@st.composite
def readings(draw: st.DrawFn, resources: tuple[str, ...] = ("cpu", "memory")) -> Readings:
    """A few series of values between 2 and 100, one of them at least, with gaps."""
    hosts = draw(st.lists(NAME, min_size=1, max_size=3, unique=True))
    hours = draw(st.lists(st.integers(0, 72), min_size=1, max_size=5, unique=True))
    times = [START + timedelta(hours=hour) for hour in sorted(hours)]
    made: Readings = {
        (host, resource): {time: draw(st.none() | VALUE) for time in times} for host in hosts for resource in resources
    }
    made[hosts[0], resources[0]][times[0]] = 50.0
    return made


def _times(made: Readings) -> list[datetime]:
    return list(next(iter(made.values())))


def _encoded(draw: st.DrawFn, lines: list[str]) -> bytes:
    text = draw(st.sampled_from(["\n", "\r\n"])).join([*lines, ""])
    return text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig"])))


@st.composite
def grafana(draw: st.DrawFn) -> Member:
    """Series joined by time: any separator, decimal mark, unit, time and notation of names."""
    made = draw(readings())
    comma, percent, labelled = draw(st.booleans()), draw(st.sampled_from(["", "%", " %"])), draw(st.booleans())
    separator = draw(st.sampled_from([";", "\t"] if comma else [",", ";", "\t"]))
    milliseconds, nothing = draw(st.booleans()), draw(st.sampled_from(["", "null", "NaN", "undefined"]))

    def cell(value: float | None) -> str:
        return nothing if value is None else f"{value}".replace(".", "," if comma else ".") + percent

    names = [
        f'{resource}{{instance=""{host}"", job=""x""}}' if labelled else f"{host} {resource}" for host, resource in made
    ]
    lines = [f"sep={separator}"] if draw(st.booleans()) else []
    lines.append(separator.join(f'"{name}"' for name in ["Time", *names]))
    for time in _times(made):
        written = f"{time.timestamp() * 1000:.0f}" if milliseconds else f"{time:%Y-%m-%d %H:%M:%S}"
        lines.append(separator.join([written, *(cell(values[time]) for values in made.values())]))
    return Member("grafana", _encoded(draw, lines), made, {"decimal": ","} if comma else {})


@st.composite
def cloudwatch(draw: st.DrawFn) -> Member:
    """The console's graph, with and without quotes."""
    made = draw(readings())
    quote = draw(st.sampled_from(["", '"']))
    labels = [f"{host} {resource}" for host, resource in made]
    above = [["Id", *(f"m{n}" for n in range(len(made)))], ["StatusCode", *("Complete" for _ in made)]]
    above += [["Messages", *("" for _ in made)], ["Full label", *labels], ["Label", *labels]]
    rows = [
        [f"{time:%Y/%m/%d %H:%M:%S}", *("" if values[time] is None else f"{values[time]}" for values in made.values())]
        for time in _times(made)
    ]
    lines = [",".join(f"{quote}{cell}{quote}" for cell in row) for row in above + rows]
    return Member("cloudwatch", _encoded(draw, lines), made)


@st.composite
def azure(draw: st.DrawFn) -> Member:
    """A chart below a block of lines, or rows of AzureMetrics."""
    made = draw(readings())
    if draw(st.booleans()):
        lines = ["TimeGenerated,Resource,MetricName,Average,Count"]
        for (host, resource), values in made.items():
            lines += [f"{t:%Y-%m-%dT%H:%M:%SZ},{host},{resource},{'' if v is None else v},1" for t, v in values.items()]
        return Member("azure", _encoded(draw, lines), made)
    lines = [
        "Chart,x",
        "Start time,2025-06-01T00:00:00Z",
        "",
        "Time (UTC)," + ",".join(f"{r} (Avg) | {h}" for h, r in made),
    ]
    for time in _times(made):
        cells = ["" if values[time] is None else f"{values[time]}" for values in made.values()]
        lines.append(",".join([f"{time:%Y-%m-%d %H:%M:%S}", *cells]))
    return Member("azure", _encoded(draw, lines), made, {"series_name": "{resource} (Avg) | {host}"})


@st.composite
def influxdb(draw: st.DrawFn) -> Member:
    """A table a series, of different columns, with defaults for fields that are left empty."""
    made = draw(readings())
    lines = []
    for number, ((host, resource), values) in enumerate(made.items()):
        extra = draw(st.booleans())
        by_default = draw(st.booleans())
        lines += [
            "#group,false,false,true,true,false,false,true,true,true" + ",true" * extra,
            "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string"
            + ",string" * extra,
            f"#default,_result,,,,,,,{resource},{host if by_default else ''}" + ",r" * extra,
            ",result,table,_start,_stop,_time,_value,_field,_measurement,host" + ",region" * extra,
        ]
        for time, value in values.items():
            own = f"{time:%Y-%m-%dT%H:%M:%SZ},{'' if value is None else value},used,,{'' if by_default else host}"
            lines.append(f",,{number},2025-06-01T00:00:00Z,2025-07-01T00:00:00Z,{own}" + "," * extra)
        lines.append("")
    told = {(host, f"{resource}:used"): values for (host, resource), values in made.items()}
    return Member("influxdb", _encoded(draw, lines), told)


@st.composite
def sadf(draw: st.DrawFn) -> Member:
    """Blocks of processors and memory, with headers again after restarts."""
    made = draw(readings())
    zone = draw(st.sampled_from([" UTC", ""]))
    lines = []
    for (host, resource), values in made.items():
        for number, (time, value) in enumerate(values.items()):
            stamp = f"{time:%Y-%m-%d %H:%M:%S}{zone}"
            restarts = draw(st.booleans())
            if restarts:
                lines.append(f"{host};-1;{stamp};LINUX-RESTART\t(4 CPU)")
            if restarts or number == 0:
                lines.append(
                    "# hostname;interval;timestamp;"
                    + ("CPU;%user;%idle" if resource == "cpu" else "kbmemfree;%memused")
                )
            idle = "" if value is None else f"{(1000 - round(value * 10)) / 10}"
            used = "" if value is None else f"{value}"
            lines.append(f"{host};600;{stamp};" + (f"-1;1.0;{idle}" if resource == "cpu" else f"1;{used}"))
    return Member("sadf", _encoded(draw, lines), made)


MEMBERS = {"grafana": grafana, "cloudwatch": cloudwatch, "azure": azure, "influxdb": influxdb, "sadf": sadf}
