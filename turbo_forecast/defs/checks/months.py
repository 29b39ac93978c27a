"""A month that is called complete is: its parts are stored, its files are there, and none of its blocking checks has failed.

It asks whether a check of a part has failed, and not whether the state is failed, which is the same said again.
"""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import MONTHS
from turbo_forecast.storage.months import FAILED, INCOMPLETE, STEPS

_UNFINISHED = f"(coalesce(state, '{INCOMPLETE}') = '{INCOMPLETE}' OR finished_at IS NULL)"
_PARTS = f"(SELECT unnest({list(STEPS)}) AS asset)"

WHOLE = Property(
    name="a_complete_month_is_whole",
    sentence="the month is complete: every table and file is stored, and no blocking check of them has failed",
    judged=f"SELECT count(*) FROM {_PARTS}",
    offenders=f"""
        SELECT asset, CASE WHEN {_UNFINISHED} THEN 'the month is not complete'
                           WHEN failed IS NOT NULL THEN failed || ' has failed'
                           WHEN coalesce(stored, 0) = 0 THEN 'not stored' ELSE fault END AS fault
        FROM {_PARTS}
        LEFT JOIN (SELECT asset, max(check_name) FILTER (result = '{FAILED}') AS failed,
                          count(*) FILTER (result = 'stored') AS stored
                   FROM month_steps WHERE cutoff = {{cutoff}} GROUP BY asset) USING (asset)
        LEFT JOIN (SELECT any_value(state) AS state, any_value(finished_at) AS finished_at FROM {{stored}}) ON true
        LEFT JOIN {{lost}} USING (asset)
        WHERE {_UNFINISHED} OR failed IS NOT NULL OR coalesce(stored, 0) = 0 OR fault IS NOT NULL
        ORDER BY ALL
    """,
    items="tables and files",
    remedy="Mend what is named and run the job monthly_checks, or run the month again",
)

checks = [month_check(WHOLE, MONTHS)]
