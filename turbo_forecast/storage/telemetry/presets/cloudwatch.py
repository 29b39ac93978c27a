"""AWS CloudWatch: the console's *Download as .csv* of a graph, and rows of `get-metric-data` made CSV.

The console writes lines about each metric (`Id`, `StatusCode`, `Messages`, `Full label`, `Label`) and below them a time and a
column a metric; the layout is not documented by AWS, and is followed as published examples of 2026 show it. Rows of
`get-metric-data` have the fields of the API's MetricDataResult, of version 2010-08-01: `Label`, `Timestamp`, `Value`.

Belongs here: where the names and the table are. Does not belong here: rows (`tables`), names (`series_names`).
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.presets.export import Export, Record, Rewritten, not_of_kind
from turbo_forecast.storage.telemetry.presets.series_names import SeriesNames
from turbo_forecast.storage.telemetry.presets.tables import columns_of_series, names_in_rows
from turbo_forecast.storage.telemetry.wording import names, quoted

TITLE = "a CloudWatch export"
LABELS = ("label", "full label")
"""Lines that name the metrics, the first one there is taken."""
ABOUT = {"id", "statuscode", "messages", "label", "full label", "period", "statistic", "unit", "region", "account id"}
"""First fields of the lines above the table."""
ROWS = (("label",), ("timestamp", "timestamps"), ("value", "values"))
TIME = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T,].*)?|\d{9,13}")


def looks_like(head: Sequence[Sequence[str]]) -> bool:
    """Whether lines about metrics stand above a line that begins with a time."""
    first = [row[0].casefold() for row in head]
    above = next((at for at, text in enumerate(first) if TIME.fullmatch(text)), len(first))
    return 1 < above < len(first) and set(first[:above]) <= ABOUT and bool(set(LABELS) & set(first[:above]))


def rewritten(export: Export, settings: TelemetrySettings) -> Rewritten:
    """The rows of the graph's metrics. Errors as `Preset.rewritten`."""
    records = export.records()
    number, first = next(records, (0, []))
    low = [name.casefold() for name in first]
    places = [next((low.index(name) for name in usual if name in low), -1) for usual in ROWS]
    found = SeriesNames(settings, export.where)
    if min(places) >= 0:
        name_at, time_at, value_at = places
        return names_in_rows(
            export, first, records, settings, found, name_at=name_at, time_at=time_at, value_at=value_at
        )
    above: dict[str, list[str]] = {}
    header, below = _table(export, chain([(number, first)], records) if first else records, above)
    result = columns_of_series(export, header, below, settings, found)
    states = dict.fromkeys(state for state in above.get("statuscode", [])[1:] if state not in ("", "Complete"))
    result.notes += [f"CloudWatch says that metrics are {state}, not Complete" for state in states]
    result.notes += [f"CloudWatch's message {quoted(said)}" for said in above.get("messages", [])[1:] if said]
    return result


def _table(
    export: Export, records: Iterator[Record], above: dict[str, list[str]]
) -> tuple[list[str], Iterator[Record]]:
    """The metrics' labels, below a name for the times, and the records of the table; lines above it go to `above`."""
    for number, fields in records:
        if TIME.fullmatch(fields[0]):
            labels = next((above[name] for name in LABELS if name in above), None)
            if labels is None:
                raise not_of_kind(export, TITLE, "no line that begins with Label stands above its first time")
            header = [labels[0], *(name for name in labels[1:] if name)]
            return header, chain([(number, fields)], records)
        above[fields[0].casefold()] = fields
    if not any(name in above for name in LABELS):
        seen = names(above, 3) or "nothing"
        raise not_of_kind(export, TITLE, f"it has neither a line that begins with Label nor a column Label, but {seen}")
    raise not_of_kind(export, TITLE, f"no line below {quoted('Label')} begins with a time")
