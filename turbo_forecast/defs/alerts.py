"""Alerts: failed runs, and checks that warned or failed, are posted to a webhook.

Belongs here: the sensor, which runs it looks at, and what is sent again. Does not belong here: what an alert says
(`alert_messages.py`), and the request itself (`webhook.py`).

Dagster's own run-failure and run-status sensors lose an alert that could not be sent: they go on to the next run when
their function has raised. And they pass over runs that another process than the daemon started, such as the
command's. So this is a plain sensor with a cursor of its own. Every run of the instance counts, whoever started it; one
that somebody cancelled is no news.
"""

import json
import os
import time
from collections.abc import Iterable
from typing import Literal

import dagster as dg

from turbo_forecast.defs.alert_messages import alert_of, message
from turbo_forecast.defs.webhook import is_web_address, undelivered
from turbo_forecast.errors import WebhookError
from turbo_forecast.settings.environment import UI_URL

WEBHOOK = "TURBO_FORECAST_WEBHOOK"
"""Environment: where alerts are posted. A secret: it is shown and logged nowhere."""

ENDS: tuple[Literal[dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_SUCCESS], ...] = (
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.RUN_SUCCESS,
)
LOOKED_AT = 100
"""Ended runs of each kind that one tick looks at; the next tick goes on."""
SENT_A_TICK = 20
SECONDS_A_TICK = 30.0
"""No alert is begun later in a tick: Dagster ends a tick after 60 seconds, and forgets what it has sent."""

Cursor = dict[str, int]
"""For each of ENDS, the last event that has been dealt with."""


@dg.sensor(
    name="alerts",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Posts every failed run, and every run with checks that warned or failed, to the address in the environment "
        f"variable {WEBHOOK}, in a form that Slack shows. Runs that ended before it was switched on are left out."
    ),
)
def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """One alert for each run that has ended since the last tick, in their order. Raises WebhookError.

    An alert that the receiver does not take stays the first one of the next tick.
    """
    address = os.environ.get(WEBHOOK, "").strip()
    if not address:
        return dg.SensorResult(
            skip_reason=f"{WEBHOOK} is not set, so nobody is alerted: set it to the address of a webhook, in the "
            "environment of the code location, and start that again"
        )
    if not is_web_address(address):
        raise WebhookError(f"{WEBHOOK} is no address that begins with http:// or https://")
    cursor, since = _cursor(context.cursor), context.last_sensor_start_time
    if cursor is None and since is None:
        return _result(newest(context.instance), "alerts begin with the next run that ends")
    cursor = cursor or dict.fromkeys((end.value for end in ENDS), -1)
    return _send(context.instance, ended_runs(context.instance, cursor, since), cursor, address)


def _send(
    instance: dg.DagsterInstance, ended: Iterable[dg.EventLogRecord], cursor: Cursor, address: str
) -> dg.SensorResult:
    """Alert of these runs as long as the receiver takes it and the tick has time."""
    begun, sent = time.monotonic(), 0
    for record in ended:
        if sent == SENT_A_TICK or time.monotonic() - begun > SECONDS_A_TICK:
            break
        alert = alert_of(instance, record)
        refused = undelivered(address, message(alert, os.environ.get(UI_URL, "").strip())) if alert else None
        if refused and not sent:
            raise WebhookError(f"the receiver at {WEBHOOK} has not taken an alert: {refused}. It is sent again")
        if refused:  # to raise would be to forget those that were sent
            return _result(cursor, f"{_counted(sent)}; the next was not taken, and is sent again: {refused}")
        sent += alert is not None
        cursor[record.event_log_entry.get_dagster_event().event_type_value] = record.storage_id
    return _result(cursor, _counted(sent) if sent else "no run has ended since with anything to report")


def ended_runs(instance: dg.DagsterInstance, cursor: Cursor, since: float | None) -> list[dg.EventLogRecord]:
    """The ends of runs after the cursor, and after the time `since` (seconds since 1970), in their order."""
    found: list[dg.EventLogRecord] = []
    for end in ENDS:
        wanted = dg.RunStatusChangeRecordsFilter(end, after_storage_id=cursor[end.value], after_timestamp=since)
        found += instance.fetch_run_status_changes(wanted, limit=LOOKED_AT, ascending=True).records
    return sorted(found, key=lambda record: record.storage_id)


def newest(instance: dg.DagsterInstance) -> Cursor:
    """The cursor after everything that has happened."""
    cursor = {}
    for end in ENDS:
        records = instance.fetch_run_status_changes(end, limit=1).records
        cursor[end.value] = records[0].storage_id if records else -1
    return cursor


def _cursor(text: str | None) -> Cursor | None:
    """The cursor as Dagster stores it, read; None where there is none, or a person has put something else there."""
    try:
        held = json.loads(text or "null")
        return {end.value: int(held[end.value]) for end in ENDS}
    except (ValueError, TypeError, KeyError):
        return None


def _result(cursor: Cursor, reason: str) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=reason, cursor=json.dumps(cursor))


def _counted(sent: int) -> str:
    return f"{sent:,} alert{' was' if sent == 1 else 's were'} sent"
