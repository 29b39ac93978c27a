"""One report of all telemetry, out of those of its parts: the files' and each landed month's.

Belongs here: sums, and what is told of the base table as a whole. Does not belong here: how a part is read and what it found.

A report must not depend on which parts were read now and which stood as they were: so all of it follows from the parts' own
findings and from the base table's rows.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import duckdb

from turbo_forecast.errors import TelemetryError
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_DAYS
from turbo_forecast.storage.telemetry.landed_reading import LAYOUT, MonthFindings
from turbo_forecast.storage.telemetry.name_cleaning import alike
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast.storage.telemetry.wording import shown

LABELS = "the sources' own names of a series, kept in the landed months"


def combined(
    con: duckdb.DuckDBPyConnection,
    files: TelemetryReport | None,
    months: Mapping[str, MonthFindings],
    zone: str,
    notes: Sequence[str],
    seconds: Mapping[str, float],
) -> TelemetryReport:
    """The report of a base table that landed months are part of, and files perhaps.

    months: at least one, by label. zone: whose days they are of. notes: on the landed months. seconds: of this reading.
    Raises TelemetryError where not one day is left: an empty base table replaces nothing.
    """
    found = list(months.values())
    series = con.execute(f"SELECT DISTINCT host_id, resource FROM {BASE_TABLE.name}").fetchall()
    rows, first, last = con.execute(f"SELECT sum(rows), min(ds), max(ds) FROM {BASE_TABLE_DAYS.name}").fetchall()[0]
    rejects = Counter(files.rejects if files else {})
    for month in found:
        rejects.update(month.rejects)
    if not rows:
        told = ", ".join(f"{count:,} {reason}" for reason, count in rejects.items()) or "they hold none at all"
        raise TelemetryError(f"the landed months have no usable value: {shown(told, 200)}")
    changed = {pair for month in found for pair in month.changed}
    hosts = sorted({host for host, _ in series})
    return TelemetryReport(
        sources=[*(files.sources if files else ()), *sorted(months)],
        layout=files.layout if files else LAYOUT.kind,
        columns=files.columns if files else LAYOUT.columns,
        guesses=files.guesses if files else {},
        left_out={**(files.left_out if files else {}), "labels": LABELS},
        names_changed=(files.names_changed if files else 0) + len(changed),
        look_alikes=_look_alikes(hosts),
        timezone=zone,
        rows_read=(files.rows_read if files else 0) + sum(month.values for month in found),
        values_read=(files.values_read if files else 0) + sum(month.values for month in found),
        values_kept=(files.values_kept if files else 0) + sum(month.kept for month in found),
        rejects=dict(sorted(rejects.items(), key=lambda item: (-item[1], item[0]))),
        clipped=(files.clipped if files else 0) + sum(month.clipped for month in found),
        rows_kept=int(rows),
        series=len(series),
        hosts=len(hosts),
        resources=sorted({resource for _, resource in series}),
        first_day=first,
        last_day=last,
        notes=[*(files.notes if files else ()), *notes],
        seconds=dict(seconds),
        computed=files.computed if files else False,
        landed_months=len(months),
        days_in_both=sum(month.days_in_both for month in found),
    )


def _look_alikes(hosts: Sequence[str]) -> list[str]:
    """Groups of hosts whose names differ in case, width or leading zeros only; of files and landed months together."""
    folded: dict[str, list[str]] = {}
    for host in hosts:
        folded.setdefault(alike(host), []).append(host)
    return [" and ".join(group) for group in folded.values() if len(group) > 1]
