"""How the standings are shown: what fits into the UI's width first, all columns behind a click, numbers to follow.

Does not belong here: the standings (`tournament/standings.py`).
"""

import dagster as dg
import polars as pl
import polars.selectors as cs

from turbo_forecast.defs.plots import standings_bars
from turbo_forecast.defs.reporting import Metadata, at_once, decimals, markdown, whole_backtest

FIRST_STANDINGS = (
    pl.col("model").alias("entrant"),
    decimals("mase", 3).alias("mean MASE"),
    decimals("coverage", 0, 100, "%").alias("of days inside"),
    decimals("interval_score", 1).alias("interval score"),
    pl.col("wins"),
)
"""What stands beside each other without being cut off at the right, on a screen of 1,366 pixels."""
ALL_STANDINGS = {
    "model": "entrant",
    "series": "series",
    "own": "of these, its own forecast",
    "mae": "mean MAE",
    "mase": "mean MASE",
    "mase_series": "of series with MASE",
    "coverage": "coverage, of all days",
    "mean_coverage": "coverage, mean over series",
    "poorly_covered": "series covered below three quarters of the width",
    "interval_score": "mean interval score",
    "mean_rank": "mean rank",
    "wins": "wins (ties count for each)",
}
"""Behind a click, where there is room: each figure under a heading that says what it is."""
FOLLOWED = {
    "mae": "MAE of {}, mean over series (points)",
    "mase": "MASE of {}, mean over series",
    "coverage": "coverage of {}, of all days (share)",
}
"""Stored columns that are worth a line over the months, for the published forecast and for its plainest rival."""


def standings_metadata(standings: pl.DataFrame) -> Metadata:
    """What the materialisation of the standings shows."""
    whole = whole_backtest(standings)
    every = whole.select(list(ALL_STANDINGS)).with_columns(cs.float().round(3)).rename(ALL_STANDINGS)
    return {
        "standings": at_once(whole.select(*FIRST_STANDINGS)),
        # together, for with the plot it is long enough to be shown in the dialog, where wide tables have room
        "standings in full": dg.MetadataValue.md(f"{standings_bars(standings).value}\n\n{markdown(every)}"),
        **_numbers(standings),
    }


def _numbers(standings: pl.DataFrame) -> Metadata:
    """Figures of the champion and of the seasonal naive, where they are defined."""
    rows = {row["model"]: row for row in whole_backtest(standings).iter_rows(named=True)}
    found = {
        name.format(model): rows[model][column]
        for model in ("champion", "seasonal_naive")
        if model in rows
        for column, name in FOLLOWED.items()
    }
    return {name: round(value, 4) for name, value in found.items() if value is not None}
