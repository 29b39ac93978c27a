"""Checks that have not passed so far, a sentence each, for a report that is made while a run goes on.

Does not belong here: checks (`checks/`), and what is printed when a run has ended (`launched.py`).
"""

from datetime import date

import dagster as dg
import duckdb
from dagster import DagsterEventType

from turbo_forecast.storage.months import not_passed
from turbo_forecast.text import shown_message


def warnings_so_far(
    instance: dg.DagsterInstance, run_id: str, con: duckdb.DuckDBPyConnection, cutoff: date
) -> list[str]:
    """`asset.check: sentence` of every check that did not pass: of this run, in order; then of the month, from earlier runs.

    Of an earlier run's checks the warehouse knows only that they did not pass, and of the base table's nothing.
    """
    said: dict[str, str] = {}
    for entry in instance.all_logs(run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION):
        if entry.dagster_event is None:
            continue
        check = entry.dagster_event.asset_check_evaluation_data
        name = f"{check.asset_key.to_user_string()}.{check.check_name}"
        said.pop(name, None)
        if not check.passed:
            said[name] = shown_message(check.description or "did not pass")
    for name in not_passed(con, cutoff):
        said.setdefault(name, "did not pass in an earlier run; see the asset's checks")
    return [f"{name}: {sentence}" for name, sentence in said.items()]
