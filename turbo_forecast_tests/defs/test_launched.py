"""What a run says at its end: of how many checks, and seconds that add up. Events made by hand, and by a real run."""

from pathlib import Path

import dagster as dg
import pytest

from turbo_forecast.defs.launched import Checked, Launched


def run(*checks: Checked, planned: int = 0, **other: object) -> Launched:
    return Launched("2025-12", "id", True, 10.0, checks=list(checks), planned=planned, **other)  # type: ignore[arg-type]


GOOD = Checked("t.good", True, False)
WARNED = Checked("t.warned", False, True)
FAILED = Checked("t.failed", False, False)


@pytest.mark.parametrize(
    ("launched", "line"),
    [
        (run(GOOD, GOOD, planned=2), "2 of 2 checks passed"),
        (run(GOOD, WARNED, planned=2), "1 of 2 checks passed, 1 warned (t.warned)"),
        (run(GOOD, WARNED, FAILED, planned=3), "1 of 3 checks passed, 1 warned (t.warned), 1 failed (t.failed)"),
        (run(FAILED, planned=50), "0 of 50 checks passed, 1 failed (t.failed), 49 did not run"),
        (run(Checked("t.warns", True, True), planned=1), "1 of 1 check passed"),
        (run(WARNED, WARNED, planned=1), "0 of 2 checks passed, 2 warned (t.warned, t.warned)"),
    ],
)
def test_checks_are_counted_of_all_that_the_run_was_to_make(launched: Launched, line: str) -> None:
    assert launched.checks_line() == line


def test_the_parts_of_the_whole_runs_seconds_add_up() -> None:
    steps = {"base_table": 1.25, "fleet_forecast": 4.0, "champions": 0.5, "champions_check": 2.0}
    launched = run(GOOD, steps=steps, checking={"champions_check"})
    lines = list(launched.time_lines())
    assert lines[0] == "Seconds of the whole run: 10.0, of which"
    parts = [float(line.split()[0]) for line in lines[1:]]
    assert parts == [1.2, 4.5, 2.0, 2.3]
    assert sum(parts) == pytest.approx(10.0)


def test_a_real_runs_checks_and_steps_are_what_its_events_say(tmp_path: Path) -> None:
    @dg.asset
    def thing() -> None:
        return None

    def verdict(name: str, passed: bool, severity: dg.AssetCheckSeverity) -> dg.AssetChecksDefinition:
        @dg.asset_check(asset=thing, name=name)
        def check() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=passed, severity=severity, description="why")

        return check

    checks = [
        verdict("fine", True, dg.AssetCheckSeverity.ERROR),
        verdict("doubtful", False, dg.AssetCheckSeverity.WARN),
        verdict("wrong", False, dg.AssetCheckSeverity.ERROR),
    ]
    job = dg.Definitions(
        assets=[thing], asset_checks=checks, jobs=[dg.define_asset_job("all", dg.AssetSelection.all())]
    ).resolve_job_def("all")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
        launched = Launched("2025-12", result.run_id, result.success, 1.0)
        for event in result.all_events:
            launched.take(event)
        launched.take_records(instance)
    assert launched.planned == 3
    assert launched.warnings == ["thing.doubtful: why"]
    assert launched.failures == ["thing.wrong: why"]
    assert launched.checks_line() == "1 of 3 checks passed, 1 warned (thing.doubtful), 1 failed (thing.wrong)"
    assert launched.checking == {"thing_fine", "thing_doubtful", "thing_wrong"}
    assert set(launched.steps) == {"thing", *launched.checking}
