"""What the tournament costs beside Prophet alone: `make evaluate` with --cost.

Does not belong here: how good the forecasts are (`accuracy.py`).
"""

from datetime import date

import polars as pl

from benchmarks.figures import Figure
from benchmarks.measuring import Times, table, timed
from benchmarks.series import demo_rows
from turbo_forecast import forecast_fleet
from turbo_forecast.models.protocol import Say
from turbo_forecast.settings import ForecastSettings

COST_GOAL = 12.0
COST_ROUNDS = 2
DEMO_CUTOFF = date(2025, 12, 31)
_SERIES = ["host_id", "resource"]


def cost_report(hosts: int, settings: ForecastSettings, say: Say) -> str:
    """What the run's field and folds cost beside `prophet` alone without folds: whole calls.

    They take turns, so that a drifting machine drifts for both.
    """
    rows = demo_rows(hosts)
    alone = settings.model_copy(update={"entrants": ["prophet"], "external": {}, "folds": 0})
    first = rows.filter(pl.col("host_id") == rows["host_id"][0])
    for run in (settings, alone):
        _held(first, run, say)  # kernels compiled, pages warm
    rounds = [(_held(rows, settings, say), _held(rows, alone, say)) for _ in range(COST_ROUNDS)]
    whole, one = (Times([seconds for seconds, _ in runs]).median for runs in zip(*rounds, strict=True))
    _, audit = rounds[-1][0]
    series = rows.select(pl.struct(_SERIES).n_unique()).item()
    verdict = Figure(
        f"{len(settings.field_of_entrants)} entrants, {settings.folds} folds / prophet alone, seconds",
        f"at most {COST_GOAL:.0f}",
        f"{whole:.1f} / {one:.1f} = {whole / one:.1f}",
        whole / one <= COST_GOAL,
    )
    spent_on = [[stage, clock, f"{spent:.2f}"] for stage, clock, spent in audit.iter_rows()]
    return "\n\n".join(
        [
            f"## Cost\n\n`forecast_fleet` on a demo fleet of {hosts:,} hosts, {series:,} series, "
            f"{settings.worker_count} workers; median of {COST_ROUNDS} calls of each, in turn.",
            table(["what", "goal", "got"], [verdict.cells]),
            "Where the last whole run's time went (worker seconds are summed over workers and overlap the wall's):",
            table(["stage", "clock", "seconds"], spent_on),
        ]
    )


def _held(rows: pl.DataFrame, settings: ForecastSettings, say: Say) -> tuple[float, pl.DataFrame]:
    """Seconds of a call, and its audit; the rest of the result is let go."""
    audits: list[pl.DataFrame] = []
    options = settings.model_dump()
    seconds = timed(
        lambda: audits.append(
            forecast_fleet(rows, DEMO_CUTOFF, log=say, **options).audit.select("stage", "clock", "seconds")
        )
    )
    say(f"{len(settings.field_of_entrants)} entrants, {settings.folds} folds: {seconds:.1f} s")
    return seconds, audits[0]
