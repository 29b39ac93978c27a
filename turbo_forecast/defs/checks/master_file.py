"""The master file holds the champions' stored rows, all of them and nothing else."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import FORECAST_PARQUET

SAME_ROWS = Property(
    name="is_the_champions_forecast",
    sentence="the file's rows are the champions' stored rows, with calibrated bounds ([0, 100] on days like none observed), no more and no less",
    items="rows",
)

checks = [month_check(SAME_ROWS, FORECAST_PARQUET)]
