"""Six months queued at once: one at a time, in order, whatever happens to daemon and definitions meanwhile."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import dagster as dg
import pytest

from reference.servers.postgres import PASSWORD
from turbo_forecast_tests.browser.server import ENDED
from turbo_forecast_tests.production.installation import Installation, ended_months

WHOLE = bool(os.environ.get("TURBO_FORECAST_DRILL"))
"""In the drill six months are made whole; else three, as far as the run itself goes, without the checks: an eighth of the time."""
MONTHS = ended_months(7)[:-1] if WHOLE else ended_months(4)[:-1]
"""One with a daemon, one that goes on without it, and what waits for its return. The month just ended is the schedule's."""
PART = (
    *("base_table", "fleet_forecast", "fold_forecast", "combination_weights", "series_outcomes", "model_runs"),
    *("run_audit", "tournament_results"),
)


@dataclass
class Six:
    """What became of the months' runs, in the order in which they were queued."""

    ids: list[str]
    statuses: list[str]
    seen_at_work: set[int]
    """How many runs were at work at the same time."""


@pytest.fixture(scope="module")
def six(installation: Installation) -> Six:
    """The months, made while the daemon is killed and started, and the definitions are read again, in the middle."""
    ids = [installation.launch(month, assets=() if WHOLE else PART) for month in MONTHS]
    seen: set[int] = set()

    def states() -> list[str]:
        found = {run.id: run.status for run in installation.server.runs()}
        seen.add(sum(found[each] in ("STARTING", "STARTED") for each in ids))
        return [found[each] for each in ids]

    installation.server.wait("the second month at work", lambda: states()[1] == "STARTED")
    installation.kill("daemon")
    installation.server.reload()
    installation.server.wait("the second month's end without a daemon", lambda: states()[1] in ENDED)
    assert states()[2:] == ["QUEUED"] * len(MONTHS[2:]), "nobody starts a run while there is no daemon"
    installation.start("daemon")
    installation.server.wait("all months", lambda: set(states()) <= ENDED, 400)
    return Six(ids, states(), seen)


def test_all_months_end_well_and_none_is_made_twice(six: Six, installation: Installation) -> None:
    assert six.statuses == ["SUCCESS"] * len(MONTHS)
    runs = [run for run in installation.server.runs() if run.month in MONTHS]
    assert len(runs) == len(MONTHS), "no month was lost, and none was started twice"
    stored = installation.house.query(
        "SELECT DISTINCT strftime(cutoff, '%Y-%m') AS month, run_id FROM run_audit ORDER BY month"
    ).rows()
    assert [row for row in stored if row[0] in MONTHS] == list(zip(MONTHS, six.ids, strict=True))
    served = installation.house.query("SELECT DISTINCT strftime(cutoff, '%Y-%m') AS month FROM tournament_results")
    assert set(MONTHS) <= set(served["month"])


def events(instance: dg.DagsterInstance, run_id: str, *kinds: dg.DagsterEventType) -> list[float]:
    return [entry.timestamp for entry in instance.all_logs(run_id, of_type=set(kinds))]


def test_one_month_is_made_after_the_other(six: Six, installation: Installation) -> None:
    assert six.seen_at_work <= {0, 1}
    with installation.instance() as instance:
        spans = [
            (
                *events(instance, each, dg.DagsterEventType.RUN_START),
                *events(instance, each, dg.DagsterEventType.RUN_SUCCESS),
            )
            for each in six.ids
        ]
    assert all(len(span) == 2 for span in spans)
    for (_, ended), (started, _) in pairwise(spans):
        assert ended <= started, "two months were at work at the same time, or not in the queue's order"


def test_no_two_steps_are_at_the_warehouse_at_the_same_time(six: Six, installation: Installation) -> None:
    with installation.instance() as instance:
        spans = sorted(span for each in six.ids for span in _at_the_warehouse(instance, each))
    assert len(spans) >= len(MONTHS) * 3, "the base table, the run with its tables, the view of results"
    for (_, left), (entered, _) in pairwise(spans):
        assert left <= entered


def _at_the_warehouse(instance: dg.DagsterInstance, run_id: str) -> Iterator[tuple[float, float]]:
    """From its start to its end, each step that opens the warehouse: all but that of the report and its check."""
    ends = {dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE}
    started: dict[str, float] = {}
    for entry in instance.all_logs(run_id, of_type={dg.DagsterEventType.STEP_START, *ends}):
        event = entry.get_dagster_event()
        assert event.step_key is not None
        if event.step_key.startswith("month_report"):
            continue
        if event.event_type in ends:
            yield started.pop(event.step_key), entry.timestamp
        else:
            started[event.step_key] = entry.timestamp
    assert started == {}


@pytest.mark.skipif(not WHOLE, reason="months are made whole by make drill")
def test_each_month_has_judged_the_forecasts_of_those_before_it(six: Six, installation: Installation) -> None:
    states = installation.house.query("SELECT month, state, run_id FROM months ORDER BY month").rows()
    assert [row for row in states if row[0] in MONTHS] == [
        (month, "complete", run) for month, run in zip(MONTHS, six.ids, strict=True)
    ]
    judged = installation.house.query(
        "SELECT DISTINCT strftime(cutoff, '%Y-%m'), forecast_cutoff FROM forecast_accuracy"
    ).rows()
    assert len([month for month, _ in judged if month in MONTHS]) == 5 + 4 + 3 + 2 + 1


def test_what_steps_print_is_kept_where_the_instance_says(six: Six, installation: Installation) -> None:
    kept = {path.name for path in (installation.folder / "logs").iterdir()}
    assert set(six.ids) <= kept


def test_the_password_of_the_database_is_in_no_file_of_the_installation(six: Six, installation: Installation) -> None:
    spellings = {PASSWORD.encode(), installation.postgres.url.split("@")[0].rsplit(":", 1)[1].encode()}
    for path in installation.folder.rglob("*"):
        if path.is_file() and path.suffix != ".parquet":
            content = path.read_bytes()
            assert not any(spelling in content for spelling in spellings), path
