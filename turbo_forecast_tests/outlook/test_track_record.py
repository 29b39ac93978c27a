"""How often statements were true: by hand, and Brier scores as the textbook has them."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from turbo_forecast.outlook.track_record import outlook_accuracy, outlook_reliability
from turbo_forecast.schemas.outlook import OUTLOOK_ACCURACY, OUTLOOK_BACKTEST, OUTLOOK_RELIABILITY

CUTOFF = date(2025, 12, 31)
START = date(2025, 9, 1)


def statement(probability: float, happened: int, *, host: str = "a", resource: str = "cpu", **other) -> dict:
    row = {
        "cutoff": CUTOFF,
        "kind": "series",
        "host_id": host,
        "resource": resource,
        "threshold": 80.0,
        "horizon_days": 122,
        "probability": probability,
        "happened": happened,
        "point": 0,
        "level": 50.0,
        "likely": START if probability >= 0.5 else None,
        "actual": START if happened else None,
    }
    return row | other


def statements(*rows: dict) -> pl.DataFrame:
    return OUTLOOK_BACKTEST.conform(pl.DataFrame(rows, schema=OUTLOOK_BACKTEST.polars_schema))


def figures(found: pl.DataFrame, population: str = "all", resource: str = "all") -> dict:
    own = found.filter((pl.col("population") == population) & (pl.col("resource") == resource))
    assert own.height == 1
    return own.row(0, named=True)


def test_a_resource_that_is_called_all_is_counted_once():
    found = outlook_accuracy(statements(statement(0.9, 1, resource="all"), statement(0.2, 0, host="b")))
    assert figures(found)["n"] == 2
    assert set(found["resource"]) == {"all", "cpu"}


def test_the_figures_of_four_statements_by_hand():
    found = outlook_accuracy(
        statements(
            statement(0.9, 1, point=1, actual=START + timedelta(days=10)),
            statement(0.6, 0, host="b"),
            statement(0.2, 1, host="c"),
            statement(0.0, 0, host="d"),
        )
    )
    assert found.schema == OUTLOOK_ACCURACY.polars_schema
    one = figures(found)
    assert (one["n"], one["events"]) == (4, 2)
    assert one["brier"] == pytest.approx((0.01 + 0.36 + 0.64 + 0.0) / 4)
    assert one["base_rate_brier"] == pytest.approx(0.25)
    assert one["point_brier"] == pytest.approx(1 / 4)
    assert one["skill"] == pytest.approx(1 - 1.01)
    assert (one["recall"], one["precision"]) == (0.5, 0.5)
    assert one["date_error_days"] == 10


def test_the_base_rates_brier_is_that_of_stating_the_share_of_events_each_time():
    rng = np.random.default_rng(1)
    said, happened = rng.random(300), rng.integers(0, 2, 300)
    rows = [statement(float(p), int(h), host=str(k)) for k, (p, h) in enumerate(zip(said, happened, strict=True))]
    one = figures(outlook_accuracy(statements(*rows)))
    assert one["brier"] == pytest.approx(np.mean((said - happened) ** 2))
    assert one["base_rate_brier"] == pytest.approx(np.mean((happened.mean() - happened) ** 2))


def test_each_threshold_horizon_and_resource_is_judged_by_itself_and_all_resources_together():
    found = outlook_accuracy(
        statements(
            *(statement(0.3, 0, resource=name) for name in ("cpu", "disk")),
            statement(0.3, 0, threshold=90.0),
            statement(0.3, 0, horizon_days=30),
        )
    )
    everyone = found.filter(pl.col("population") == "all").sort("resource", "threshold", "horizon_days")
    assert everyone.select("resource", "threshold", "horizon_days", "n").rows() == [
        *[("all", 80.0, 30, 1), ("all", 80.0, 122, 2), ("all", 90.0, 122, 1)],
        *[("cpu", 80.0, 30, 1), ("cpu", 80.0, 122, 1), ("cpu", 90.0, 122, 1), ("disk", 80.0, 122, 1)],
    ]


def test_only_series_known_to_be_below_the_threshold_count_among_those_below():
    rows = [statement(0.9, 1, host=str(k), level=level) for k, level in enumerate([79.9, 80.0, 95.0, None])]
    found = outlook_accuracy(statements(*rows))
    assert figures(found, "all")["n"] == 4
    assert figures(found, "below")["n"] == 1


def test_without_events_or_without_others_there_is_no_skill_and_without_either_no_recall_or_precision():
    never = figures(outlook_accuracy(statements(statement(0.2, 0), statement(0.1, 0, host="b"))))
    assert (never["skill"], never["recall"], never["precision"], never["date_error_days"]) == (None, None, None, None)
    always = figures(outlook_accuracy(statements(statement(0.2, 1))))
    assert (always["skill"], always["recall"], always["precision"]) == (None, 0.0, None)


def test_a_date_outside_the_horizon_is_no_error_of_it():
    late = START + timedelta(days=100)
    rows = [statement(0.2, 0, horizon_days=30, likely=late, actual=late), statement(0.9, 1, likely=late, actual=START)]
    by_horizon = {row["horizon_days"]: row for row in outlook_accuracy(statements(*rows)).iter_rows(named=True)}
    assert by_horizon[30]["date_error_days"] is None
    assert by_horizon[122]["date_error_days"] == 100


def test_reliability_counts_statements_of_like_probability_in_ten_bins():
    found = outlook_reliability(
        statements(
            *(statement(0.0, 0), statement(0.05, 1, threshold=90.0)),
            *(statement(0.1, 0, host="b"), statement(0.9, 1, host="c"), statement(1.0, 1, host="d")),
        )
    )
    assert found.schema == OUTLOOK_RELIABILITY.polars_schema
    everyone = found.filter(pl.col("population") == "all")
    assert everyone["bin"].to_list() == [1, 2, 10]
    np.testing.assert_allclose(everyone["predicted"], [0.025, 0.1, 0.95])
    np.testing.assert_allclose(everyone["observed"], [0.5, 0.0, 1.0])
    assert everyone["n"].to_list() == [2, 1, 2]
    assert everyone["series"].to_list() == [1, 1, 2], "two statements of the first bin are of one series"


def test_no_statements_give_no_figures():
    none = pl.DataFrame(schema=OUTLOOK_BACKTEST.polars_schema)
    assert outlook_accuracy(none).is_empty()
    assert outlook_reliability(none).is_empty()
