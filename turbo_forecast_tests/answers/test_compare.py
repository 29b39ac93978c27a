"""What moved between two months, against what the published fleet's own rule says, and of months made to differ."""

from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from turbo_forecast.answers.compare import JUMP_DAYS, Comparison, comparison, months_to_compare
from turbo_forecast.errors import SettingsError, StorageError
from turbo_forecast.schemas import CAPACITY_OUTLOOK
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.storage.published.writing import publish_month
from turbo_forecast.windows import cutoff_of
from turbo_forecast_tests.published_months import FLEET_OF as FLEET
from turbo_forecast_tests.published_months import (
    MARKUP,
    QUOTED,
    RACK,
    SPARE,
    publication,
    publish_fleet,
    statement,
    with_thresholds,
)

NOVEMBER, DECEMBER = "2025-11", "2025-12"


def changed(data: Path, month: str, *statements: str) -> None:
    """Change the warehouse's month by SQL, and publish it again."""
    with duckdb.connect(str(data / "warehouse.duckdb")) as con:
        for each in statements:
            con.execute(each, {"cutoff": cutoff_of(month)} if "$cutoff" in each else None)
        publish_month(con, publication(data, month))


def said_of(data: Path, host: str, **columns: object) -> None:
    """Let December's baseline say this of a host's cpu and 90 %, and its dates be what is given."""
    sets = ", ".join(f"{name} = {'NULL' if value is None else repr(str(value))}" for name, value in columns.items())
    where = "cutoff = $cutoff AND host_id = '{}' AND resource = 'cpu' AND threshold = 90".format(
        host.replace("'", "''")
    )
    changed(data, DECEMBER, f"UPDATE capacity_outlook SET {sets} WHERE {where}")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """November and December, to be changed."""
    return publish_fleet(tmp_path, [NOVEMBER, DECEMBER]).data


def compared(data: Path) -> Comparison:
    published = Published(data)
    return comparison(published.month(NOVEMBER), published.month(DECEMBER))


def names(rows: pl.DataFrame) -> list[str]:
    return rows["host_id"].to_list()


def test_states_dates_champions_and_series_that_moved_are_those_of_which_the_fleet_says_so(
    published_fleet: Path,
) -> None:
    """By hand, from `published_months.statement`: each series' state and likely day in both months."""
    published = Published(published_fleet)
    found = comparison(published.month(NOVEMBER), published.month(DECEMBER))
    both = [each for each in FLEET if each.is_published and each.is_in(NOVEMBER) and each.is_in(DECEMBER)]
    before, now = ({e.host + e.resource: statement(e, m, 90.0) for e in both} for m in (NOVEMBER, DECEMBER))
    moved = {key for key in now if now[key]["state"] != before[key]["state"]}
    assert {row["host_id"] + row["resource"] for row in found.states.iter_rows(named=True)} == moved | {"newcpu"}
    assert names(found.breaches) == [QUOTED, "new"]
    assert names(found.better) == [MARKUP]
    expected = {
        key: (now[key]["likely"] - before[key]["likely"]).days
        for key in now
        if now[key]["state"] == before[key]["state"] == "expected"
    }
    jumped = {key: days for key, days in expected.items() if abs(days) >= JUMP_DAYS}
    assert jumped
    assert dict(found.dates.select(pl.col("host_id") + pl.col("resource"), "days").iter_rows()) == jumped
    assert found.champions.select("host_id", "resource", "model_before", "model").rows() == [
        ("web-1", "cpu", "weighted", "prophet")
    ]
    assert found.series.select("host_id", "what", "before", "now").rows() == [
        ("gone", "gone", "forecast", None),
        ("new", "new", None, "fallback"),
    ]
    assert found.remarks == ()
    assert not found.is_empty


def test_the_order_of_months_does_not_matter_and_one_month_is_not_compared_with_itself(published_fleet: Path) -> None:
    published = Published(published_fleet)
    november, december = published.month(NOVEMBER), published.month(DECEMBER)
    one, other = comparison(november, december), comparison(december, november)
    assert (one.earlier.key, one.later.key) == (other.earlier.key, other.later.key) == (NOVEMBER, DECEMBER)
    assert one.states.equals(other.states)
    with pytest.raises(SettingsError, match="month 2025-12 is not compared with itself"):
        comparison(december, december)


def test_months_are_found_by_two_names_by_one_or_by_none(published_fleet: Path) -> None:
    published = Published(published_fleet)

    def keys(*named: str) -> tuple[str, ...]:
        return tuple(month.key for month in months_to_compare(published, named))

    assert keys() == (NOVEMBER, DECEMBER)
    assert keys(NOVEMBER) == ("2025-10", NOVEMBER)
    assert keys(DECEMBER, "2025-10") == ("2025-10", DECEMBER)
    with pytest.raises(StorageError, match="no month before 2025-10 is published"):
        keys("2025-10")
    with pytest.raises(SettingsError, match="two months are compared, not 3"):
        keys("2025-10", NOVEMBER, DECEMBER)
    with pytest.raises(SettingsError, match="not compared with itself"):
        keys(NOVEMBER, NOVEMBER)


def test_a_day_that_should_have_come_is_counted_from_the_first_day_that_it_still_can(data: Path) -> None:
    """In November, the likely day of QUOTED was 2025-12-20; on 2025-12-31 it cannot be before the first of January."""
    said_of(data, QUOTED, state="expected", likely=date(2026, 1, 14))
    assert QUOTED not in names(compared(data).dates)
    said_of(data, QUOTED, state="expected", likely=date(2026, 1, 15))
    (row,) = compared(data).dates.filter(pl.col("host_id") == QUOTED).iter_rows(named=True)
    assert (row["likely_before"], row["likely"], row["days"]) == (date(2025, 12, 20), date(2026, 1, 15), JUMP_DAYS)


@pytest.mark.parametrize(("moved", "jumps"), [(-14, True), (-13, False), (0, False), (13, False), (14, True)])
def test_a_date_has_jumped_from_two_weeks_on(moved: int, jumps: bool, data: Path) -> None:
    november = date(2026, 5, 27)
    said_of(data, "web-1", likely=november + timedelta(days=moved))
    assert ("web-1" in names(compared(data).dates)) == jumps


def test_what_comes_earlier_is_named_before_what_comes_later_and_the_farthest_first(data: Path) -> None:
    for host, day in (("web-1", date(2026, 6, 30)), ("dark", date(2026, 1, 20)), (MARKUP, date(2026, 1, 1))):
        said_of(data, host, state="expected", likely=day)
    assert names(compared(data).dates) == ["dark", MARKUP, "web-1"]


def test_what_is_expected_only_where_the_forecast_reaches_further_is_no_breach(data: Path) -> None:
    """November's forecast ends on 2026-05-31, December's on 2026-06-30. FORMULA was unlikely in November."""
    host = '=HYPERLINK("http://x")'
    said_of(data, host, state="expected", early=date(2026, 4, 1), likely=date(2026, 6, 1))
    found = compared(data)
    assert host not in names(found.breaches)
    assert found.states.filter(pl.col("host_id") == host)["further"].to_list() == [True]
    said_of(data, host, state="expected", early=date(2026, 4, 1), likely=date(2026, 5, 31))
    assert host in names(compared(data).breaches)
    said_of(data, host, state="possible", early=date(2026, 6, 1), likely=None)
    assert host not in names(compared(data).worse)


def test_groups_that_are_new_or_gone_or_have_other_hosts_are_said(data: Path) -> None:
    group = RACK.replace("'", "''")
    changed(
        data,
        DECEMBER,
        f"DELETE FROM group_members WHERE cutoff = $cutoff AND group_name = '{group}' AND host_id = 'web-1'",
        f"UPDATE group_members SET group_name = 'other' WHERE cutoff = $cutoff AND group_name = '{SPARE}'",
    )
    groups = compared(data).series.filter(pl.col("kind") == "group")
    assert groups.select("host_id", "what", "before", "now").rows() == [
        (SPARE, "gone", "1 host", None),
        ("other", "new", None, "1 host"),
        (RACK, "other hosts", "2 hosts", "1 host"),
    ]


def test_other_thresholds_plans_settings_and_versions_are_said(data: Path) -> None:
    with_thresholds(data, DECEMBER, [70, 90])
    changed_plans = "INSERT INTO planned_changes BY NAME SELECT * REPLACE ('baseline' AS scenario) FROM planned_changes WHERE cutoff = $cutoff"
    assert compared(data).remarks == ("The months were asked about other things: thresholds differ.",)
    changed(data, DECEMBER, changed_plans, "UPDATE months SET config_hash = 'other' WHERE cutoff = $cutoff")
    assert compared(data).remarks == (
        "The planned changes differ (0 before, 1 now): dates have moved because of them, too.",
        "The forecasts were made with other settings.",
    )


def test_a_series_whose_threshold_is_another_is_not_compared(data: Path) -> None:
    """Of a series that has 80 % alone now, nothing can be said beside what was said of 90 %."""
    changed(
        data, DECEMBER, "DELETE FROM capacity_outlook WHERE cutoff = $cutoff AND host_id = 'web-1' AND threshold != 80"
    )
    found = compared(data)
    assert "web-1" not in [*names(found.states), *names(found.dates)]
    assert found.remarks == ("2 series or groups have another threshold than before: they are not compared.",)


def test_months_without_groups_and_with_nothing_moved_are_compared_too(tmp_path: Path) -> None:
    published = publish_fleet(tmp_path, ["2025-10", NOVEMBER], groups=False)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        columns = "* EXCLUDE (cutoff)"
        con.execute(
            f"CREATE TABLE same AS SELECT DATE '2025-11-30' AS cutoff, {columns} FROM capacity_outlook WHERE cutoff = '2025-10-31'"
        )
        con.execute("DELETE FROM capacity_outlook WHERE cutoff = '2025-11-30'")
        con.execute("INSERT INTO capacity_outlook BY NAME SELECT * FROM same")
        publish_month(con, publication(tmp_path, NOVEMBER, groups=False))
    found = comparison(*months_to_compare(published))
    # what was likely before the end of November and is said again has not moved
    assert found.is_empty
    assert found.worse.is_empty()
    assert set(found.states.columns) <= {*CAPACITY_OUTLOOK.names, "state_before", "likely_before", "further"}
