"""The fault drill: two faults on a small fleet, and a verdict that can be "no"."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.faults.__main__ import ALL_FAULTS, HEAD, drilled, report
from benchmarks.faults.process_faults import Inflicted, kill_one_worker, kill_the_run, series_that_kills
from benchmarks.faults.stage import DrillError, Stage, Trial, Verdict

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("faults"),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not show a run's workers"),
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """24 series, quick entrants and one that takes its time, so that there is a middle of the map."""
    entrants = ["weighted", "recent_level", "seasonal_naive"]
    return Stage(tmp_path_factory.mktemp("stage"), hosts=6, workers=2, entrants=entrants, pace=0.06, timed=False)


def test_a_killed_worker_and_a_killed_run_lose_nothing_and_give_the_same_bytes(stage: Stage) -> None:
    faults = [Inflicted("a worker", kill_one_worker), Inflicted("the run", kill_the_run)]
    verdicts, untried = drilled(stage, faults)
    assert [(verdict.lost, verdict.twice, verdict.equal, verdict.note) for verdict in verdicts] == [
        (0, 0, "yes", "")
    ] * 2
    assert untried == []


def test_a_series_that_kills_its_worker_costs_only_its_own_rows(stage: Stage) -> None:
    verdict = stage.verdict(Inflicted("a series", series_that_kills, guilty=True))
    assert (verdict.lost, verdict.twice, verdict.equal) == (0, 0, "yes, of the 23 others")


def without(result: dict[str, Any], series: str) -> dict[str, Any]:
    return {**result, "outcomes": {name: each for name, each in result["outcomes"].items() if name != series}}


def test_a_verdict_tells_what_is_lost_what_is_there_twice_and_other_bytes(stage: Stage) -> None:
    """Made of the undisturbed run's own result."""
    result = stage._undisturbed
    one, other = stage.series[0], stage.series[1]
    assert stage.judged("nothing", result, set(), 0.0).holds
    assert stage.judged("a gap", without(result, one), set(), 0.0).lost == 1
    doubled = {**result, "outcomes": {**result["outcomes"], one: ["forecast", "failed"]}, "rows_twice": 3}
    assert stage.judged("twice", doubled, set(), 0.0).twice == 4
    failed = {**result, "outcomes": {**result["outcomes"], one: ["failed"]}}
    assert stage.judged("an innocent", failed, set(), 0.0).lost == 1
    assert stage.judged("the guilty", failed, {one}, 0.0).holds
    unseen = stage.judged("the guilty", result, {one}, 0.0)
    assert (unseen.holds, unseen.note) == (False, "the guilty series is not recorded")
    changed = {**failed, "whole": "another", "by_series": {**result["by_series"], other: "another"}}
    assert stage.judged("bytes", changed, {one}, 0.0).equal == "NO"
    assert stage.judged("bytes", {**result, "whole": "another"}, set(), 0.0).equal == "NO"


def test_a_fault_that_cannot_be_tried_here_is_told_and_one_that_did_not_happen_is_no_success(stage: Stage) -> None:
    def fails(trial: Trial) -> None:
        raise DrillError("the run ended before anything could happen")

    impossible = Inflicted("a full disk", fails, why_not=lambda: "a small disk can be mounted by root only")
    verdicts, untried = drilled(stage, [impossible, Inflicted("too late", fails)])
    assert untried == ["Not tried: a full disk (a small disk can be mounted by root only)."]
    assert [(verdict.fault, verdict.holds) for verdict in verdicts] == [("too late", False)]
    text = report(verdicts, untried, 24, 1.0, markdown=True)
    assert text.startswith("# Faults\n\n20")
    assert "| " + " | ".join(HEAD) + " |" in text
    assert "| too late | 0 | 0 | 0.0 | NO |" in text
    assert "too late: the run ended before anything could happen" in text


def test_each_fault_has_a_line_of_its_own_and_the_short_drill_is_a_part_of_the_long_one() -> None:
    faults = [fault for each in ALL_FAULTS.values() for fault in each]
    names = [fault.name for fault in faults]
    assert len(set(names)) == len(names) >= 8
    assert 2 <= sum(fault.is_short for fault in faults) < len(faults)


def test_the_command_refuses_a_fault_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.faults.__main__ import main

    with pytest.raises(SystemExit):
        main(["--only", "an earthquake"])
    assert "no fault's line holds 'an earthquake'" in capsys.readouterr().err


def test_a_verdict_holds_only_where_all_of_it_does() -> None:
    assert Verdict("a", 0, 0, 1.0, "yes, of the 3 others").holds
    assert not Verdict("a", 1, 0, 1.0, "yes").holds
    assert not Verdict("a", 0, 1, 1.0, "yes").holds
    assert not Verdict("a", 0, 0, 1.0, "NO").holds
