"""What the outlook's materialisations show: who is most urgent, how many are in which state, and the track record.

Does not belong here: statements and their scores (`outlook/`), and how a picture is drawn (`plots.py`).
"""

import dagster as dg
import polars as pl

from turbo_forecast import deep_links
from turbo_forecast.defs.links import dashboard_page
from turbo_forecast.defs.plots import state_bars
from turbo_forecast.defs.reporting import Metadata, at_once, decimals, table
from turbo_forecast.outlook.rows import BASELINE, SERIES
from turbo_forecast.outlook.statements import STATES

MOST_URGENT = 20


def outlook_metadata(rows: pl.DataFrame, month: str) -> Metadata:
    """What the materialisation of the outlook shows; of planned scenarios, how many there are.

    rows: of CAPACITY_OUTLOOK of a month (YYYY-MM). Dagster's tables hold no links: the dashboard's page has one for each host.
    """
    baseline = rows.filter(pl.col("scenario") == BASELINE)
    series = baseline.select(pl.struct("kind", "host_id", "resource").n_unique()).item()
    first = baseline.sort("urgency").unique(["kind", "host_id", "resource"], keep="first", maintain_order=True)
    count = {state: int((baseline["state"] == state).sum()) for state in STATES}
    shifted = baseline.filter(pl.col("recent_shift").is_not_null()).select("kind", "host_id", "resource").unique()
    return {
        "series": series,
        "statements by state": count,
        "states": state_bars(baseline),
        "most urgent, each by its most urgent threshold": table(first.head(MOST_URGENT).select(*_SHOWN)),
        "series whose level moved shortly before the cutoff": len(shifted),
        "scenarios": rows["scenario"].n_unique(),
        "in the dashboard": dg.MetadataValue.url(dashboard_page(deep_links.OUTLOOK, month=month)),
    }


_SHOWN = (
    *(pl.col("host_id"), pl.col("resource"), pl.col("threshold")),
    decimals("level", 1),
    *(pl.col("state"), pl.col("early"), pl.col("likely"), pl.col("late")),
    decimals("probability_91", 0, 100, "%").alias("within 91 days"),
)


def accuracy_metadata(scored: pl.DataFrame) -> Metadata:
    """What the materialisation of the track record shows: the longest horizon, by threshold. scored: of OUTLOOK_ACCURACY."""
    whole = scored.filter(
        (pl.col("resource") == "all") & (pl.col("kind") == "series") & (pl.col("population") == "all")
    )
    longest = whole.filter(pl.col("horizon_days") == pl.col("horizon_days").max())
    shown = longest.select(
        *("threshold", "n", "events"),
        decimals("skill", 2),
        *(decimals("recall", 2), decimals("precision", 2)),
        decimals("date_error_days", 0).alias("days off"),
    )
    skills = longest.filter(pl.col("skill").is_not_null()).select("threshold", "horizon_days", "skill")
    numbers = {
        f"skill at {threshold:g} % within {days} days": round(skill, 4) for threshold, days, skill in skills.iter_rows()
    }
    return {"track record, longest horizon": at_once(shown), **numbers}


def over_time_metadata(scored: pl.DataFrame) -> Metadata:
    """What the materialisation shows of earlier months' statements about series, all together; nothing before there are any."""
    everyone = (pl.col("resource") == "all") & (pl.col("population") == "all")
    rows = scored.filter(everyone & (pl.col("kind") == SERIES))
    if rows.is_empty():
        return {}
    brier, base = rows.select((pl.col("brier", "base_rate_brier") * pl.col("n")).sum() / pl.col("n").sum()).row(0)
    return {
        "earlier statements judged": int(rows["n"].sum()),
        "their Brier score": round(brier, 4),
        "the base rate's": round(base, 4),
    }
