"""The alert about a run that has ended: its failure, and its checks that did not pass.

Belongs here: what is read from the run's events, and the message made of it. Does not belong here: which runs are
looked at (`alerts.py`), and how the message gets to its receiver (`webhook.py`).

Steps' reasons and checks' descriptions hold names that others chose (hosts, files): every text is one line of bounded
length, and the whole is escaped for Slack.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import dagster as dg

from turbo_forecast.defs.reasons import reason_of
from turbo_forecast.defs.webhook import is_web_address
from turbo_forecast.text import LONGEST_SHOWN, one_line, shown_location, slack_text

MOST_FINDINGS = 10
"""Failed steps, and checks, that a message names one by one; of the others only how many they are."""
LONGEST_TEXT = 400
"""Characters of one reason or description: with MOST_FINDINGS of each, a message that can be read."""

BY_HAND = "__ASSET_JOB"
"""How Dagster calls the job of assets that somebody has chosen in the UI."""
WILL_RETRY = "dagster/will_retry"

FAILURE = dg.DagsterEventType.RUN_FAILURE
_STEP, _CHECK = dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.ASSET_CHECK_EVALUATION


@dataclass(frozen=True, slots=True)
class FailedStep:
    """A step that failed (empty: the run itself), and why, on one line."""

    step: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnpassedCheck:
    """A check, as `asset.check`, that `warned` or `failed`, and the first line of its description."""

    name: str
    verdict: str
    description: str


@dataclass(frozen=True, slots=True)
class Alert:
    """A run to alert of. month: `2025-12`, a range of months, or empty for a run of no month."""

    run_id: str
    job: str
    month: str
    failed: bool
    will_retry: bool
    steps: tuple[FailedStep, ...]
    checks: tuple[UnpassedCheck, ...]


def alert_of(instance: dg.DagsterInstance, ended: dg.EventLogRecord) -> Alert | None:
    """What is to be said of the run that ended with this event; None where it is nothing.

    That is: every check passed, the run has been deleted since, or its failure was recorded before. (A worker that
    was given up for lost may still come to its own end.)
    """
    run = instance.get_run_by_id(ended.run_id)
    if run is None:
        return None
    entries = instance.all_logs(ended.run_id, of_type={_STEP, _CHECK, FAILURE})
    failed = ended.event_log_entry.dagster_event_type == FAILURE
    if any(entry.dagster_event_type == FAILURE and entry.timestamp < ended.timestamp for entry in entries):
        return None
    events = [entry.dagster_event for entry in entries if entry.dagster_event]
    checks, steps = tuple(_unpassed_checks(events)), tuple(_failed_steps(events))
    if failed and not steps and not any(check.verdict == "failed" for check in checks):
        steps = (FailedStep("", one_line(_own_reason(ended.event_log_entry.get_dagster_event()), LONGEST_TEXT)),)
    if not failed and not checks:
        return None
    return Alert(
        run.run_id,
        "assets chosen by hand" if run.job_name.startswith(BY_HAND) else one_line(run.job_name, LONGEST_SHOWN),
        _month(run.tags),
        failed,
        failed and run.tags.get(WILL_RETRY) == "true",
        steps if failed else (),
        checks,
    )


def _unpassed_checks(events: Iterable[dg.DagsterEvent]) -> Iterable[UnpassedCheck]:
    for event in events:
        if event.event_type == _CHECK and not event.asset_check_evaluation_data.passed:
            check = event.asset_check_evaluation_data
            verdict = "warned" if check.severity == dg.AssetCheckSeverity.WARN else "failed"
            first_line = next(iter((check.description or "").strip().splitlines()), "it did not pass")
            name = f"{check.asset_key.to_user_string()}.{check.check_name}"
            yield UnpassedCheck(one_line(name, LONGEST_SHOWN), verdict, one_line(first_line, LONGEST_TEXT))


def _failed_steps(events: Iterable[dg.DagsterEvent]) -> Iterable[FailedStep]:
    """The steps that failed for a reason of their own: what stops one often stops those beside it."""
    known: set[str] = set()
    for event in events:
        if event.event_type == _STEP:
            reason = one_line(reason_of(event) or "", LONGEST_TEXT)
            if reason and reason not in known:
                yield FailedStep(one_line(event.step_key or "", LONGEST_SHOWN), reason)
            known.add(reason)


def _own_reason(failure: dg.DagsterEvent) -> str:
    """Why a run failed of which no step failed: its process is gone, say, or a resource could not be made."""
    error = failure.job_failure_data.error if failure.event_specific_data else None
    return f"{failure.message or 'no reason was recorded'} {(error.cause or error).message if error else ''}"


def _month(tags: Mapping[str, str]) -> str:
    first, last = (tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end"))
    months = [first, last] if first and last else [tags.get("dagster/partition", "")]
    return one_line(" to ".join(dict.fromkeys(months)), LONGEST_SHOWN)


def message(alert: Alert, ui: str) -> dict[str, object]:
    """The alert as JSON: `text` as a Slack incoming webhook shows it, and the same in fields under `turbo_forecast`.

    ui: the address of the Dagster UI, for a link to the run; empty, or what is no address, leaves the link out.
    """
    address = f"{shown_location(ui).rstrip('/')}/runs/{alert.run_id}" if is_web_address(ui) else None
    return {
        "text": slack_text("\n".join([_heading(alert), *_lines(alert), f"Run {address or alert.run_id}"])),
        "mrkdwn": False,  # the name of a host is no formatting,
        "unfurl_links": False,  # and no address that Slack should look up
        "unfurl_media": False,
        "turbo_forecast": {
            "id": f"{alert.run_id}:{'run_failed' if alert.failed else 'checks_not_passed'}",
            "event": "run_failed" if alert.failed else "checks_not_passed",
            "job": alert.job,
            "month": alert.month or None,
            "run_id": alert.run_id,
            "run_url": address,
            "will_retry": alert.will_retry,
            "failed_steps": [
                {"step": each.step or None, "reason": each.reason} for each in alert.steps[:MOST_FINDINGS]
            ],
            "checks": [
                {"name": each.name, "verdict": each.verdict, "description": each.description}
                for each in alert.checks[:MOST_FINDINGS]
            ],
            "left_out": max(0, len(alert.steps) - MOST_FINDINGS) + max(0, len(alert.checks) - MOST_FINDINGS),
        },
    }


def _heading(alert: Alert) -> str:
    what = f"{alert.job}, month {alert.month}" if alert.month else alert.job
    if alert.failed:
        return f"Run failed: {what}{' (Dagster starts it again)' if alert.will_retry else ''}"
    failed = sum(check.verdict == "failed" for check in alert.checks)
    counts = [f"{n:,} {word}" for word, n in (("failed", failed), ("warned", len(alert.checks) - failed)) if n]
    return f"Run succeeded, but of its checks {' and '.join(counts)}: {what}"


def _lines(alert: Alert) -> Iterable[str]:
    """A line for each failed step and each check, as far as they are named, and how many more there are."""
    for found, kind in ((alert.steps, "failed steps"), (alert.checks, "checks that did not pass")):
        for each in found[:MOST_FINDINGS]:
            if isinstance(each, FailedStep):
                yield f"• {each.step}: {each.reason}" if each.step else f"• {each.reason}"
            else:
                yield f"• {each.verdict}: {each.name}: {each.description}"
        if len(found) > MOST_FINDINGS:
            yield f"• and {len(found) - MOST_FINDINGS:,} more {kind}"
