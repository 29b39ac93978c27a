"""What reading telemetry would make of it, without a warehouse: nothing is written but to the system's temporary folder.

Belongs here: the facts that a person checks before a run: what is kept, what is rejected (with examples), how complete and
how fresh histories are. Does not belong here: how telemetry is read (`reading`), which months a run could make of it
(`answers/run_readiness.py`), and layout (`commands/check_telemetry.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from turbo_forecast.errors import TelemetryError
from turbo_forecast.leftovers import temporary_folder
from turbo_forecast.schemas import BASE_TABLE, BASE_TABLE_REJECTS
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.limits import with_room
from turbo_forecast.storage.telemetry.reading import read_telemetry
from turbo_forecast.storage.telemetry.report import TelemetryReport
from turbo_forecast.storage.telemetry.sampling import Everything, Sample
from turbo_forecast.storage.telemetry.sql import literal

EXAMPLES = 3
"""Rejected values that are shown of each reason."""
_REJECTS = f"""
    SELECT reason, count(*) AS n, list(example ORDER BY place)[:{EXAMPLES}] AS examples
    FROM (
        SELECT reason, row_number() OVER (PARTITION BY reason ORDER BY source, host_id, resource, time, value) AS place,
            {{'source': source, 'host_id': host_id, 'resource': resource, 'time': time, 'value': value}} AS example
        FROM base_table_rejects
    )
    GROUP BY reason ORDER BY n DESC, reason
"""
_HISTORIES = """
    SELECT host_id, resource, list(ds ORDER BY ds) AS days,
        coalesce(max(ds - before) - 1, 0)::BIGINT AS longest_gap,
        arg_max(before, ds - before) FILTER (ds - before > 1) AS last_before_gap
    FROM (SELECT *, lag(ds) OVER (PARTITION BY host_id, resource ORDER BY ds) AS before FROM base_table)
    GROUP BY host_id, resource ORDER BY host_id, resource
"""


@dataclass(frozen=True, slots=True)
class DryRun:
    """What was read, and what came of it.

    portion: which part of the telemetry was read; None where all of it was asked for. rejects: `reason, n` and `examples`, EXAMPLES
    at most, each with `source, host_id, resource, time, value` as found. histories: of each series `host_id, resource`, its `days`
    (a list of dates, ascending), `longest_gap` (days between two observed ones) and `last_before_gap` (null without a gap).
    """

    report: TelemetryReport
    portion: Sample | None
    rejects: pl.DataFrame
    histories: pl.DataFrame

    @property
    def is_sample(self) -> bool:
        """Whether counts are of a part of the telemetry only."""
        return self.portion is not None and not self.portion.is_whole

    @property
    def has_whole_histories(self) -> bool:
        """Whether all days of the series that were read are known."""
        return self.portion is None or self.portion.has_whole_histories

    @property
    def values_rejected(self) -> int:
        """Values that a run would not use."""
        return sum(self.report.rejects.values())

    @property
    def missing_share(self) -> float:
        """Share of the days from each series' first to its last that have no value, in [0, 1]."""
        spans = self.histories.select((pl.col("days").list.last() - pl.col("days").list.first()).dt.total_days() + 1)
        expected = int(spans.to_series().sum())
        return 1 - self.report.rows_kept / expected

    @property
    def unobserved_days(self) -> list[date]:
        """Days between the first and the last of all on which no series has a value, ascending."""
        seen = self.histories["days"].explode(empty_as_null=True).unique()
        every = pl.date_range(self.report.first_day, self.report.last_day, eager=True)
        return every.filter(~every.is_in(seen.to_list())).to_list()


def dry_run(
    settings: TelemetrySettings,
    *,
    today: date,
    everything: bool = False,
    log: Callable[[str], None] = lambda line: None,
) -> DryRun:
    """Read the telemetry that `settings` name, a sample where it is large unless `everything` is asked for.

    Errors and the remaining arguments are those of `read_telemetry`; an error found in a sample says so.
    """
    portion = None if everything else Sample()
    with temporary_folder("turbo-forecast-telemetry-") as folder, duckdb.connect() as con:
        con.execute("SET enable_progress_bar = false")
        con.execute(f"SET temp_directory = {literal(str(folder / 'spill'))}")
        for table in (BASE_TABLE, BASE_TABLE_REJECTS):
            con.execute(table.ddl())
        if everything:
            settings = with_room(con, settings)
        try:
            report = read_telemetry(con, settings, today=today, log=log, portion=portion or Everything())
        except TelemetryError as error:
            if portion is None or portion.is_whole:
                raise
            raise TelemetryError(f"{error}. (This is said of a sample: {portion.describe()})") from None
        rejects, histories = con.sql(_REJECTS).pl(), con.sql(_HISTORIES).pl()
    return DryRun(report, portion, rejects, histories)
