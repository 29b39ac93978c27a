"""Months as people write them, and from which one on there are partitions."""

from datetime import date
from pathlib import Path

import pytest

from turbo_forecast.errors import PartitionError, SettingsError
from turbo_forecast.month_keys import first_month, include_month, last_over, months_asked, months_to_land, shifted
from turbo_forecast.settings.environment import FIRST_MONTH

TODAY = date(2026, 2, 1)


@pytest.mark.parametrize(
    ("months", "keys"),
    [
        ("2025-12", ["2025-12"]),
        ("2025-12-01", ["2025-12"]),
        (" 2025-12 ", ["2025-12"]),
        ("2025-11..2026-01", ["2025-11", "2025-12", "2026-01"]),
        ("2025-11-01 .. 2025-12", ["2025-11", "2025-12"]),
        ("2025-12..2025-12", ["2025-12"]),
        ("2013-08", ["2013-08"]),
    ],
)
def test_months_and_ranges_become_keys(months: str, keys: list[str]) -> None:
    assert months_asked(months, TODAY) == keys


@pytest.mark.parametrize(
    "text",
    ["2026-02", "2026-13", "2025-00", "12-2025", "2025-12-31", "2025", "", "..", "2025-11..", "1969-12", "٢٠٢٥-12"],
)
def test_what_is_no_month_that_is_over_is_refused_and_the_last_one_named(text: str) -> None:
    with pytest.raises(PartitionError, match="from 1970-01 to 2026-01, the last one that is over"):
        months_asked(text, TODAY)


@pytest.mark.parametrize("text", ["2025-12..2025-11", "2025-10..2025-11..2025-12"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(PartitionError, match="are no range"):
        months_asked(text, TODAY)


@pytest.mark.parametrize(
    ("months", "key"), [(0, "2026-01"), (1, "2026-02"), (-1, "2025-12"), (-13, "2024-12"), (12, "2027-01")]
)
def test_months_are_counted_over_the_turn_of_the_year(months: int, key: str) -> None:
    assert shifted("2026-01", months) == key


def test_a_month_is_over_on_the_first_day_of_the_next() -> None:
    assert [last_over(date(2026, 1, 31)), last_over(date(2026, 2, 1))] == ["2025-12", "2026-01"]


def test_without_being_asked_there_are_as_many_months_as_a_run_looks_back_on(tmp_path: Path) -> None:
    assert first_month("", "", tmp_path / "nowhere", TODAY) == "2023-02"


def test_a_month_that_is_stored_always_has_a_partition(tmp_path: Path) -> None:
    touched(tmp_path, "forecast_parquet/2019-05.parquet", "fleet_forecast/2018-13.parquet", "other/1999-01.csv")
    assert first_month("", "", tmp_path, TODAY) == "2019-05"
    assert first_month("", "2024-01", tmp_path, TODAY) == "2024-01", "what is configured is meant"


def test_a_month_of_a_former_name_has_a_partition_and_telemetry_by_month_has_none(tmp_path: Path) -> None:
    touched(tmp_path, "forecast_parquet/2019-05-01.parquet", "fold_forecast/2018-05-02.parquet")
    touched(tmp_path, "telemetry/2011-03.parquet", "telemetry/2011-03-01.parquet")
    assert first_month("", "", tmp_path, TODAY) == "2019-05"


def touched(data: Path, *names: str) -> None:
    for name in names:
        (data / name).parent.mkdir(exist_ok=True)
        (data / name).touch()


def test_the_environment_goes_before_the_settings_file(tmp_path: Path) -> None:
    assert first_month("2021-07", "2024-01", tmp_path, TODAY) == "2021-07"
    for wrong in ("2021", "2026-02", "July"):
        with pytest.raises(SettingsError, match=FIRST_MONTH):
            first_month(wrong, "", tmp_path, TODAY)


@pytest.mark.parametrize("wrong", ["2026-02", "2030-12"])
def test_a_first_month_of_the_settings_file_that_is_not_over_is_refused(wrong: str, tmp_path: Path) -> None:
    """There would be no partition at all."""
    with pytest.raises(SettingsError, match=f"first_month must be a month .* to 2026-01, .* not '{wrong}'"):
        first_month("", wrong, tmp_path, TODAY)


def test_an_early_month_that_is_asked_for_is_named_the_first_and_a_late_one_changes_nothing(tmp_path: Path) -> None:
    assert include_month(last_over(), "", "", tmp_path) == ""
    assert first_month("", "", tmp_path) == shifted(last_over(), -35)
    assert include_month("2013-08", "", "", tmp_path) == "2013-08"
    assert first_month("2013-08", "", tmp_path) == "2013-08"


@pytest.mark.parametrize(("named", "configured"), [("2025-10", ""), ("", "2025-10"), ("2025-10", "2013-01")])
def test_a_month_before_the_first_one_that_is_stated_is_refused_and_the_statement_named(
    named: str, configured: str, tmp_path: Path
) -> None:
    assert include_month("2025-10", named, configured, tmp_path) == named
    with pytest.raises(PartitionError, match=f"{FIRST_MONTH if named else 'deployment.first_month'} is 2025-10$"):
        include_month("2025-09", named, configured, tmp_path)
    assert first_month(named, configured, tmp_path) == "2025-10"


def test_the_running_month_can_be_landed_and_no_later_one() -> None:
    assert months_to_land("2025-11..2026-01", date(2026, 1, 10)) == ["2025-11", "2025-12", "2026-01"]
    with pytest.raises(PartitionError, match="month '2026-02' cannot be landed: .* to 2026-01, the one that runs"):
        months_to_land("2026-02", date(2026, 1, 10))
