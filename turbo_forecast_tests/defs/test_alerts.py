"""Alerts of real runs, over HTTP to a real receiver: each once, none lost, and the receiver's address told to nobody."""

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from turbo_forecast.defs import alerts as alerting
from turbo_forecast.defs import webhook
from turbo_forecast.defs.alerts import WEBHOOK, alerts
from turbo_forecast.errors import PartitionError, WebhookError
from turbo_forecast.settings.environment import UI_URL
from turbo_forecast_tests.defs.conftest import MONTH, Place
from turbo_forecast_tests.defs.receiver import SECRET, Receiver, listening


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def stored_instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """One with a file for each run's events and an index of them, as DAGSTER_HOME has it: slower, and numbered apart."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as opened:
        yield opened


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with listening() as opened:
        monkeypatch.setenv(WEBHOOK, opened.address)
        monkeypatch.delenv(UI_URL, raising=False)
        yield opened


class Sensor:
    """The sensor as the daemon has it: its cursor is kept only where the tick does not raise."""

    def __init__(self, instance: dg.DagsterInstance, started: float | None = None) -> None:
        self.instance, self.started, self.cursor = instance, started, None

    def tick(self) -> str:
        context = dg.build_sensor_context(self.instance, self.cursor, last_sensor_start_time=self.started)
        result = alerts.evaluate_tick(context)
        assert not result.run_requests
        self.cursor = result.cursor
        return result.skip_message or ""


@pytest.fixture
def sensor(instance: dg.DagsterInstance, receiver: Receiver) -> Sensor:
    """One that is just switched on."""
    on = Sensor(instance)
    assert on.tick() == "alerts begin with the next run that ends"
    return on


def run_of(
    instance: dg.DagsterInstance,
    body: Callable[[], object] = lambda: None,
    *,
    passed: bool = True,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
    description: str | None = "the telemetry is old\nand more about it",
    blocking: bool = False,
    month: str = "2025-12",
) -> str:
    """A run of one asset and its check, in this process, as the command starts it; returns its id."""
    months = dg.StaticPartitionsDefinition([month])

    @dg.asset(name="thing", partitions_def=months)
    def thing() -> None:
        body()

    @dg.asset_check(asset=thing, name="is_fresh", blocking=blocking)
    def is_fresh() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=passed, severity=severity, description=description)

    job = dg.define_asset_job("small", dg.AssetSelection.all())
    made = dg.Definitions(assets=[thing], asset_checks=[is_fresh], jobs=[job]).resolve_job_def("small")
    return made.execute_in_process(instance=instance, partition_key=month, raise_on_error=False).run_id


def fail(error: Exception) -> Callable[[], object]:
    def body() -> None:
        raise error

    return body


def test_a_failed_run_is_told_with_its_job_month_step_and_reason(
    instance: dg.DagsterInstance, sensor: Sensor, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(UI_URL, "http://127.0.0.1:3000/")
    run = run_of(instance, fail(PartitionError("month 2025-12 is before the data: nothing was observed")))
    assert sensor.tick() == "1 alert was sent"
    (sent,) = receiver.taken
    assert sent["text"] == (
        "Run failed: small, month 2025-12\n"
        "• thing: month 2025-12 is before the data: nothing was observed\n"
        f"Run http://127.0.0.1:3000/runs/{run}"
    )
    assert sent["turbo_forecast"] == {
        "id": f"{run}:run_failed",
        "event": "run_failed",
        "job": "small",
        "month": "2025-12",
        "run_id": run,
        "run_url": f"http://127.0.0.1:3000/runs/{run}",
        "will_retry": False,
        "failed_steps": [
            {"step": "thing", "reason": "month 2025-12 is before the data: nothing was observed"},
        ],
        "checks": [],
        "left_out": 0,
    }


@pytest.mark.parametrize(
    ("severity", "verdict"), [(dg.AssetCheckSeverity.WARN, "warned"), (dg.AssetCheckSeverity.ERROR, "failed")]
)
def test_a_run_that_succeeded_is_told_where_a_check_did_not_pass(
    instance: dg.DagsterInstance,
    sensor: Sensor,
    receiver: Receiver,
    severity: dg.AssetCheckSeverity,
    verdict: str,
) -> None:
    run = run_of(instance, passed=False, severity=severity)
    assert sensor.tick() == "1 alert was sent"
    assert receiver.taken[0]["text"] == (
        f"Run succeeded, but of its checks 1 {verdict}: small, month 2025-12\n"
        f"• {verdict}: thing.is_fresh: the telemetry is old\n"
        f"Run {run}"
    )
    assert receiver.taken[0]["turbo_forecast"]["event"] == "checks_not_passed"


def test_a_check_that_says_nothing_is_told_as_well(
    instance: dg.DagsterInstance, sensor: Sensor, receiver: Receiver
) -> None:
    run_of(instance, passed=False, description=None)
    sensor.tick()
    assert receiver.taken[0]["turbo_forecast"]["checks"] == [
        {"name": "thing.is_fresh", "verdict": "warned", "description": "it did not pass"}
    ]


def test_a_blocking_check_that_fails_a_run_is_told_once_and_not_as_an_error_of_its_step_too(
    instance: dg.DagsterInstance, sensor: Sensor, receiver: Receiver
) -> None:
    run = run_of(instance, passed=False, severity=dg.AssetCheckSeverity.ERROR, blocking=True)
    assert instance.get_run_by_id(run).status == dg.DagsterRunStatus.FAILURE  # type: ignore[union-attr]
    sensor.tick()
    assert receiver.taken[0]["text"].splitlines()[:-1] == [
        "Run failed: small, month 2025-12",
        "• failed: thing.is_fresh: the telemetry is old",
    ]


def test_a_run_without_anything_wrong_is_no_news(
    instance: dg.DagsterInstance, sensor: Sensor, receiver: Receiver
) -> None:
    run_of(instance)
    assert sensor.tick() == "no run has ended since with anything to report"
    assert receiver.requests == []


def test_a_run_whose_process_is_gone_is_told_with_what_was_recorded(
    instance: dg.DagsterInstance, sensor: Sensor, receiver: Receiver
) -> None:
    made = dg.define_asset_job("lost")
    run = instance.create_run_for_job(
        dg.Definitions(assets=[dg.asset(name="a")(lambda: None)], jobs=[made]).resolve_job_def("lost"),
        tags={"dagster/will_retry": "true"},
    )
    instance.report_run_failed(run, "its process is gone: process 12 of host <b>")
    sensor.tick()
    assert receiver.taken[0]["text"].splitlines()[:2] == [
        "Run failed: lost (Dagster starts it again)",
        "• its process is gone: process 12 of host &lt;b&gt;",
    ]
    instance.report_run_failed(run, "found dead once more")
    sensor.tick()
    assert len(receiver.taken) == 1


def test_a_run_that_never_began_is_told_with_the_error_that_kept_it(
    instance: dg.DagsterInstance, sensor: Sensor, receiver: Receiver
) -> None:
    @dg.resource
    def broken(_: object) -> None:
        raise PartitionError("nothing to open")

    asset = dg.asset(name="a", required_resource_keys={"broken"})(lambda: None)
    job = dg.Definitions(assets=[asset], resources={"broken": broken}).resolve_implicit_global_asset_job_def()
    job.execute_in_process(instance=instance, raise_on_error=False)
    sensor.tick()
    heading, why, _ = receiver.taken[0]["text"].splitlines()
    assert heading == "Run failed: assets chosen by hand"
    assert "nothing to open" in why


@pytest.mark.parametrize("storage", ["instance", "stored_instance"])
def test_each_run_is_told_once_and_in_their_order(
    storage: str, request: pytest.FixtureRequest, receiver: Receiver
) -> None:
    instance = request.getfixturevalue(storage)
    sensor = Sensor(instance)
    sensor.tick()
    first = [run_of(instance, passed=False), run_of(instance, fail(ValueError("x")))]
    assert sensor.tick() == "2 alerts were sent"
    sensor.tick()
    later = [run_of(instance, fail(ValueError("x"))), run_of(instance), run_of(instance, passed=False)]
    sensor.tick()
    sensor.tick()
    assert [sent["turbo_forecast"]["run_id"] for sent in receiver.taken] == [*first, later[0], later[2]]


def test_what_happened_before_it_was_switched_on_is_not_told(instance: dg.DagsterInstance, receiver: Receiver) -> None:
    for _ in range(3):
        run_of(instance, fail(ValueError("long ago")))
    on = Sensor(instance)
    on.tick()
    on.tick()
    assert receiver.requests == []
    run_of(instance, passed=False)
    on.tick()
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("storage", ["instance", "stored_instance"])
def test_a_run_that_ended_between_switching_on_and_the_first_tick_is_told(
    storage: str, request: pytest.FixtureRequest, receiver: Receiver
) -> None:
    instance = request.getfixturevalue(storage)
    old = run_of(instance, fail(ValueError("long ago")))
    ended = instance.get_run_record_by_id(old).end_time  # type: ignore[union-attr]
    assert ended is not None
    on = Sensor(instance, started=ended + 1e-4)
    new = run_of(instance, passed=False)
    on.tick()
    on.tick()
    assert [sent["turbo_forecast"]["run_id"] for sent in receiver.taken] == [new]


def test_what_happened_while_it_was_switched_off_is_not_told(
    instance: dg.DagsterInstance, sensor: Sensor, receiver: Receiver
) -> None:
    missed = run_of(instance, fail(ValueError("nobody wanted to know")))
    ended = instance.get_run_record_by_id(missed).end_time  # type: ignore[union-attr]
    assert ended is not None
    sensor.started = ended + 1e-4
    new = run_of(instance, fail(ValueError("x")))
    sensor.tick()
    assert [sent["turbo_forecast"]["run_id"] for sent in receiver.taken] == [new]


@pytest.mark.parametrize("cursor", ["", "garbage", "{}", "[1]", '{"PIPELINE_FAILURE": "x"}'])
def test_a_cursor_that_a_person_has_spoilt_begins_anew(
    instance: dg.DagsterInstance, receiver: Receiver, cursor: str
) -> None:
    run_of(instance, fail(ValueError("long ago")))
    on = Sensor(instance)
    on.cursor = cursor  # type: ignore[assignment]
    assert on.tick() == "alerts begin with the next run that ends"
    assert receiver.requests == []


@pytest.mark.parametrize("status", [500, 404, 302])
def test_an_alert_that_was_not_taken_is_sent_again(
    instance: dg.DagsterInstance, sensor: Sensor, receiver: Receiver, status: int
) -> None:
    run = run_of(instance, passed=False)
    receiver.statuses = [status, status, 200]
    for _ in range(2):
        with pytest.raises(WebhookError, match=f"has not taken an alert: it answered {status}"):
            sensor.tick()
    assert sensor.tick() == "1 alert was sent"
    sensor.tick()
    assert [sent["turbo_forecast"]["run_id"] for sent in receiver.taken] == [run]


def test_alerts_that_were_taken_before_one_was_not_are_not_sent_again(
    instance: dg.DagsterInstance, sensor: Sensor, receiver: Receiver
) -> None:
    runs = [run_of(instance, passed=False), run_of(instance, fail(ValueError("x"))), run_of(instance, passed=False)]
    receiver.statuses = [200, 503, 503, 200]
    assert sensor.tick() == (
        "1 alert was sent; the next was not taken, and is sent again: it answered 503 Service Unavailable"
    )
    with pytest.raises(WebhookError):
        sensor.tick()
    sensor.tick()
    assert [sent["turbo_forecast"]["run_id"] for sent in receiver.taken] == runs


def test_more_alerts_than_a_tick_sends_are_sent_by_the_next_ones(
    instance: dg.DagsterInstance, sensor: Sensor, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerting, "SENT_A_TICK", 2)
    monkeypatch.setattr(alerting, "LOOKED_AT", 3)
    bad = [run_of(instance, fail(ValueError("x"))) for _ in range(4)]
    for _ in range(4):
        run_of(instance)
    bad.append(run_of(instance, passed=False))
    assert [sensor.tick()[:2] for _ in range(5)] == ["2 ", "2 ", "no", "1 ", "no"]
    assert [sent["turbo_forecast"]["run_id"] for sent in receiver.taken] == bad


def test_a_slow_receiver_holds_a_tick_up_no_longer_than_one_message_may_take(
    instance: dg.DagsterInstance, sensor: Sensor, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "PATIENCE_SECONDS", 0.3)
    run_of(instance, passed=False)
    run_of(instance, passed=False)
    receiver.drips = 0.1
    with pytest.raises(WebhookError, match="it did not answer within"):
        sensor.tick()
    receiver.drips = 0
    assert sensor.tick() == "2 alerts were sent"


def test_a_tick_whose_time_is_up_leaves_the_others_to_the_next(
    instance: dg.DagsterInstance, sensor: Sensor, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [run_of(instance, passed=False) for _ in range(2)]
    monkeypatch.setattr(alerting, "SECONDS_A_TICK", -1.0)
    sensor.tick()
    assert receiver.requests == []
    monkeypatch.setattr(alerting, "SECONDS_A_TICK", 30.0)
    sensor.tick()
    assert [sent["turbo_forecast"]["run_id"] for sent in receiver.taken] == runs


def test_without_an_address_the_tick_says_which_variable_to_set_and_nothing_is_lost(
    instance: dg.DagsterInstance, sensor: Sensor, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(instance, passed=False)
    before = sensor.cursor
    monkeypatch.setenv(WEBHOOK, " ")
    assert "TURBO_FORECAST_WEBHOOK is not set" in sensor.tick()
    sensor.cursor = sensor.cursor or before  # the daemon keeps the cursor where a tick gives none
    monkeypatch.setenv(WEBHOOK, receiver.address)
    sensor.tick()
    assert [sent["turbo_forecast"]["run_id"] for sent in receiver.taken] == [run]


@pytest.mark.parametrize(
    "address", [f"file:///tmp/{SECRET}", f"hooks.example/{SECRET}", f"http://127.0.0.1:1/{SECRET}"]
)
def test_nothing_that_goes_wrong_tells_the_address(
    instance: dg.DagsterInstance,
    sensor: Sensor,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(WEBHOOK, address)
    run_of(instance, passed=False)
    with pytest.raises(WebhookError) as raised:
        sensor.tick()
    shown = "".join(traceback.format_exception(raised.value))
    assert "TURBO_FORECAST_WEBHOOK" in shown
    assert SECRET not in "".join([shown, caplog.text, *capfd.readouterr()])


def test_a_deleted_run_is_passed_over(instance: dg.DagsterInstance, sensor: Sensor, receiver: Receiver) -> None:
    gone = run_of(instance, fail(ValueError("x")))
    kept = run_of(instance, fail(ValueError("x")))
    ended = alerting.ended_runs(instance, dict.fromkeys((end.value for end in alerting.ENDS), -1), None)
    assert [record.run_id for record in ended] == [gone, kept]
    instance.delete_run(gone)
    assert alerting.alert_of(instance, ended[0]) is None
    sensor.tick()
    assert [sent["turbo_forecast"]["run_id"] for sent in receiver.taken] == [kept]


def test_what_hosts_and_files_are_called_is_shown_on_one_short_line(
    instance: dg.DagsterInstance, sensor: Sensor, receiver: Receiver
) -> None:
    name = "<!channel>\n" + "x" * 5000 + " https://bucket.example/a?signature=abc"
    run_of(instance, fail(PartitionError(f"host https://u:p@s.example/f?key=abc {name}")))
    run_of(instance, passed=False, description=f"{'y' * 300}\u202e\x1b[31m{'z' * 300}")
    sensor.tick()
    for sent in receiver.taken:
        assert "<" not in sent["text"]
        assert len(sent["text"]) < 700
        assert "abc" not in str(sent)
        assert sent["text"].isprintable() or set(filter(lambda char: not char.isprintable(), sent["text"])) == {"\n"}


@pytest.mark.xdist_group("definitions")
def test_a_months_run_is_told_with_what_its_checks_warned_of(
    month: tuple[Place, dg.ExecuteInProcessResult], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, result = month
    everything = dict.fromkeys((end.value for end in alerting.ENDS), -1)
    (run,) = (r for r in alerting.ended_runs(place.instance, everything, None) if r.run_id == result.run_id)
    monkeypatch.setattr(alerting, "SENT_A_TICK", 1)
    on = Sensor(place.instance)
    on.cursor = json.dumps({**alerting.newest(place.instance), "PIPELINE_SUCCESS": run.storage_id - 1})
    on.tick()
    (sent,) = receiver.taken  # the telemetry ends with 2025
    assert sent["text"].startswith("Run succeeded, but of its checks 1 warned: monthly_forecast, month 2025-12\n")
    assert "• warned: base_table.telemetry_is_fresh: the telemetry ends on 2025-12-31, " in sent["text"]


@pytest.mark.xdist_group("definitions")
def test_a_month_that_cannot_be_made_and_checks_alone_are_told(
    place: Place, telemetry: Path, receiver: Receiver
) -> None:
    on = Sensor(place.instance)
    on.tick()
    job = place.definitions(telemetry).resolve_job_def("monthly_forecast")
    later = MONTH.replace("2025-12", "2026-03")
    assert not job.execute_in_process(instance=place.instance, partition_key=later, raise_on_error=False).success
    checks = place.definitions(telemetry).resolve_job_def("latest_month_check")
    assert checks.execute_in_process(instance=place.instance).success
    on.tick()
    failed, checked = (sent["turbo_forecast"] for sent in receiver.taken)
    assert (failed["event"], failed["job"], failed["month"]) == ("run_failed", "monthly_forecast", "2026-03")
    assert [each["step"] for each in failed["failed_steps"]] == ["base_table"]
    assert failed["failed_steps"][0]["reason"].startswith(
        "month 2026-03 is not complete: the telemetry ends on 2025-12"
    )
    assert (checked["event"], checked["job"], checked["month"]) == ("checks_not_passed", "latest_month_check", None)
    assert checked["checks"][0]["name"] == "forecast_parquet.latest_month_is_published"
    assert checked["checks"][0]["description"].startswith("the month due is ")
