"""What a finished month looks like, in a screen of text, from what was stored.

Does not belong here: anything that changes what is stored.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from turbo_forecast.storage.warehouse import connected, query

FULL_PERCENT = 95.0


def summary(data: Path, cutoff: date) -> str:
    """Series, coverage, entrants' standings, the fullest hosts, seconds, and where the files are."""
    with connected(data / "warehouse.duckdb") as con:
        return "\n".join(_lines(con, data, cutoff))


def _lines(con: duckdb.DuckDBPyConnection, data: Path, cutoff: date) -> Iterator[str]:
    yield f"Month {cutoff:%Y-%m} (cutoff {cutoff})"
    yield from _coverage(con, cutoff)
    yield from _standings(con, cutoff)
    yield from _fullest(con, cutoff)
    yield from _time(con, cutoff)
    partition = f"{cutoff:%Y-%m}-01"
    yield f"Files: {data / 'forecast_parquet' / f'{partition}.parquet'} (master file)"
    yield f"       {data / 'fleet_forecast' / f'{partition}.parquet'} (every entrant)"
    yield f"       {data / 'warehouse.duckdb'} (tables)"


def _coverage(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    live = query(
        con, "SELECT count(*) FROM (SELECT DISTINCT host_id, resource FROM base_table WHERE ds <= ?)", cutoff
    ).item()
    found = query(
        con,
        "SELECT outcome, count(*) AS n FROM series_outcomes WHERE cutoff = ? GROUP BY outcome ORDER BY n DESC",
        cutoff,
    )
    share = found["n"].sum() / live if live else 0.0
    listed = " · ".join(f"{n:,} {outcome}" for outcome, n in found.iter_rows())
    yield f"Series: {live:,} in the base table, {found['n'].sum():,} with an outcome ({share:.1%}): {listed}"
    reasons = query(
        con,
        r"SELECT regexp_replace(reason, '[0-9.]+', 'N', 'g') AS why, count(*) AS n FROM series_outcomes "
        "WHERE cutoff = ? AND reason IS NOT NULL GROUP BY why ORDER BY n DESC, why LIMIT 5",
        cutoff,
    )
    yield from (f"        {n:,} × {why}" for why, n in reasons.iter_rows())


def _standings(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    yield (
        f"{'Backtest, means over series:':<30} {'MAE':>6} {'MASE (95 % interval)':>20} {'coverage':>9} "
        f"{'interval score':>15} {'rank':>6} {'wins':>7}"
    )
    rows = query(
        con,
        "SELECT model, mae, mase, mase_low, mase_high, coverage, interval_score, mean_rank, wins "
        "FROM tournament_standings WHERE cutoff = ? AND resource = 'all' AND horizon_month = 0 "
        "ORDER BY model != 'champion', mae, model",
        cutoff,
    )
    if rows.is_empty():
        yield "  none: no series is long enough for a backtest"
    for model, mae, mase, low, high, coverage, interval, rank, wins in rows.iter_rows():
        scaled = f"{mase:6.3f} ({low:.3f}–{high:.3f})" if mase is not None else "     –              "
        name = "champion (published)" if model == "champion" else model
        yield f"  {name:<28} {mae:6.2f} {scaled} {coverage:9.1%} {interval:15.1f} {rank:6.2f} {wins:7,}"
    chosen = query(
        con, "SELECT model, count(*) AS n FROM champions WHERE cutoff = ? GROUP BY model ORDER BY n DESC, model", cutoff
    )
    yield "Champions: " + (" · ".join(f"{n:,} {model}" for model, n in chosen.iter_rows()) or "none")
    yield from _earlier(con, cutoff)


def _earlier(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    """What became of earlier months' published forecasts, once there are any."""
    rows = query(
        con,
        "SELECT lead_month, sum(mae * n) / sum(n), sum(coverage * n) / sum(n), count(*) FROM forecast_accuracy "
        "WHERE cutoff = ? AND model = 'champion' AND resource = 'all' GROUP BY lead_month ORDER BY lead_month",
        cutoff,
    )
    if not rows.is_empty():
        yield "Earlier forecasts against what has happened since (published, by months ahead):"
        yield from (
            f"  month {lead}: MAE {mae:.2f}, {inside:.1%} inside the interval ({months} forecast{'s' if months > 1 else ''})"
            for lead, mae, inside, months in rows.iter_rows()
        )


def _fullest(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    """The series that run full in the horizon, soonest first; those that are full already are only counted."""
    reached = query(
        con,
        """
        SELECT host_id, resource, min(ds) FILTER (yhat >= $full) AS day, max(yhat) FILTER (ds <= $cutoff + 28) AS soon
        FROM tournament_results JOIN champions USING (cutoff, host_id, resource, model)
        WHERE cutoff = $cutoff AND phase = 'forecast'
        GROUP BY host_id, resource HAVING day IS NOT NULL ORDER BY day, host_id, resource
        """,
        cutoff=cutoff,
        full=FULL_PERCENT,
    )
    already = reached.filter(pl.col("soon") >= FULL_PERCENT)
    later = reached.filter(pl.col("soon") < FULL_PERCENT).head(5)
    yield f"Run full first (first day the forecast reaches {FULL_PERCENT:g} %; {len(already):,} do within four weeks):"
    if later.is_empty():
        yield "  no other within the horizon"
    yield from (f"  {day}  {host} {resource}" for host, resource, day, _ in later.iter_rows())


def _time(con: duckdb.DuckDBPyConnection, cutoff: date) -> Iterator[str]:
    rows = query(
        con,
        "SELECT asset, stage, seconds FROM run_audit WHERE cutoff = ? AND clock = 'wall' ORDER BY seconds DESC",
        cutoff,
    )
    yield f"Seconds by stage ({rows['seconds'].sum():.1f} in all, partitioned assets):"
    yield from (f"  {seconds:7.2f}  {asset}: {stage}" for asset, stage, seconds in rows.head(8).iter_rows())
