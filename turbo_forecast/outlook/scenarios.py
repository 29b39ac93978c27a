"""Scenarios beside the baseline: rows of CAPACITY_OUTLOOK to rows of SCENARIO_OUTLOOK.

Does not belong here: what is said in a scenario, and of whom.
"""

import polars as pl

from turbo_forecast.schemas import SCENARIO_OUTLOOK

KEY = ["cutoff", "kind", "host_id", "resource", "threshold"]
COMPARED = ("probability_182", "likely", "state")


def beside_baseline(scenario: pl.DataFrame, baseline: pl.DataFrame) -> pl.DataFrame:
    """Rows of SCENARIO_OUTLOOK: what is said of each threshold in a scenario, and in the baseline.

    scenario, baseline: rows of CAPACITY_OUTLOOK of the same series and thresholds. Days are gained where the likely day comes later,
    and lost where it comes earlier; where only one of them has such a day, the day itself says so.
    """
    other = baseline.select(*KEY, *(pl.col(name).alias(f"baseline_{name}") for name in COMPARED))
    gained = (pl.col("likely") - pl.col("baseline_likely")).dt.total_days()
    both = scenario.join(other, on=KEY, how="inner", maintain_order="left").with_columns(days_gained=gained)
    return SCENARIO_OUTLOOK.conform(both).sort(SCENARIO_OUTLOOK.key)
