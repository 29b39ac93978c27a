"""Accuracy of earlier months' forecasts against what was observed since, by one query.

Belongs here: the join of forecasts with the actuals that have arrived since. Does not belong here: backtests.
"""

from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from turbo_forecast.schemas import FORECAST_ACCURACY, TOURNAMENT_RESULTS
from turbo_forecast.storage.datasets import duckdb_sql
from turbo_forecast.storage.warehouse import has_table, query

# Kahan sums, rounded: the last bits of a parallel sum depend on the threads
_SCORED = """
    WITH forecasts AS (SELECT *, true AS own FROM ({forecasts})),
    pairs AS (SELECT DISTINCT forecast_cutoff, host_id, resource, model FROM forecasts),
    missing AS (
        SELECT * FROM (SELECT forecast_cutoff, host_id, resource FROM pairs WHERE model = $fallback)
        JOIN (SELECT DISTINCT forecast_cutoff, model FROM pairs) USING (forecast_cutoff)
        EXCEPT SELECT forecast_cutoff, host_id, resource, model FROM pairs
    ), whole AS (
        SELECT * FROM forecasts
        UNION ALL BY NAME
        SELECT forecasts.* REPLACE (missing.model AS model, false AS own)
        FROM forecasts JOIN missing USING (forecast_cutoff, host_id, resource) WHERE forecasts.model = $fallback
    ), scored AS (
        SELECT own, forecast_cutoff, date_diff('month', forecast_cutoff, ds) AS lead_month, host_id, resource, model, y, yhat,
               yhat_lower <= y AND y <= yhat_upper AS inside,
               yhat_upper - yhat_lower
                   + 2 / $alpha * (greatest(yhat_lower - y, 0) + greatest(y - yhat_upper, 0)) AS interval_score
        FROM whole
        JOIN (SELECT host_id, resource, ds, y FROM base_table WHERE ds <= $cutoff) USING (host_id, resource, ds)
    )
    SELECT $cutoff::DATE AS cutoff, forecast_cutoff, lead_month::INTEGER AS lead_month,
           coalesce(resource, 'all') AS resource, model,
           count(DISTINCT (host_id, resource_of_series)) AS series,
           count(DISTINCT (host_id, resource_of_series)) FILTER (own) AS own, count(*) AS n,
           round(favg(abs(yhat - y)), 9) AS mae,
           CASE WHEN fsum(y) > 0 THEN nullif(round(fsum(abs(yhat - y)) / fsum(y), 9), 'inf'::DOUBLE) END AS wape,
           round(favg(yhat - y), 9) AS bias,
           round(favg(inside::DOUBLE), 9) AS coverage,
           round(favg(interval_score), 9) AS interval_score
    FROM (SELECT *, resource AS resource_of_series FROM scored)
    GROUP BY GROUPING SETS ((forecast_cutoff, lead_month, model), (forecast_cutoff, lead_month, model, resource))
    HAVING GROUPING(resource) = 1 OR resource != 'all'
    ORDER BY forecast_cutoff, lead_month, resource, model
"""
# the latest month alone: all months would be read whole, and cost a second at 8,000 series
_LATEST = """
    SELECT date_diff('month', cutoff, $cutoff::DATE)::INTEGER AS lead_month, avg(abs(yhat - actual.y)) AS mae,
           avg((actual.y BETWEEN yhat_lower AND yhat_upper)::INTEGER) AS inside, count(*) AS days
    FROM (SELECT * EXCLUDE y FROM {forecasts} WHERE phase = 'forecast' AND ds > $before AND ds <= $cutoff)
    JOIN (SELECT * FROM base_table WHERE ds > $before AND ds <= $cutoff) AS actual USING (host_id, resource, ds)
    GROUP BY ALL ORDER BY lead_month
"""
_COLUMNS = "cutoff AS forecast_cutoff, host_id, resource, ds, yhat, yhat_lower, yhat_upper"
_AHEAD = "phase = 'forecast' AND cutoff >= $first AND cutoff < $cutoff AND ds <= $cutoff AND list_contains($settled::DATE[], cutoff)"


def first_scored(cutoff: date, horizon_months: int) -> date:
    """Cutoff of the earliest month whose forecast of so many months still reaches the month that ends at `cutoff`."""
    return pl.select(pl.lit(cutoff).dt.offset_by("1d").dt.offset_by(f"-{horizon_months}mo").dt.offset_by("-1d")).item()  # type: ignore[no-any-return]


def accuracy_so_far(
    con: duckdb.DuckDBPyConnection,
    cutoff: date,
    masters: Mapping[date, Path],
    settled: Collection[date],
    horizon_months: int,
    interval_width: float,
    fallback: str,
) -> pl.DataFrame:
    """Rows of FORECAST_ACCURACY as of a cutoff: every forecast of the `horizon_months` months before it that is settled.

    masters: the published master file of each month there is, by its cutoff. Nothing after the cutoff is read.
    settled: cutoffs of the months that may be scored; of a month that is not complete, parts may be of different runs.
    fallback: the entrant whose forecast counts where another has none of a series, so that nobody is averaged over
    the series that suited him.
    """
    first = first_scored(cutoff, horizon_months)
    earlier = [path for month, path in sorted(masters.items()) if first <= month < cutoff and month in settled]
    forecasts = []
    if has_table(con, TOURNAMENT_RESULTS):
        forecasts.append(f"SELECT {_COLUMNS}, model FROM {TOURNAMENT_RESULTS.name} WHERE {_AHEAD}")
    if earlier:
        forecasts.append(f"SELECT {_COLUMNS}, 'champion' AS model FROM {duckdb_sql(*earlier)} WHERE {_AHEAD}")
    if not forecasts:
        return pl.DataFrame(schema=FORECAST_ACCURACY.polars_schema)
    parameters = {"cutoff": cutoff, "first": first, "settled": list(settled)}
    parameters |= {"alpha": 1 - interval_width, "fallback": fallback}
    return query(con, _SCORED.format(forecasts=" UNION ALL ".join(forecasts)), **parameters).pipe(
        FORECAST_ACCURACY.conform
    )


def latest_month_scored(
    con: duckdb.DuckDBPyConnection,
    cutoff: date,
    masters: Mapping[date, Path],
    settled: Collection[date],
    horizon_months: int,
) -> pl.DataFrame:
    """How good the forecasts published for the month that ends at the cutoff were, by how many months ahead they were made.

    masters, settled: as for `accuracy_so_far`, whose rows of that month these are, before they are stored. Columns:
    lead_month; mae, percentage points, and inside, a share in [0, 1], over the days, of all series together; days.
    """
    first = first_scored(cutoff, horizon_months)
    earlier = [path for month, path in sorted(masters.items()) if first <= month < cutoff and month in settled]
    if not earlier:
        return pl.DataFrame(schema={"lead_month": pl.Int32, "mae": pl.Float64, "inside": pl.Float64, "days": pl.Int64})
    before = first_scored(cutoff, 1)
    return query(con, _LATEST.format(forecasts=duckdb_sql(*earlier)), cutoff=cutoff, before=before)
