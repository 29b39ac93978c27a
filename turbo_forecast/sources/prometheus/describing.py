"""Describes a Prometheus before anything is fetched: since when it has values, of how many series, and what is missing.

Belongs here: the search for the first and the last value, and sentences about what a person should know. Does not belong here: how
it is asked (`querying.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from turbo_forecast.option_rules import shown_name
from turbo_forecast.sources.prometheus.client import Client
from turbo_forecast.sources.prometheus.cutting import DAY, Piece, Run
from turbo_forecast.sources.prometheus.joining import Joiner
from turbo_forecast.sources.prometheus.querying import Querier
from turbo_forecast.sources.prometheus.refusals import TooLargeError
from turbo_forecast.sources.prometheus.settings import PrometheusOptions
from turbo_forecast.sources.protocol import ROWS, Description

HOUR = 3600
MONTH = 30 * DAY
MONTHS = 120
"""How far back a first value is looked for."""
FULL_YEAR = timedelta(days=365)
"""A history that shows a whole year's season."""
STALE_AFTER = timedelta(days=2)
SAMPLE_ROWS_EACH = 2
NAMES_SHOWN = 3
"""Hosts that a note names."""


@dataclass(frozen=True, slots=True)
class Extent:
    """When a resource has values: the first and last time of evaluation that gives any; None where it cannot be told."""

    first: int | None
    last: int | None
    countable: bool = True


def description(client: Client, querier: Querier, joiner: Joiner, options: PrometheusOptions) -> Description:
    """What is there. Raises SourceError."""
    system = _system(client.build())
    now = int(datetime.now(UTC).timestamp()) // HOUR * HOUR
    extents = {resource: _extent(querier, resource, now) for resource in options.resources}
    firsts = [each.first for each in extents.values() if each.first is not None]
    lasts = [each.last for each in extents.values() if each.last is not None]
    rows = {
        resource: _last_rows(
            querier, joiner, Piece(resource, Run(each.last - 2 * options.step_seconds, options.step_seconds, 2))
        )
        for resource, each in extents.items()
        if each.last is not None
    }
    first = _moment(min(firsts) - min(options.step_seconds, HOUR)) if firsts else None
    last = _moment(max(lasts) - options.step_seconds) if lasts else None
    notes = [*history_notes(first, last), *_resource_notes(extents, rows, joiner.no_numbers)]
    sample = pa.concat_tables([ROWS.empty_table(), *(_sample(table) for table in rows.values())])
    return Description(system, first, last, _series(rows), sample, notes)


def _system(build: Mapping[str, object]) -> str:
    application, version = (str(build.get(name) or "") for name in ("application", "version"))
    return " ".join(each for each in (application or "Prometheus API", version) if each)


def _extent(querier: Querier, resource: str, now: int) -> Extent:
    """The search: each month for ten years, each day of the last month, then closer around the ends of what was found."""
    try:
        months = querier.counts(resource, Run(now - MONTHS * MONTH, MONTH, MONTHS))
        days = querier.counts(resource, Run(now - MONTH, DAY, MONTH // DAY))
        if not months and not days:
            return Extent(None, None)
        first, last = min({**months, **days}), max({**months, **days})
        for before, step in ((MONTH, DAY), (DAY, HOUR)):
            first = min({first, *querier.counts(resource, Run(first - before, step, before // step))})
            later = min(now, last + before)
            if later > last:
                last = max({last, *querier.counts(resource, Run(last, step, -(-(later - last) // step)))})
    except TooLargeError:
        return Extent(None, now, countable=False)
    return Extent(first, min(last, now))


def _last_rows(querier: Querier, joiner: Joiner, piece: Piece) -> pa.Table:
    """The rows of a resource's last two spans: two, so that series that exist twice can be distinguished from a handover."""
    batches = [batch for answer in querier.answers(piece) for batch in joiner.rows(answer)]
    return pa.Table.from_batches(batches, ROWS)


def _sample(rows: pa.Table) -> pa.Table:
    return rows.sort_by([("timestamp", "descending"), ("host_id", "ascending")]).slice(0, SAMPLE_ROWS_EACH)


def _series(rows: Mapping[str, pa.Table]) -> dict[str, int]:
    """Hosts by resource, at the resource's last values."""
    table = pa.concat_tables([ROWS.empty_table(), *rows.values()])
    counted = table.group_by("resource").aggregate([("host_id", "count_distinct")]).sort_by("resource")
    return dict(zip(counted["resource"].to_pylist(), counted["host_id_count_distinct"].to_pylist(), strict=True))


def history_notes(first: datetime | None, last: datetime | None) -> list[str]:
    """Sentences on a history that is short, and on one that has ended."""
    notes, now = [], datetime.now(UTC)
    if first is not None and now - first < FULL_YEAR:
        notes.append(
            f"Its first values are of {first:%Y-%m-%d}, {(now - first).days:,} days ago: land them before it forgets them; a forecast "
            "knows no yearly season from less than a year."
        )
    if last is not None and now - last > STALE_AFTER:
        notes.append(f"Its last values are of {last:%Y-%m-%d}, {(now - last).days:,} days ago: nothing newer is there.")
    return notes


def _resource_notes(
    extents: Mapping[str, Extent], rows: Mapping[str, pa.Table], no_numbers: Mapping[str, int]
) -> list[str]:
    """Resources without values, hosts without a resource, and values that are no numbers."""
    notes = [
        f"{shown_name(name)} has no values: its query finds nothing."
        for name, each in extents.items()
        if each.last is None
    ]
    notes += [
        f"When the values of {shown_name(name)} begin cannot be told: the server's limits refuse to count its series."
        for name, each in extents.items()
        if not each.countable
    ]
    hosts = {name: set(pc.unique(table["host_id"]).to_pylist()) for name, table in rows.items()}
    every = set().union(*hosts.values())
    for name, own in hosts.items():
        missing = sorted(every - own)
        if missing:
            named = ", ".join(map(shown_name, missing[:NAMES_SHOWN])) + (", …" if len(missing) > NAMES_SHOWN else "")
            notes.append(f"{len(missing):,} of {len(every):,} hosts have no {shown_name(name)}: {named}.")
    notes += [
        f"{number:,} of the last values of {shown_name(name)} are NaN or infinite, and are no rows."
        for name, number in no_numbers.items()
        if number
    ]
    return notes


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
