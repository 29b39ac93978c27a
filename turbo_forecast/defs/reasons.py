"""Why a step failed, in one sentence, for a person who reads no stack traces.

Belongs here: what Dagster records of a step's failure, in words. Does not belong here: where the words are shown (the
terminal: `launched.py`; alerts: `alert_messages.py`).
"""

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from turbo_forecast.errors import TurboForecastError

INTERRUPTED = "interrupted; the same command goes on from what is finished"
PLAIN_ERRORS = {kind.__name__ for kind in TurboForecastError.__subclasses__()}


def reason_of(event: dg.DagsterEvent) -> str | None:
    """Why a step failed, by the event that says it did, in one line; None when it only repeats what a blocking check has said."""
    failed = event.step_failure_data
    if failed.user_failure_data and failed.user_failure_data.description:
        return failed.user_failure_data.description
    return reason_of_error(failed.error)


def reason_of_error(recorded: SerializableErrorInfo | None) -> str | None:
    """An error that Dagster has recorded, in one line; None when it only repeats what a blocking check has said."""
    error = recorded and (recorded.cause or recorded)  # the cause: Dagster wraps what a step raised
    if error is None:
        return "no reason was recorded"
    if error.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt"):
        return INTERRUPTED
    if error.cls_name in PLAIN_ERRORS:
        return " ".join(error.message.split()).split(": ", 1)[-1]  # without the class's name
    return None if error.cls_name == "DagsterAssetCheckFailedError" else " ".join(error.message.split())
