"""What other plans would alter: which rows come first, what is said of what cannot be asked, and the file that keeps a scenario."""

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from turbo_forecast.answers.what_if import (
    MOST_ROWS,
    month_plans,
    month_scenarios,
    most_affected,
    require_possible,
    require_run_results,
    scenario_file,
    what_if,
)
from turbo_forecast.errors import SettingsError, StorageError
from turbo_forecast.schemas import PLANNED_CHANGES, SCENARIO_OUTLOOK
from turbo_forecast.storage.plans import plans_of_text
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast_tests.published_months import FORMULA, MARKUP, SCENARIO, publish_fleet


@pytest.fixture
def month(published_fleet: Path) -> PublishedMonth:
    return Published(published_fleet).month("2025-12")


def plans(*rows: str) -> pl.DataFrame:
    return plans_of_text("\n".join(["date,host_id,group,resource,change,factor,move_to,retire,add_hosts", *rows]))


def test_the_months_plans_are_those_of_its_file_by_scenario(month: PublishedMonth) -> None:
    assert month_scenarios(month) == [SCENARIO]
    assert month_plans(month).is_empty()
    (row,) = month_plans(month, SCENARIO).iter_rows(named=True)
    assert row == {
        "row": 1, "day": date(2026, 1, 1), "scenario": SCENARIO, "host_id": "web-1", "group": "", "resource": "cpu",
        "what": "factor", "amount": 0.5, "target": "",
    }  # fmt: skip
    with pytest.raises(SettingsError, match="scenario 'more' is not in the plans of 2025-12: there is 'more hosts'"):
        month_plans(month, "more")


def test_plans_of_an_earlier_version_are_said_to_be_unknown_and_no_plans_are_none(
    published_fleet: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(published_fleet, tmp_path / "data"))
    old = Published(data).month("2025-12")
    frame = pl.read_parquet(old.path(PLANNED_CHANGES)).drop("plan")
    frame.write_parquet(old.path(PLANNED_CHANGES))
    with pytest.raises(
        StorageError, match="with are not known, since an earlier version .* run the job monthly_outlook"
    ):
        month_plans(old)
    assert month_scenarios(old) == [SCENARIO]
    frame.clear().write_parquet(old.path(PLANNED_CHANGES))
    assert month_plans(Published(Path(shutil.copytree(data, tmp_path / "other"))).month("2025-12")).is_empty()


def test_load_that_is_added_or_taken_moves_the_odds_of_its_series_alone(month: PublishedMonth) -> None:
    more = what_if(month, plans("2026-01-15,web-1,,cpu,12,,,,"))
    assert more.compared.select("host_id", "resource", "kind").unique().rows() == [("web-1", "cpu", "series")]
    assert more.compared["threshold"].sort().to_list() == [70.0, 80.0, 90.0, 95.0]
    rose = more.compared["probability_182"] - more.compared["baseline_probability_182"]
    assert (rose >= 0).all()
    assert (rose > 0).any()
    less = what_if(month, plans("2026-01-15,web-1,,cpu,,,,yes,"))
    assert (less.compared["probability_182"] <= less.compared["baseline_probability_182"]).all()
    assert more.concerned == less.concerned == 1


def test_groups_whose_run_is_not_published_are_said_to_be_left_out(month: PublishedMonth) -> None:
    found = what_if(month, plans("2026-01-15,,rack <A> & B,,5,,,,"))
    assert [text for text in found.remarks if "Groups are left out" in text] == list(found.remarks) != []
    assert set(found.compared["kind"]) == {"series"}
    assert found.changes.filter(kind="group")["effect"].to_list() == ["applied"]


def test_what_has_no_effect_is_named_with_its_reason_once(month: PublishedMonth) -> None:
    found = what_if(month, plans("2025-01-15,web-1,,,5,,,,", "2026-01-15,retired,,cpu,5,,,,"))
    assert found.compared.is_empty()
    assert found.without_effect.rows() == [
        (1, "web-1", "*", "no effect: the day is not after the cutoff"),
        (2, "retired", "cpu", "no effect: there is no forecast of the series"),
    ]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("2026-01-15,web1,,,5,,,,", "plans: row 1, column host_id: 'web1' is not known; did you mean web-1?"),
        ("2026-01-15,,racks,,5,,,,", "plans: row 1, column group: 'racks' is not known"),
        ("2026-01-15,web-1,,disk,5,,,,", "plans: row 1, column resource: 'disk' is not known"),
    ],
)
def test_what_the_month_does_not_have_is_refused_by_row_and_column(
    month: PublishedMonth, row: str, sentence: str
) -> None:
    for ask in (what_if, require_possible):
        with pytest.raises(SettingsError) as refused:
            ask(month, plans(row))  # type: ignore[operator]
        assert str(refused.value).startswith(sentence)


def test_more_rows_than_one_writes_by_hand_are_refused(month: PublishedMonth) -> None:
    many = plans(*[f"2026-01-15,web-1,,cpu,{place % 50},,,," for place in range(MOST_ROWS + 1)])
    with pytest.raises(SettingsError, match="501 rows; at most 500"):
        what_if(month, many)


def test_a_month_without_what_its_run_has_learnt_says_so(published_fleet: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(published_fleet, tmp_path / "data"))
    month = Published(data).month("2025-11")
    require_run_results(month)
    shutil.rmtree(month.run_results.folder)
    with pytest.raises(StorageError, match="other plans cannot be answered for in 2025-11: .*rows_months"):
        what_if(month, plans("2025-12-15,web-1,,,5,,,,"))


def test_a_fleet_without_groups_is_answered_without_a_remark(tmp_path: Path) -> None:
    month = publish_fleet(tmp_path / "data", ["2025-12"], groups=False).month()
    found = what_if(month, plans("2026-01-15,web-1,,,5,,,,"))
    assert found.remarks == ()
    assert set(found.compared["resource"]) == {"cpu", "memory"}


def test_the_most_affected_come_first() -> None:
    rows = [
        ("same", 0.50, 0.40, None, None, None, "possible", "possible"),
        ("a day", 0.60, 0.60, date(2026, 2, 2), date(2026, 2, 1), 1, "expected", "expected"),
        ("forty days", 0.60, 0.61, date(2026, 2, 1), date(2026, 3, 13), -40, "expected", "expected"),
        ("new", 0.60, 0.40, date(2026, 2, 1), None, None, "expected", "possible"),
        ("gone", 0.10, 0.95, None, date(2026, 2, 1), None, "unlikely", "expected"),
    ]
    names = ["host_id", "probability_182", "baseline_probability_182", "likely", "baseline_likely", "days_gained"]
    frame = pl.DataFrame(rows, schema=[*names, "state", "baseline_state"], orient="row").with_columns(
        cutoff=pl.lit(date(2025, 12, 31)),
        scenario=pl.lit("s"),
        kind=pl.lit("series"),
        resource=pl.lit("cpu"),
        threshold=90.0,
    )
    ordered = most_affected(SCENARIO_OUTLOOK.conform(frame))
    assert ordered["host_id"].to_list() == ["gone", "new", "forty days", "a day", "same"]
    assert ordered.columns == SCENARIO_OUTLOOK.names


BASE = ["2026-02-01,a,,cpu,5,,,,", "2026-02-01,a,,cpu,5,,,,", "2026-03-01,,g,,,,,,2"]


def test_a_file_keeps_the_published_rows_and_gives_the_others_the_scenarios_name() -> None:
    published = plans(*BASE)
    both = plans(BASE[0], "2026-04-01,b,,,,,c,,", BASE[2], BASE[1], BASE[0])
    found = plans_of_text(scenario_file(both, published, " larger "))
    assert found["scenario"].to_list() == ["baseline", "larger", "baseline", "baseline", "larger"]
    assert_frame_equal(found.drop("scenario", "row"), both.drop("scenario", "row"))


@pytest.mark.parametrize("kept", [BASE[:2], [BASE[0], BASE[2]], ["2026-02-02,a,,cpu,5,,,,", *BASE[1:]], []])
def test_where_a_published_row_is_missing_every_row_is_the_scenarios(kept: list[str]) -> None:
    rows = plans(*kept, "2026-05-01,b,,,,,,yes,")
    found = plans_of_text(scenario_file(rows, plans(*BASE), "other"))
    assert found["scenario"].to_list() == ["other"] * len(rows)
    assert_frame_equal(found.drop("scenario"), rows.drop("scenario"))


@pytest.mark.parametrize("name", ["", "  ", "Baseline", "x" * 201, "two\nlines"])
def test_a_name_that_no_scenario_can_have_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="a scenario needs a name"):
        scenario_file(plans(BASE[0]), plans(), name)


@pytest.mark.parametrize(("row", "name", "column"), [(0, "=1+1", "scenario"), (1, "fine", "host_id")])
def test_text_that_a_spreadsheet_would_execute_is_no_cell_of_the_file(row: int, name: str, column: str) -> None:
    quoted = FORMULA.replace('"', '""')
    rows = plans([BASE[0], f'2026-02-01,"{quoted}",,cpu,5,,,,'][row])
    with pytest.raises(SettingsError, match=f"^{column} .* would execute as a formula"):
        scenario_file(rows, plans(), name)


def test_markup_and_negative_numbers_are_plain_text_in_the_file() -> None:
    rows = plans(f"2026-02-01,{MARKUP},,cpu,-5,,,,")
    assert scenario_file(rows, plans(), "é").splitlines()[1] == f"2026-02-01,{MARKUP},,cpu,-5,,,,,é"
