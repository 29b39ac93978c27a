"""The sentence of a check: what is wrong, of how many, and what to do; nothing that a newcomer must guess."""

import polars as pl
import pytest

from turbo_forecast.defs.checks.expectations import Expectation, Validation
from turbo_forecast.defs.checks.wording import describe

RULE = Expectation("rule", "every host has a name", items="hosts", remedy="Name it")
NONE = pl.DataFrame(schema={"host_id": pl.String})


def wrong(*hosts: str | None) -> pl.DataFrame:
    return pl.DataFrame({"host_id": hosts, "n": 2}, schema={"host_id": pl.String, "n": pl.Int64})


def test_a_rule_that_holds_says_of_how_many() -> None:
    assert describe(RULE, Validation(1234, NONE)) == "every host has a name: true of 1,234 of 1,234 hosts"


def test_a_rule_that_nothing_was_there_for_does_not_read_as_kept() -> None:
    assert describe(RULE, Validation(0, NONE)) == ("there were no hosts to check; the rule is: every host has a name")


def test_a_broken_rule_says_how_often_where_first_and_what_to_do() -> None:
    assert describe(RULE, Validation(9, wrong("a", "b"))) == (
        "2 of 9 hosts break this rule: every host has a name; the first: host_id a, n 2. Name it."
    )
    assert describe(RULE, Validation(9, wrong(None))).startswith("1 of 9 hosts breaks this rule: ")
    assert "host_id none, n 2" in describe(RULE, Validation(9, wrong(None)))


def test_more_failing_rows_than_items_are_no_share() -> None:
    validation = Validation(1, wrong("a", "b", "c"))
    assert validation.passing == 0
    assert describe(RULE, validation).startswith("3 (not 1) hosts break this rule")


@pytest.mark.parametrize("name", ["x" * 400, "two\nlines", "tab\there"])
def test_whatever_a_host_is_called_the_sentence_is_one_short_line(name: str) -> None:
    told = describe(RULE, Validation(9, wrong(name)))
    assert "\n" not in told
    assert "\t" not in told
    assert len(told) < 200


def test_a_number_of_the_first_failing_row_has_the_digits_that_a_person_would_write() -> None:
    told = describe(RULE, Validation(9, pl.DataFrame({"host_id": ["a"], "y": [0.1 + 0.2], "bias": [-1e-12]})))
    assert "the first: host_id a, y 0.3, bias 0. " in told
