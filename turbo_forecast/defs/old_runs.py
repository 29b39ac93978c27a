"""Retention of old runs in the Dagster instance, which has none of its own.

A run is its record, its events (materialisations and results of checks among them) and what its steps printed. What the UI shows of the
present state is read from events of the runs that made it, however old these are; such runs stay.

Belongs here: which runs may go, their removal, the job and its schedule. Does not belong here: how long (`deployment.keep_runs_days`),
ticks of schedules and sensors (dagster.yaml, `retention`), and rows of months (`storage/retention.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.execution.backfill import (
    BULK_ACTION_TERMINAL_STATUSES,
)  # no public name says that a backfill is over
from dagster._core.storage.asset_check_execution_record import (  # the statuses of a check's record have no public name
    AssetCheckExecutionRecordStatus,
)

from turbo_forecast.defs import checks
from turbo_forecast.defs.links import LOCATION
from turbo_forecast.defs.ranges import COMMAND_TAG, PARTITION_TAG
from turbo_forecast.settings import current_environment

ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
BACKFILL_TAG = "dagster/backfill"
RELATIVES = ("dagster/root_run_id", "dagster/parent_run_id")
PAGE = 500
"""Records read at once: of runs, of events, of a check's results."""


class OldRuns(dg.Config):
    """What may be stated in the launchpad."""

    keep_days: int | None = None
    """None: `deployment.keep_runs_days`."""
    dry_run: bool = False
    """Only say what would be removed."""


@dg.op(description="Removes runs of this code location that ended long ago, with their events and what they printed.")
def old_runs_removal(context: dg.OpExecutionContext, config: OldRuns) -> None:
    """Raises Failure for a time of less than a day."""
    days = current_environment().settings().deployment.keep_runs_days if config.keep_days is None else config.keep_days
    if days < 1:
        raise dg.Failure(f"keep_days must be 1 or more, not {days}: runs of the last day may still be wanted")
    ended_before = datetime.now(UTC) - timedelta(days=days)
    found = removable_runs(context.instance, ended_before)
    context.log.info(
        f"{len(found):,} runs that ended before {ended_before:%Y-%m-%d %H:%M} (UTC), {days:,} days ago, "
        f"{'would be' if config.dry_run else 'are to be'} removed"
    )
    if not config.dry_run:
        for run in found:
            remove(context.instance, run)
    context.add_output_metadata(
        {"runs": len(found), "ended before": ended_before.isoformat(), "dry run": config.dry_run}
    )


@dg.job(
    name="remove_old_runs",
    executor_def=dg.in_process_executor,
    description="Removes what Dagster keeps of runs that ended more than `deployment.keep_runs_days` days ago. Results of months stay, "
    "and so does each run that the UI needs to show the latest state of a month, an asset or a check.",
)
def remove_old_runs() -> None:
    """One step: it asks for no place at the warehouse, and works while a month is made."""
    old_runs_removal()


remove_old_runs_daily = dg.ScheduleDefinition(
    name="remove_old_runs_daily",
    job=remove_old_runs,
    cron_schedule="30 3 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every night at 03:30. Stopped until switched on: then old runs go, for good.",
)


def removable_runs(instance: dg.DagsterInstance, ended_before: datetime) -> list[dg.DagsterRun]:
    """Runs of this code location that ended before that time and that nothing needs any more, the oldest first."""
    every = list(_runs(instance))
    needed = _with_companions(every, _needed(instance, every))
    return [
        record.dagster_run
        for record in every
        if record.dagster_run.status in ENDED
        and _ended_at(record) < ended_before
        and is_ours(record.dagster_run)
        and record.dagster_run.run_id not in needed
    ]


def remove(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Remove what the run's steps printed, its events and its record, in an order in which a crash leaves nothing that is lost sight of."""
    instance.compute_log_manager.delete_logs(prefix=[run.run_id])
    instance.event_log_storage.delete_events(run.run_id)
    instance.delete_run(run.run_id)


def is_ours(run: dg.DagsterRun) -> bool:
    """Whether the run is one of this code location's, or of the command's: an instance may serve others, too."""
    origin = run.remote_job_origin
    return run.job_name == "monthly_forecast" if origin is None else origin.location_name == LOCATION


def _runs(instance: dg.DagsterInstance) -> Iterator[dg.RunRecord]:
    """Records of all runs, the oldest first."""
    cursor: str | None = None
    while page := instance.get_run_records(limit=PAGE, cursor=cursor, ascending=True):
        yield from page
        cursor = page[-1].dagster_run.run_id


def _ended_at(record: dg.RunRecord) -> datetime:
    """When the run ended, or was last heard of: what ends a run from outside does not always say when."""
    if record.end_time is not None:
        return datetime.fromtimestamp(record.end_time, UTC)
    changed = record.update_timestamp
    return changed if changed.tzinfo else changed.replace(tzinfo=UTC)


def _needed(instance: dg.DagsterInstance, every: Sequence[dg.RunRecord]) -> set[str]:
    """Runs that the present state of assets, checks, jobs and backfills rests on."""
    latest = {(r.dagster_run.job_name, r.dagster_run.tags.get(PARTITION_TAG)): r.dagster_run.run_id for r in every}
    return {*latest.values(), *_makers(instance), *_checkers(instance), *_of_open_backfills(instance, every)}


def _makers(instance: dg.DagsterInstance) -> Iterator[str]:
    """The runs by which each asset, and each of its partitions, became what it is."""
    kinds = {
        dg.DagsterEventType.ASSET_MATERIALIZATION: instance.fetch_materializations,
        dg.DagsterEventType.ASSET_OBSERVATION: instance.fetch_observations,
    }
    for asset in instance.get_asset_keys():
        for kind, fetch in kinds.items():
            yield from (record.run_id for record in fetch(asset, limit=1).records)
            ids = sorted(instance.get_latest_storage_id_by_partition(asset, kind).values())
            for start in range(0, len(ids), PAGE):
                wanted = dg.AssetRecordsFilter(asset, storage_ids=ids[start : start + PAGE])
                yield from (record.run_id for record in fetch(wanted, limit=PAGE).records)


def _checkers(instance: dg.DagsterInstance) -> Iterator[str]:
    """The runs of each check's latest result, for each partition, and of the latest attempt, which may have given none."""
    for check in dg.load_asset_checks_from_package_module(checks):
        for key in check.check_keys:
            seen: set[tuple[str | None, bool]] = set()
            cursor: int | None = None
            while page := instance.event_log_storage.get_asset_check_execution_history(key, PAGE, cursor):
                for record in page:  # the newest first
                    about = (record.partition, record.status is AssetCheckExecutionRecordStatus.PLANNED)
                    if about not in seen:
                        seen.add(about)
                        yield record.run_id
                cursor = page[-1].id


def _of_open_backfills(instance: dg.DagsterInstance, every: Iterable[dg.RunRecord]) -> Iterator[str]:
    """The runs of backfills that are still at work: what they have left to start depends on those that ended."""
    over: dict[str, bool] = {}
    for run in (record.dagster_run for record in every):
        name = run.tags.get(BACKFILL_TAG)
        if name:
            if name not in over:
                backfill = instance.get_backfill(name)
                over[name] = backfill is None or backfill.status in BULK_ACTION_TERMINAL_STATUSES
            if not over[name]:
                yield run.run_id


def _with_companions(every: Sequence[dg.RunRecord], needed: set[str]) -> set[str]:
    """These runs, those they were executed again from (else their page cannot be opened), and all runs of the same command.

    A command for several months stays whole or goes whole: given again, it would take a part for one that did not finish.
    """
    by_command: dict[str, set[str]] = {}
    relatives: dict[str, set[str]] = {}
    for run in (record.dagster_run for record in every):
        command = run.tags.get(COMMAND_TAG)
        group = by_command.setdefault(command, set()) if command else set[str]()
        group.add(run.run_id)
        relatives[run.run_id] = group
    parents = {
        r.dagster_run.run_id: {r.dagster_run.tags[t] for t in RELATIVES if t in r.dagster_run.tags} for r in every
    }
    found, waiting = set[str](), list(needed)
    while waiting:
        run_id = waiting.pop()
        if run_id not in found:
            found.add(run_id)
            waiting += [*relatives.get(run_id, ()), *parents.get(run_id, ())]
    return found
