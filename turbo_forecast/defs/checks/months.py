"""A month that is called complete is: all its parts are stored, and none of its blocking checks has failed."""

from turbo_forecast.defs.checks.judging import month_check
from turbo_forecast.defs.checks.properties import Property
from turbo_forecast.schemas import MONTHS
from turbo_forecast.storage.months import COMPLETE, FAILED, STEPS

_PARTS = f"(SELECT unnest({list(STEPS)}) AS asset)"

WHOLE = Property(
    name="a_complete_month_is_whole",
    sentence="the month is complete: every table and file is stored, and no blocking check of them has failed",
    judged=f"SELECT count(*) FROM {_PARTS}",
    offenders=f"""
        SELECT asset, CASE WHEN state IS DISTINCT FROM '{COMPLETE}' OR finished_at IS NULL THEN 'the month is not complete'
                           WHEN failed IS NOT NULL THEN failed || ' has failed' ELSE 'not stored' END AS fault
        FROM {_PARTS}
        LEFT JOIN (SELECT asset, max(check_name) FILTER (result = '{FAILED}') AS failed,
                          count(*) FILTER (result = 'stored') AS stored
                   FROM month_steps WHERE cutoff = {{cutoff}} GROUP BY asset) USING (asset)
        LEFT JOIN (SELECT any_value(state) AS state, any_value(finished_at) AS finished_at FROM {{stored}}) ON true
        WHERE state IS DISTINCT FROM '{COMPLETE}' OR finished_at IS NULL OR failed IS NOT NULL OR coalesce(stored, 0) = 0
        ORDER BY ALL
    """,
)

checks = [month_check(WHOLE, MONTHS)]
