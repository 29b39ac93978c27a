"""The sentence of a check: what is wrong, of how many, and what to do; nothing that a newcomer must guess."""

from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from turbo_forecast.defs.checks.judging import PASSED_BY_MONTH, Property, Verdict, days_ago, description, tell
from turbo_forecast.defs.resources import DataFolder

RULE = Property("rule", "every host has a name", "", "", items="hosts", remedy="Name it")
NONE = pl.DataFrame(schema={"host_id": pl.String})


def wrong(*hosts: str | None) -> pl.DataFrame:
    return pl.DataFrame({"host_id": hosts, "n": 2}, schema={"host_id": pl.String, "n": pl.Int64})


def test_a_rule_that_holds_says_of_how_many() -> None:
    assert description(RULE, {None: Verdict(1234, NONE)}) == "every host has a name: true of 1,234 of 1,234 hosts"


def test_a_rule_that_nothing_was_there_for_does_not_read_as_kept() -> None:
    assert description(RULE, {None: Verdict(0, NONE)}) == (
        "there were no hosts to check; the rule is: every host has a name"
    )


def test_a_broken_rule_says_how_often_where_first_and_what_to_do() -> None:
    assert description(RULE, {"2025-12-01": Verdict(9, wrong("a", "b"))}) == (
        "2 of 9 hosts break this rule: every host has a name; the first: host_id a, n 2. Name it."
    )
    assert description(RULE, {None: Verdict(9, wrong(None))}).startswith("1 of 9 hosts breaks this rule: ")
    assert "host_id none, n 2" in description(RULE, {None: Verdict(9, wrong(None))})


def test_more_offenders_than_items_are_no_share() -> None:
    verdict = Verdict(1, wrong("a", "b", "c"))
    assert verdict.got == 0
    assert description(RULE, {None: verdict}).startswith("3 (not 1) hosts break this rule")


@pytest.mark.parametrize("name", ["x" * 400, "two\nlines", "tab\there"])
def test_whatever_a_host_is_called_the_sentence_is_one_short_line(name: str) -> None:
    told = description(RULE, {None: Verdict(9, wrong(name))})
    assert "\n" not in told
    assert "\t" not in told
    assert len(told) < 200


def test_of_a_range_only_the_months_that_fail_are_told_and_the_others_counted() -> None:
    good, bad = Verdict(5, NONE), Verdict(5, wrong("a"))
    told = description(RULE, {"2025-10-01": good, "2025-11-01": bad, "2025-12-01": good})
    assert told == "2025-11: 1 of 5 hosts breaks this rule: every host has a name; the first: host_id a, n 2. Name it."
    many = description(RULE, {f"2025-{month:02}-01": bad for month in range(1, 13)})
    assert [f"2025-{month:02}: 1 of 5" in many for month in (1, 2, 3, 4)] == [True, True, True, False]
    assert "9 more of the 12 months fail. Name it." in many
    fine = description(RULE, {f"2025-{month:02}-01": good for month in range(1, 6)})
    assert fine.endswith("2 more of the 5 months pass")
    assert "Name it" not in fine


def test_of_a_range_it_is_recorded_which_months_passed_and_each_months_figures(tmp_path: Path) -> None:
    folder = DataFolder(path=str(tmp_path))
    verdicts: dict[str | None, Verdict] = {
        "2025-11-01": Verdict(5, NONE, {"share": 0.5}),
        "2025-12-01": Verdict(5, wrong("a"), {"share": None}),
    }
    result = tell(RULE, "asset", verdicts, folder)
    assert not result.passed
    by_month = result.metadata[PASSED_BY_MONTH]
    assert isinstance(by_month, dg.JsonMetadataValue)
    assert by_month.value == {"2025-11-01": True, "2025-12-01": False}
    assert (result.metadata["share 2025-11-01"].value, result.metadata["share 2025-12-01"].value) == (0.5, "none")
    assert (result.metadata["expected"].value, result.metadata["got"].value) == (10, 9)
    assert result.metadata["counted"].value == "hosts"


@pytest.mark.parametrize(
    ("days", "words"), [(0, "today"), (1, "1 day ago"), (330, "330 days ago"), (-1, "in the future")]
)
def test_days_are_counted_back_from_today(days: int, words: str) -> None:
    assert days_ago(days) == words
