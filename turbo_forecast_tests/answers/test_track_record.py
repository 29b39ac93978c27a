"""How often it was true: counted by hand on statements that are written here, and as SQL counts it on published ones."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from turbo_forecast.answers.statement_record import statement_record
from turbo_forecast.answers.track_record import TrackQuestion, track_record, with_counts
from turbo_forecast.errors import SettingsError
from turbo_forecast.outlook.track_record import outlook_accuracy, outlook_reliability
from turbo_forecast.schemas import (
    FORECAST_ACCURACY,
    OUTLOOK_ACCURACY,
    OUTLOOK_BACKTEST,
    OUTLOOK_OVER_TIME,
    OUTLOOK_RELIABILITY,
    TOURNAMENT_STANDINGS,
)
from turbo_forecast.storage.published.reading import Published
from turbo_forecast.tables import Table

CUTOFF = date(2025, 12, 31)
SAID = [
    # host, resource, threshold, horizon, probability, happened, point, level
    ("hit", "cpu", 90.0, 30, 0.3, 0, 0, 80.0),
    ("hit", "cpu", 90.0, 122, 0.8, 1, 0, 80.0),
    ("hit", "cpu", 70.0, 122, 0.99, 1, 1, 80.0),  # over it beforehand
    ("missed", "cpu", 90.0, 122, 0.1, 1, 0, 60.0),
    ("missed twice", "disk", 90.0, 122, 0.45, 1, 1, 60.0),
    ("false", "disk", 90.0, 122, 0.5, 0, 1, 85.0),
    ("surely false", "cpu", 90.0, 122, 0.9, 0, 1, 85.0),
    ("unknown", "cpu", 90.0, 122, 0.7, 0, 0, None),  # nothing was observed just before
    ("never", "cpu", 90.0, 122, 0.01, 0, 0, 5.0),
]


@dataclass(frozen=True)
class Frames:
    """A month of which nothing is known but these tables."""

    frames: dict[str, pl.DataFrame]
    key: str = "2025-12"

    def frame(self, table: Table) -> pl.DataFrame:
        return self.frames.get(table.name, pl.DataFrame(schema=table.polars_schema))


def month_of(rows: list[tuple[object, ...]]) -> Frames:
    names = ["host_id", "resource", "threshold", "horizon_days", "probability", "happened", "point", "level"]
    backtest = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None).with_columns(
        cutoff=pl.lit(CUTOFF), kind=pl.lit("series"), likely=pl.lit(None), actual=pl.lit(None)
    )
    backtest = OUTLOOK_BACKTEST.conform(backtest)
    made = {OUTLOOK_ACCURACY: outlook_accuracy(backtest), OUTLOOK_RELIABILITY: outlook_reliability(backtest)}
    return Frames({table.name: frame for table, frame in {OUTLOOK_BACKTEST: backtest, **made}.items()})


def test_hits_misses_and_false_alarms_are_those_that_were_below_the_threshold() -> None:
    found = track_record(month_of(SAID), TrackQuestion())  # type: ignore[arg-type]
    assert found.misses["host_id"].to_list() == ["missed", "missed twice"], "the least expected first"
    assert found.false_alarms["host_id"].to_list() == ["surely false", "false"], "the surest first"
    assert found.trust is not None
    assert (found.trust.days, found.trust.n, found.trust.likely) == (122, 6, 3)
    assert found.trust.likely_true == pytest.approx(1 / 3)
    assert found.trust.others_true == pytest.approx(2 / 3)
    assert found.trust.brier == pytest.approx((0.2**2 + 0.9**2 + 0.55**2 + 0.5**2 + 0.9**2 + 0.01**2) / 6)
    assert found.trust.base_rate_brier == pytest.approx(0.25), "three of six happened"
    assert found.trust.point_brier == pytest.approx(4 / 6)
    assert found.resources == ("cpu", "disk")


def test_everyone_is_asked_of_where_that_is_wished() -> None:
    found = track_record(month_of(SAID), TrackQuestion(population="all"))  # type: ignore[arg-type]
    assert found.false_alarms["host_id"].to_list() == ["surely false", "unknown", "false"]
    assert found.trust is not None
    assert found.trust.n == 8
    (row,) = found.accuracy.filter(threshold=70.0).iter_rows(named=True)
    assert (row["n"], row["events"], row["hits"], row["predicted"], row["skill"], row["point_skill"]) == (
        1,
        1,
        1,
        1,
        None,
        None,
    )


def test_a_resource_has_its_own_bins_and_counts() -> None:
    found = track_record(month_of(SAID), TrackQuestion(resource="disk"))  # type: ignore[arg-type]
    assert found.reliability.select("bin", "predicted", "observed", "n").rows() == [(5, 0.45, 1.0, 1), (6, 0.5, 0.0, 1)]
    (row,) = found.accuracy.iter_rows(named=True)
    assert (row["threshold"], row["horizon_days"], row["n"], row["events"]) == (90.0, 122, 2, 1)
    assert (row["hits"], row["predicted"], row["recall"], row["precision"]) == (0, 1, 0.0, 0.0)
    assert row["skill"] == pytest.approx(1 - (0.55**2 + 0.5**2) / 2 / 0.25)
    assert row["point_skill"] == pytest.approx(1 - 0.5 / 0.25)


def test_all_resources_have_the_published_bins() -> None:
    month = month_of(SAID)
    found = track_record(month, TrackQuestion())  # type: ignore[arg-type]
    assert_frame_equal(found.reliability, month.frame(OUTLOOK_RELIABILITY).filter(population="below").sort("bin"))


def test_what_was_said_is_not_known_of_a_share_of_none() -> None:
    rows = pl.DataFrame(
        {
            "events": [4, 4, 4, 0], "recall": [0.5, 0.0, 0.0, None], "precision": [2 / 3, 0.0, None, None],
            "skill": [0.1, 0.1, None, None], "point_brier": [0.2] * 4, "base_rate_brier": [0.25] * 4,
        }
    )  # fmt: skip
    counted = with_counts(rows)
    assert counted["hits"].to_list() == [2, 0, 0, 0]
    assert counted["predicted"].to_list() == [3, None, 0, 0]
    assert counted["point_skill"].to_list() == [pytest.approx(0.2), pytest.approx(0.2), None, None]


def test_nothing_to_judge_is_no_error_and_an_unknown_resource_is() -> None:
    nothing = Frames({})
    found = track_record(nothing, TrackQuestion(kind="group"))  # type: ignore[arg-type]
    assert found.trust is None
    tables = (found.reliability, found.accuracy, found.misses, found.false_alarms, found.over_time, found.forecasts)
    assert all(frame.is_empty() for frame in tables)
    with pytest.raises(SettingsError, match="resource 'gpu' was not scored in 2025-12: nothing was"):
        track_record(nothing, TrackQuestion(resource="gpu"))  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="resource 'gpu' was not scored in 2025-12: there is cpu, disk"):
        track_record(month_of(SAID), TrackQuestion(resource="gpu"))  # type: ignore[arg-type]


def test_a_published_month_is_judged_as_its_own_sql_judges_it(published_fleet: Path) -> None:
    for month in Published(published_fleet).months():
        found, sql = track_record(month, TrackQuestion()).trust, statement_record(month)
        assert found is not None
        assert sql is not None
        for name in ("days", "n", "likely", "likely_true", "others_true", "brier", "base_rate_brier", "point_brier"):
            assert getattr(found, name) == pytest.approx(getattr(sql, name)), name


def test_the_published_forecast_and_earlier_ones_stand_beside(published_fleet: Path) -> None:
    month = Published(published_fleet).month("2025-12")
    found = track_record(month, TrackQuestion(resource="cpu"))
    assert found.by_month["horizon_month"].to_list() == [0, 1, 2, 3, 4]
    assert set(found.by_month["model"]) == {"champion"}
    assert [str(day)[:7] for day in found.forecasts["forecast_cutoff"]] == ["2025-11", "2025-10", "2025-10"]
    assert found.forecasts["mae"].to_list() == [0.5, 0.5, 1.0]
    assert found.over_time["forecast_cutoff"].is_sorted(descending=True)
    assert set(month.frame(OUTLOOK_OVER_TIME)["forecast_cutoff"]) == set(found.over_time["forecast_cutoff"])
    groups = track_record(month, TrackQuestion(kind="group"))
    assert groups.by_month.is_empty()
    assert groups.forecasts.is_empty()
    assert len(month.frame(FORECAST_ACCURACY)) > 0
    assert len(month.frame(TOURNAMENT_STANDINGS)) > 0
