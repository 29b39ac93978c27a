"""`outlook_backtest`: what would have been said before the backtest, and what happened."""

import polars as pl

from turbo_forecast.defs.catalog import Place, Stored
from turbo_forecast.defs.group_month import group_backtest
from turbo_forecast.defs.month_table import month_table
from turbo_forecast.defs.monthly import Month
from turbo_forecast.schemas import OUTLOOK_BACKTEST


@month_table(OUTLOOK_BACKTEST, Place("publication", Stored.TABLE, ("polars",)))
def outlook_backtest(month: Month) -> pl.DataFrame:
    """Statements of the published backtest, by what was learnt of the folds alone, beside what was observed."""
    rows = pl.concat([month.statements.backtest(month.published), group_backtest(month)])
    month.metadata = {"statements": len(rows), "of these, came true": int(rows["happened"].sum())}
    return rows
