"""A tick of the schedule, made by the daemon: it starts the month that has just ended, whole; and what may go of it afterwards."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from turbo_forecast.defs.old_runs import removable_runs, remove
from turbo_forecast_tests.browser.server import ENDED, LOCATION, Run
from turbo_forecast_tests.production.installation import START_SCHEDULE, STOP_SCHEDULE, Installation, ended_months

SCHEDULE = "monthly_forecast_schedule"
MONTH = ended_months(1)[0]


@pytest.fixture(scope="module")
def ticked(installation: Installation) -> Run:
    """The run of the tick of the 1st of this month, which the daemon makes up for: the schedule was switched on before it."""
    answer = installation.server.ask(START_SCHEDULE, name=SCHEDULE, location=LOCATION)["startSchedule"]
    assert answer["__typename"] == "ScheduleStateResult", answer
    before_the_tick = datetime.now(UTC).replace(day=1, hour=5, minute=30, second=0, microsecond=0).timestamp()

    def ended_runs(instance: dg.DagsterInstance) -> list[Run]:
        """The tick's, once it has ended. The daemon may just have read the schedule's state, and writes back what it has read."""
        found = [run for run in installation.server.runs() if "dagster/schedule_name" in run.tags]
        if not found:
            _switched_on(instance, before_the_tick)
        return [run for run in found if run.status in ENDED]

    try:
        with installation.instance() as instance:
            found: list[Run] = installation.server.wait("the tick's run", lambda: ended_runs(instance), 300)
    finally:
        installation.server.ask(STOP_SCHEDULE, id=answer["scheduleState"]["id"])
    assert len(found) == 1, "a tick is made up for once"
    return found[0]


def _switched_on(instance: dg.DagsterInstance, since: float) -> None:
    """Have the schedule's state say that it was switched on then."""
    (state,) = [each for each in instance.all_instigator_state() if each.instigator_name == SCHEDULE]
    if state.instigator_data.start_timestamp != since:
        instance.update_instigator_state(state.with_data(state.instigator_data._replace(start_timestamp=since)))


@pytest.mark.skipif(
    datetime.now(UTC) < datetime.now(UTC).replace(day=1, hour=6, minute=5), reason="this month's tick is still to come"
)
def test_a_tick_makes_the_month_that_has_just_ended(ticked: Run, installation: Installation) -> None:
    assert (ticked.status, ticked.month, ticked.job) == ("SUCCESS", MONTH, "monthly_forecast")
    stored = installation.house.query(f"SELECT state, run_id FROM months WHERE month = '{MONTH}'").rows()
    assert stored == [("complete", ticked.id)]
    verdicts = installation.server.verdicts(MONTH)
    assert set(verdicts.values()) == {"SUCCEEDED"}
    assert len(verdicts) > 60


def shown(installation: Installation) -> object:
    """What the UI says of months."""
    server = installation.server
    return server.verdicts(MONTH), {
        asset: set(server.months_of(asset)) for asset in ("champions", "run_audit", "base_table")
    }


def test_old_runs_go_and_the_ui_shows_the_same_as_before(ticked: Run, installation: Installation) -> None:
    server = installation.server
    runs = [installation.launch(job="latest_month_check") for _ in range(2)]
    server.wait("the checks", lambda: all(server.has_ended(each) for each in runs))
    before = shown(installation)
    with installation.instance() as instance:
        assert removable_runs(instance, datetime.now(UTC) - timedelta(days=1)) == []
        old = removable_runs(instance, datetime.now(UTC) + timedelta(days=1))
        assert runs[0] in {run.run_id for run in old}, "the second check has replaced it"
        assert {ticked.id, runs[1]}.isdisjoint(run.run_id for run in old)
        counted = {run.run_id for run in instance.get_runs()}
        for run in old:
            remove(instance, run)
        assert {run.run_id for run in instance.get_runs()} == counted - {run.run_id for run in old}
        assert removable_runs(instance, datetime.now(UTC) + timedelta(days=1)) == []
    assert shown(installation) == before
    left = installation.postgres.ask("SELECT DISTINCT run_id FROM event_logs WHERE run_id <> ''")
    assert {row[0] for row in left} <= counted - {run.run_id for run in old}
    assert not {path.name for path in (installation.folder / "logs").iterdir()} & {run.run_id for run in old}


def test_the_nightly_job_removes_nothing_that_is_younger_than_the_settings_say(
    ticked: Run, installation: Installation
) -> None:
    before = {run.id for run in installation.server.runs()}
    run_id = installation.launch(job="remove_old_runs")
    installation.server.wait("the run's end", lambda: installation.server.has_ended(run_id))
    assert installation.status(run_id) == "SUCCESS"
    assert {run.id for run in installation.server.runs()} == before | {run_id}


def test_a_dump_of_the_database_holds_every_run(ticked: Run, installation: Installation) -> None:
    dump = installation.folder / "dagster.dump"
    installation.postgres.program("pg_dump", "--format=custom", f"--file={dump}")
    installation.postgres.ask("SELECT 1")
    with installation.instance() as instance:
        before = {run.run_id: run.status for run in instance.get_runs()}
        unwanted = instance.get_runs(filters=dg.RunsFilter(job_name="latest_month_check"))
        for run in unwanted:
            instance.delete_run(run.run_id)
    installation.postgres.program("pg_restore", "--clean", "--if-exists", "--single-transaction", dump)  # others write
    with installation.instance() as instance:
        assert {run.run_id: run.status for run in instance.get_runs()} == before
