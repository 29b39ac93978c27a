"""The text alternative of a series' chart: what it shows, in sentences.

Does not belong here: why a forecast is as it is (`answers/champion_words.py`).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import polars as pl

from turbo_forecast.answers.host import HostAnswer, HostSeries
from turbo_forecast.dashboard.formats import level, percent, threshold
from turbo_forecast.schemas.outlook import LEVEL_DAYS, LEVEL_OBSERVED
from turbo_forecast.types import Phase, State

_DAYS = {4: "four", 7: "seven"}


def summary(host: HostAnswer, series: HostSeries) -> str:
    """Level now, where the forecast ends, and the threshold nearest to 90 %."""
    found = [_now(host, series), _ahead(host, series)]
    if series.standing:
        found.append(threshold_words(series.standing))
    return " ".join(filter(None, found))


def threshold_words(row: Mapping[str, Any]) -> str:
    """A row of CAPACITY_OUTLOOK in a sentence."""
    bound, state = threshold(row["threshold"]), row["state"]
    if state == State.OVER:
        return f"It is over {bound} already."
    if state == State.UNUSABLE:
        return "Its reserve takes all of its capacity: nothing of it is usable."
    if state == State.EXPECTED:
        late = f", almost surely (90 %) by {row['late']}" if row["late"] else ""
        return f"It reaches {bound} likely (50 %) by {row['likely']}, at the earliest (10 %) by {row['early']}{late}."
    if state == State.POSSIBLE:
        return f"It may reach {bound}: 10 % by {row['early']}, less than 50 % within the forecast."
    return f"It is unlikely to reach {bound} within the forecast (less than 10 %)."


def _now(host: HostAnswer, series: HostSeries) -> str:
    """The level, as the outlook has it; of what is not observed just now, when it last was."""
    known = [row for row in series.outlook.iter_rows(named=True) if row["level"] is not None]
    days = f"The mean of the last {_DAYS[LEVEL_DAYS]} days up to {host.cutoff} is"
    if known:
        of = " of what is usable" if host.kind == "group" and series.usable < 1 else ""
        # beside the lowest threshold above it, so that it is not rounded up to one
        above = min((row["threshold"] for row in known if row["level"] < row["threshold"]), default=0.0)
        return f"{days} {level(known[0]['level'], above)}{of}."
    recent = series.history.filter(pl.col("ds") > host.cutoff - timedelta(days=LEVEL_DAYS))["y"]
    mean = recent.mean()
    if host.kind != "group" and len(recent) >= LEVEL_OBSERVED and isinstance(mean, float):
        return f"{days} {percent(mean, 1)}."  # of one that has no outlook
    if series.last_day is None:
        return "It was never observed."
    return (
        f"Of the last {_DAYS[LEVEL_DAYS]} days up to {host.cutoff}, fewer than {_DAYS[LEVEL_OBSERVED]} were observed, so its level is not known; the last day with a value "
        f"is {series.last_day}."
    )


def _ahead(host: HostAnswer, series: HostSeries) -> str:
    is_ahead, end = pl.col("phase") == Phase.FORECAST, host.windows.horizon_end
    is_last_month = is_ahead & (pl.col("ds") >= end.replace(day=1)) & (pl.col("ds") <= end)
    means = pl.col("yhat", "yhat_lower", "yhat_upper").filter(is_last_month).cast(pl.Float64).mean()
    days, middle, lower, upper = series.rows.select(is_ahead.sum().alias("days"), means).row(0)
    if not days:
        return "There is no forecast."
    return (
        f"The forecast for {end:%Y-%m} is {percent(middle)} on average, with an interval of {100 * host.interval_width:g} % "
        f"from {percent(lower)} to {percent(upper)}."
    )
