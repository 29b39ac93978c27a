"""What earlier months said and how it turned out: by hand from the made-up lines, and as the product's own judgement has it."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from turbo_forecast.answers.earlier import Earlier, Result, earlier_answers
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast.storage.statement_outcomes import statements_since
from turbo_forecast.windows import cutoff_of
from turbo_forecast_tests.published_months import FLEET_OF, QUOTED, RACK, publish_fleet

CUTOFF = date(2025, 12, 31)


@dataclass(frozen=True)
class ShortForecasts(Published):
    """The same months, as if each had been forecast for one month."""

    def earlier(self, month: PublishedMonth, most: int | None = None) -> list[PublishedMonth]:
        found = super().earlier(month, most)
        return [
            PublishedMonth(
                each.folder,
                each.manifest.model_copy(update={"forecast": each.manifest.forecast | {"horizon_months": 1}}),
            )
            for each in found
        ]


def told(
    published: Published, name: str, resource: str, *, key: str = "2025-12", kind: str = "series", most: int | None = 6
) -> Earlier:
    month = published.month(key)
    return earlier_answers(published, month, name, kind, [resource], most)[resource]  # type: ignore[arg-type]


def about(earlier: Earlier, threshold: float) -> pl.DataFrame:
    return earlier.statements.filter(pl.col("threshold") == threshold)


def test_forecasts_are_judged_on_the_days_observed_since(published_fleet: Path) -> None:
    found = told(Published(published_fleet), "web-1", "cpu").forecasts
    assert found.select("month", "days").rows() == [("2025-11", 31), ("2025-10", 61)]
    assert found["mae"].to_list() == pytest.approx([0.5, 0.5], abs=1e-4)
    assert found["bias"].to_list() == pytest.approx([0.5, 0.5], abs=1e-4)
    assert found["inside"].to_list() == [1.0, 1.0]
    assert found["text"][0] == (
        "2025-11: its forecast was off by 0.5 points on average (0.5 too high on average) over 31 days, and 100 % of them lay inside "
        "the 80 % interval."
    )


def test_nothing_after_the_months_cutoff_is_known(published_fleet: Path) -> None:
    earlier = told(Published(published_fleet), QUOTED, "cpu", key="2025-11")
    assert earlier.forecasts.select("month", "days").rows() == [("2025-10", 30)]
    assert about(earlier, 90.0).select("result", "reached").rows() == [(Result.OPEN, None)]  # reached in December


def test_a_threshold_is_reached_on_the_first_day_whose_seven_day_mean_is_at_it(published_fleet: Path) -> None:
    """91.5 on 31 December and 0.1 a day: the mean of seven days is 0.3 below the day's value, so it is 90 on the 19th."""
    rows = about(told(Published(published_fleet), QUOTED, "cpu"), 90.0)
    assert rows.select("month", "reached", "result").rows() == [
        ("2025-11", date(2025, 12, 19), "reached"),
        ("2025-10", date(2025, 12, 19), "reached"),
    ]
    assert rows["text"][0] == "2025-11: 73 % to reach 90 % by 2025-12-30, likely on 2025-12-20; reached on 2025-12-19."
    # of October's statement the 30 days have passed, and it happened within the 91
    assert rows["until"].to_list() == [date(2025, 12, 30), date(2026, 1, 30)]


def test_what_was_over_is_over_and_what_may_still_come_is_open(published_fleet: Path) -> None:
    earlier = told(Published(published_fleet), "web-1", "cpu")
    assert about(earlier, 70.0)["text"][0] == "2025-11: it was over 70 % already, at 76.6 %."
    assert set(about(earlier, 70.0)["result"]) == {"over"}
    still = about(earlier, 90.0).row(0, named=True)
    assert still["text"] == (
        "2025-11: 3 % to reach 90 % by 2025-12-30, likely on 2026-05-27; not reached up to 2025-12-31, open until 2026-05-31."
    )


def test_what_was_not_reached_while_its_days_lasted_is_not_reached(published_fleet: Path) -> None:
    rows = about(told(ShortForecasts(published_fleet), QUOTED, "cpu"), 95.0)
    assert rows.select("month", "result", "reached").rows() == [
        ("2025-11", "not reached", None),
        ("2025-10", "not reached", None),
    ]
    assert rows["text"][1].endswith("; not reached.")
    # what it reached later than the forecast reached was not within its days
    assert about(told(ShortForecasts(published_fleet), QUOTED, "cpu"), 90.0)["result"].to_list() == [
        "reached",
        "not reached",
    ]


def test_who_was_silent_for_most_of_the_days_is_not_said_to_have_stayed_low(published_fleet: Path) -> None:
    rows = about(told(ShortForecasts(published_fleet), "dark", "cpu"), 95.0)
    assert set(rows["result"]) == {"unknown"}
    assert rows["text"][0].endswith("; too few days were observed since to tell.")
    assert set(about(told(Published(published_fleet), "dark", "cpu"), 95.0)["result"]) == {"open"}


def test_a_host_that_earlier_months_did_not_have_and_one_without_a_forecast_have_nothing(published_fleet: Path) -> None:
    for name in ("new", "retired", "broken"):
        earlier = told(Published(published_fleet), name, "cpu")
        assert (len(earlier.forecasts), len(earlier.statements), len(earlier.lines)) == (0, 0, 0)


def test_the_first_month_has_no_earlier_ones(tmp_path: Path) -> None:
    earlier = told(publish_fleet(tmp_path, ["2025-12"]), "web-1", "cpu")
    assert (len(earlier.forecasts), len(earlier.statements), len(earlier.lines)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("most", "months"), [(1, ["2025-11"]), (None, ["2025-11", "2025-10"]), (6, ["2025-11", "2025-10"])]
)
def test_the_latest_so_many_months_are_told_or_all_of_them(
    published_fleet: Path, most: int | None, months: list[str]
) -> None:
    earlier = told(Published(published_fleet), "web-1", "cpu", most=most)
    assert earlier.forecasts["month"].to_list() == months
    assert earlier.lines["cutoff"].unique().sort(descending=True).to_list() == [cutoff_of(key) for key in months]


def test_the_lines_are_the_forecasts_as_they_were(published_fleet: Path) -> None:
    published = Published(published_fleet)
    lines = told(published, "web-1", "memory").lines.filter(pl.col("cutoff") == date(2025, 10, 31))
    assert lines["ds"].min() == date(2025, 11, 1)
    assert lines["ds"].max() == date(2026, 4, 30)
    assert lines.filter(pl.col("ds") == CUTOFF)["yhat"].item() == pytest.approx(50.5, abs=1e-4)


JUDGED = [
    ("series", each.host, each.resource, key)
    for key in ("2025-11", "2025-12")
    for each in FLEET_OF
    if each.is_in(key) and each.is_in("2025-11")
]


@pytest.mark.parametrize(("kind", "name", "resource", "key"), [*JUDGED, ("group", RACK, "cpu", "2025-12")])
def test_each_statement_became_what_all_statements_together_are_judged_by(
    published_fleet: Path, kind: str, name: str, resource: str, key: str
) -> None:
    published = Published(published_fleet)
    with duckdb.connect(str(published_fleet / "warehouse.duckdb"), read_only=True) as con:
        settled = [each.cutoff for each in published.months()]
        judged = statements_since(con, cutoff_of(key), settled, 6).filter(kind=kind, host_id=name, resource=resource)
    own = told(published, name, resource, key=key, kind=kind).statements
    both = judged.join(own, on=["cutoff", "threshold"], suffix="_own", how="left")
    assert len(both) == len(judged)
    end = pl.col("cutoff") + pl.duration(days=pl.col("horizon_days"))
    happened = (pl.col("reached") <= end).fill_null(False).cast(pl.Int32)
    is_over = pl.col("result") == Result.OVER
    assert both.filter(~is_over & (happened != pl.col("happened"))).is_empty()
    reached = both.filter(~is_over, pl.col("happened") == 1)
    assert reached["actual"].to_list() == reached["reached"].to_list()


def test_the_fleet_has_statements_of_either_kind_to_be_judged(published_fleet: Path) -> None:
    """Else the comparison above would compare nothing."""
    with duckdb.connect(str(published_fleet / "warehouse.duckdb"), read_only=True) as con:
        judged = statements_since(con, CUTOFF, [cutoff_of(key) for key in ("2025-10", "2025-11")], 6)
    assert set(judged["kind"]) == {"series", "group"}
    below = judged.filter(pl.col("level") < pl.col("threshold"))
    assert set(below["happened"]) == {0, 1}
