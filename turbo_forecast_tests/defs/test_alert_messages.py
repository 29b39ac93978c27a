"""The words of an alert: whatever hosts are called, Slack shows just that, and a message stays short."""

import html
import json

import pytest

from turbo_forecast.defs.alert_messages import MOST_FINDINGS, Alert, FailedStep, UnpassedCheck, message

FAILED = Alert(
    "0f1e2d3c",
    "monthly_forecast",
    "2025-12",
    failed=True,
    will_retry=False,
    steps=(FailedStep("fleet_forecast", "the telemetry ends on 2025-11-02"),),
    checks=(UnpassedCheck("base_table.telemetry_is_fresh", "warned", "24 days ago"),),
)
CHECKS = Alert(
    "0f1e2d3c",
    "monthly_checks",
    "",
    failed=False,
    will_retry=False,
    steps=(),
    checks=(
        UnpassedCheck("a.x", "failed", "no"),
        UnpassedCheck("a.y", "warned", "hm"),
        UnpassedCheck("a.z", "warned", ""),
    ),
)


def changed(alert: Alert, **changes: object) -> Alert:
    return Alert(**{**{name: getattr(alert, name) for name in Alert.__slots__}, **changes})  # type: ignore[arg-type]


def test_a_failed_run_says_which_month_which_step_why_and_which_checks() -> None:
    assert message(FAILED, "")["text"] == (
        "Run failed: monthly_forecast, month 2025-12\n"
        "• fleet_forecast: the telemetry ends on 2025-11-02\n"
        "• warned: base_table.telemetry_is_fresh: 24 days ago\n"
        "Run 0f1e2d3c"
    )


def test_a_run_that_succeeded_says_how_many_of_its_checks_did_not_pass() -> None:
    assert str(message(CHECKS, "")["text"]).splitlines()[0] == (
        "Run succeeded, but of its checks 1 failed and 2 warned: monthly_checks"
    )


def test_a_run_that_dagster_starts_again_says_so() -> None:
    assert "(Dagster starts it again)" in str(message(changed(FAILED, will_retry=True), "")["text"])


@pytest.mark.parametrize(
    ("ui", "url"),
    [
        ("https://dagster.example/", "https://dagster.example/runs/0f1e2d3c"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000/runs/0f1e2d3c"),
        ("https://user:word@dagster.example/dagit?token=x", "https://dagster.example/dagit/runs/0f1e2d3c"),
        ("", None),
        ("dagster.example", None),
    ],
)
def test_the_run_is_linked_where_the_address_of_the_ui_is_known(ui: str, url: str | None) -> None:
    sent = message(FAILED, ui)
    assert sent["turbo_forecast"]["run_url"] == url  # type: ignore[index]
    assert str(sent["text"]).splitlines()[-1] == f"Run {url or '0f1e2d3c'}"


@pytest.mark.parametrize(
    "said", ["<!channel> look", "<http://evil.example|the run>", "a & b &lt; c", "web<1>&amp;", "*bold* _it_ `code`"]
)
def test_what_a_host_is_called_is_shown_as_it_is_and_calls_nobody(said: str) -> None:
    sent = message(changed(FAILED, steps=(FailedStep("s", said),)), "")
    text = str(sent["text"])
    assert "<" not in text
    assert ">" not in text
    assert html.unescape(text).splitlines()[1] == f"• s: {said}"  # Slack's three references are HTML's
    assert sent["mrkdwn"] is False
    assert sent["turbo_forecast"]["failed_steps"] == [{"step": "s", "reason": said}]  # type: ignore[index]


def test_of_a_hundred_findings_ten_are_named_and_the_others_counted() -> None:
    many = changed(
        FAILED,
        steps=tuple(FailedStep(f"step{n}", "x") for n in range(100)),
        checks=tuple(UnpassedCheck(f"check{n}", "warned", "x") for n in range(12)),
    )
    sent = message(many, "")
    lines = str(sent["text"]).splitlines()
    assert len(lines) == 2 + 2 * (MOST_FINDINGS + 1)
    assert "• and 90 more failed steps" in lines
    assert "• and 2 more checks that did not pass" in lines
    assert sent["turbo_forecast"]["left_out"] == 92  # type: ignore[index]
    assert len(json.dumps(sent)) < 5_000
