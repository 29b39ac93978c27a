"""The result of a run that has ended: failures, warnings, how many checks, time by step.

Belongs here: what is read from a run's events, and the words for it. Does not belong here: starting a run
(`launch.py`), printing, and what was stored (`summary.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import dagster as dg

from turbo_forecast.defs.reasons import INTERRUPTED, reason_of, reason_of_error
from turbo_forecast.defs.reporting import ERROR_KIND
from turbo_forecast.errors import PartitionError
from turbo_forecast.number_words import counted
from turbo_forecast.schemas import BASE_TABLE
from turbo_forecast.text import printable, shown_message


@dataclass(frozen=True, slots=True)
class Checked:
    """One check's result: `asset.check`, whether it passed, and whether it is only a warning if not."""

    name: str
    passed: bool
    warns: bool


@dataclass(slots=True)
class Launched:
    """A finished run of a month: whether it succeeded, and every failure and failed check as a sentence.

    ends_all: whether the runs of other months would end in the same way: interrupted, or without a base table.
    stands: no run was made now; the run is the one that made the month when the same command was given before.
    planned: checks that the run was to make. steps: seconds of each step; checking: the steps that are checks.
    """

    month: str
    run_id: str
    success: bool
    seconds: float
    failures: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    ends_all: bool = False
    stands: bool = False
    checks: list[Checked] = field(default_factory=list)
    planned: int = 0
    steps: dict[str, float] = field(default_factory=dict)
    checking: set[str] = field(default_factory=set)

    def take(self, event: dg.DagsterEvent) -> None:
        """Add what one event has to say."""
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            reason = printable(shown_message(reason_of(event) or ""))
            self.ends_all |= _ends_all(event, reason)
            # what stops one step often stops those beside it: a reader needs the sentence once
            if reason and not any(failure.endswith(f": {reason}") for failure in self.failures):
                self.failures.append(f"{event.step_key}: {reason}")
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            self._take_check(event)
        elif event.event_type == dg.DagsterEventType.RUN_FAILURE and not self.failures:
            # between two steps, or before the first one: no step has an event of it
            error = event.job_failure_data.error
            reason = printable(shown_message(reason_of_error(error) or "")) if error else ""
            self.failures += [reason] if reason else []

    def _take_check(self, event: dg.DagsterEvent) -> None:
        check = event.asset_check_evaluation_data
        name = f"{check.asset_key.to_user_string()}.{check.check_name}"
        warns = check.severity == dg.AssetCheckSeverity.WARN
        self.checks.append(Checked(name, check.passed, warns))
        if event.step_key:
            self.checking.add(event.step_key)
        if not check.passed:
            (self.warnings if warns else self.failures).append(f"{name}: {check.description}")

    def interrupt(self) -> None:
        """Note that an interruption has come, which Dagster need not have let into a step, or may have come too late for."""
        self.ends_all = True
        if not self.success and not any(failure.endswith(INTERRUPTED) for failure in self.failures):
            self.failures.append(INTERRUPTED)

    def take_records(self, instance: dg.DagsterInstance) -> None:
        """Add what the instance has recorded of the run: the checks it was to make, and the seconds of its steps."""
        self.planned = len(instance.all_logs(self.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED))
        for step in instance.get_run_step_stats(self.run_id):
            if step.start_time is not None and step.end_time is not None:
                self.steps[step.step_key] = step.end_time - step.start_time

    def checks_line(self) -> str:
        """`49 of 50 checks passed, 1 warned (base_table.telemetry_is_fresh)`."""
        total = max(self.planned, len(self.checks))
        warned = [check.name for check in self.checks if check.warns and not check.passed]
        failed = [check.name for check in self.checks if not check.warns and not check.passed]
        parts = [f"{sum(check.passed for check in self.checks):,} of {counted(total, 'check')} passed"]
        parts += [
            f"{len(names):,} {what} ({', '.join(names)})"
            for what, names in (("warned", warned), ("failed", failed))
            if names
        ]
        if total > len(self.checks):
            parts.append(f"{total - len(self.checks):,} did not run")
        return ", ".join(parts)

    def time_lines(self) -> Iterator[str]:
        """Where the run's seconds went, in parts that add up to the whole."""
        checks = sum(self.steps[step] for step in self.checking & self.steps.keys())
        base = self.steps.get(BASE_TABLE.name, 0.0)
        others = sum(self.steps.values()) - checks - base
        parts = [
            (round(base, 1), f"{BASE_TABLE.name}: reading the telemetry"),
            (round(others, 1), "the other assets of the month: their stages above, and what is between these"),
            (round(checks, 1), counted(len(self.checks), "check")),
        ]
        whole = round(self.seconds, 1)
        rest = round(whole - sum(seconds for seconds, _ in parts), 1)  # of the rounded parts, so that the lines add up
        parts.append((rest, "Dagster itself: starting, between the steps, its log"))
        yield f"Seconds of the whole run: {whole:.1f}, of which"
        yield from (f"  {seconds:7.1f}  {what}" for seconds, what in parts)

    def closing_lines(self) -> Iterator[str]:
        """The last lines of a run that succeeded: its time, its checks, its id."""
        yield from self.time_lines()
        yield f"Run {self.run_id}: {self.checks_line()}"


def _ends_all(event: dg.DagsterEvent, reason: str) -> bool:
    """Whether the run of another month would end in the same way: telemetry that cannot be read is no month's fault."""
    failed = event.step_failure_data.user_failure_data
    kind = failed.metadata.get(ERROR_KIND) if failed else None
    of_the_month = kind is not None and kind.value == PartitionError.__name__
    return reason == INTERRUPTED or (event.step_key == BASE_TABLE.name and not of_the_month)
