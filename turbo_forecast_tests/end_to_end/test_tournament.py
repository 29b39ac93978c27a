"""Three months of a tournament through the real command line, with a model that was made elsewhere among the entrants."""

import re
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from turbo_forecast_tests.conftest import HISTORY_START
from turbo_forecast_tests.end_to_end.conftest import HERE, House, six_series

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tournament")]

OCTOBER, NOVEMBER, DECEMBER = date(2025, 10, 31), date(2025, 11, 30), date(2025, 12, 31)
SERIES = ["host_id", "resource"]
ENTRANTS = ["weighted", "median", "recent_level", "seasonal_naive"]
ORIGINS = [
    *(date(2024, 6, 30), date(2024, 10, 31), date(2025, 2, 28), date(2025, 6, 30), OCTOBER),
    *(date(2024, 7, 31), date(2024, 11, 30), date(2025, 3, 31), date(2025, 7, 31), NOVEMBER),
    *(date(2024, 8, 31), date(2024, 12, 31), date(2025, 4, 30), date(2025, 8, 31), DECEMBER),
]
"""Last days known before the third, second and first fold, the backtest and the forecast of each month."""
UNKNOWN = "gamma"
"""A host that the external model knows nothing of."""


def foreseen(folder: Path) -> Path:
    """The external model's rows: it knows the truth behind the noise (growth and week), of all hosts but one."""
    rows = []
    for place, host in enumerate(("alpha", "beta", UNKNOWN)):
        for origin in ORIGINS if host != UNKNOWN else []:
            days = [origin + timedelta(days=ahead) for ahead in range(1, 185)]
            t = np.array([(day - HISTORY_START).days for day in days])
            yhat = 30.0 + 5 * place + 20 * t / 1096 + 5 * np.sin(2 * np.pi * t / 7)
            rows += [
                pl.DataFrame({"host_id": host, "resource": resource, "origin": origin, "ds": days, "yhat": yhat})
                for resource in ("cpu", "memory")
            ]
    path = folder / "lstm.parquet"
    pl.concat(rows).write_parquet(path)
    return path


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory, telemetry: Path) -> House:
    """October to December of six series in one run, an external model taking part."""
    house = House(tmp_path_factory.mktemp("tournament"))
    forecast = {"entrants": ENTRANTS, "external": {"lstm": str(foreseen(house.folder))}}
    house.write_settings({"forecast": forecast})
    house.said = house.succeed("2025-10..2025-12", telemetry, within=HERE)  # type: ignore[attr-defined]
    return house


def observed() -> pl.DataFrame:
    """What happened, up to the last cutoff."""
    return six_series().rename({"y": "observed"})


def test_earlier_months_are_judged_on_what_has_happened_since_and_on_nothing_else(quarter: House) -> None:
    asked = "SELECT DISTINCT cutoff, forecast_cutoff, lead_month FROM forecast_accuracy ORDER BY ALL"
    assert quarter.query(asked).rows() == [
        (NOVEMBER, OCTOBER, 1),
        (DECEMBER, OCTOBER, 1),
        (DECEMBER, OCTOBER, 2),
        (DECEMBER, NOVEMBER, 1),
    ]
    models = quarter.query("SELECT DISTINCT model FROM forecast_accuracy ORDER BY 1")["model"].to_list()
    assert models == sorted([*ENTRANTS, "lstm", "champion"])
    of_november = "FROM forecast_accuracy WHERE forecast_cutoff = '2025-10-31' AND lead_month = 1"
    november = quarter.query(f"SELECT * EXCLUDE cutoff {of_november} AND cutoff = '2025-11-30' ORDER BY ALL")
    december = quarter.query(f"SELECT * EXCLUDE cutoff {of_november} AND cutoff = '2025-12-31' ORDER BY ALL")
    assert november.equals(december), "what happened in November is the same in December"


@pytest.mark.parametrize(("made", "lead"), [(OCTOBER, 1), (OCTOBER, 2), (NOVEMBER, 1)])
def test_the_accuracy_of_what_was_published_is_what_numpy_makes_of_the_master_file(
    made: date, lead: int, quarter: House
) -> None:
    master = pl.read_parquet(quarter.parquet("forecast_parquet", f"{made:%Y-%m}"))
    month = pl.col("ds").dt.month() == made.month + lead
    rows = master.filter((pl.col("phase") == "forecast") & month).join(observed(), on=[*SERIES, "ds"])
    columns = ("observed", "yhat", "yhat_lower", "yhat_upper")
    y, yhat, low, high = (rows[name].to_numpy().astype(np.float64) for name in columns)
    stored = quarter.query(
        f"SELECT * FROM forecast_accuracy WHERE cutoff = '2025-12-31' AND forecast_cutoff = '{made}' "
        f"AND lead_month = {lead} AND resource = 'all' AND model = 'champion'"
    ).row(0, named=True)
    assert (stored["series"], stored["n"]) == (6, 6 * {11: 30, 12: 31}[made.month + lead])
    assert stored["mae"] == pytest.approx(np.abs(yhat - y).mean(), abs=1e-9)
    assert stored["bias"] == pytest.approx((yhat - y).mean(), abs=1e-9)
    assert stored["wape"] == pytest.approx(np.abs(yhat - y).sum() / y.sum(), abs=1e-9)
    assert stored["coverage"] == pytest.approx(((low <= y) & (y <= high)).mean(), abs=1e-9)
    outside = np.maximum(low - y, 0) + np.maximum(y - high, 0)
    assert stored["interval_score"] == pytest.approx((high - low + 2 / 0.2 * outside).mean(), abs=1e-8)


def test_an_outside_model_takes_part_with_the_series_it_has(quarter: House) -> None:
    rows = quarter.query(
        "SELECT cutoff, model, series, own, mae FROM tournament_standings WHERE resource = 'all' AND horizon_month = 0"
    )
    assert rows.height == 3 * 6
    owned = rows.select("model", "series", "own").unique().sort("model").rows()
    assert owned == [(name, 6, 4 if name == "lstm" else 6) for name in sorted([*ENTRANTS, "lstm", "champion"])]
    said = quarter.query(f"SELECT DISTINCT reason FROM series_outcomes WHERE host_id = '{UNKNOWN}'")["reason"]
    assert all("lstm raised ForecastError: external model 'lstm': no rows for gamma/" in reason for reason in said)
    known = quarter.query(f"SELECT count(*) FROM series_outcomes WHERE host_id != '{UNKNOWN}' AND reason IS NULL")
    assert known.item() == 3 * 4


def test_the_standings_of_the_outside_model_are_what_numpy_makes_of_its_rows(quarter: House) -> None:
    backtest = observed().filter(pl.col("ds").is_between(date(2025, 9, 1), DECEMBER))
    theirs = pl.read_parquet(quarter.folder / "lstm.parquet").filter(pl.col("origin") == date(2025, 8, 31))
    single = theirs.cast({"yhat": pl.Float32})  # as forecasts are stored, and scored
    own = single.join(backtest, on=[*SERIES, "ds"]).group_by(SERIES).agg(mae=error("yhat"))
    rows = pl.read_parquet(quarter.parquet("fleet_forecast", "2025-12"))
    naive = rows.filter((pl.col("model") == "seasonal_naive") & (pl.col("host_id") == UNKNOWN))
    charged = naive.join(backtest, on=[*SERIES, "ds"]).group_by(SERIES).agg(mae=error("yhat"))
    assert (own.height, charged.height) == (4, 2)
    expected = pl.concat([own, charged])["mae"].mean()
    stored = quarter.query(
        "SELECT mae FROM tournament_standings WHERE cutoff = '2025-12-31' AND model = 'lstm' AND resource = 'all' "
        "AND horizon_month = 0"
    )
    assert stored.item() == pytest.approx(expected, rel=1e-9)


def error(column: str) -> pl.Expr:
    return (pl.col(column) - pl.col("observed")).abs().mean()


def test_a_model_that_knows_the_truth_is_published_or_weighs_most_and_the_fallback_is_not(quarter: House) -> None:
    chosen = quarter.query("SELECT host_id, model, folds, fold_mae, fallback_fold_mae FROM champions")
    assert set(chosen["folds"]) == {3}
    assert (chosen["fold_mae"] <= chosen["fallback_fold_mae"]).all()
    known = chosen.filter(pl.col("host_id") != UNKNOWN)
    assert set(known["model"]) <= {"weighted", "lstm"}
    assert "lstm" not in set(chosen.filter(pl.col("host_id") == UNKNOWN)["model"])
    heaviest = quarter.query(
        f"SELECT DISTINCT arg_max(member, forecast) AS member FROM combination_weights WHERE host_id != '{UNKNOWN}' "
        "GROUP BY cutoff, host_id, resource"
    )
    assert heaviest["member"].to_list() == ["lstm"]


def test_the_last_month_says_who_stands_where_and_what_became_of_the_earlier_ones(quarter: House) -> None:
    out = quarter.said.out  # type: ignore[attr-defined]
    months = out.split("Month 2025-")
    assert "Earlier forecasts" not in months[1]
    assert "  month 1: MAE" in months[2]
    assert "  month 2: MAE" not in months[2]
    december = months[3].splitlines()
    at = next(place for place, line in enumerate(december) if line.startswith("Backtest, means over series:"))
    assert december[at + 1].startswith("  champion (published) ")
    assert {line.split()[0] for line in december[at + 2 : at + 7]} == {*ENTRANTS, "lstm"}
    assert december[at + 7].startswith("  6 series with ")
    assert any(line.startswith("Champions: ") for line in december[at + 7 :])
    assert any(line.startswith("  month 1: MAE") and line.endswith("(2 forecasts)") for line in december)
    assert any(line.startswith("  month 2: MAE") and line.endswith("(1 forecast)") for line in december)


def test_each_month_of_a_range_says_of_how_many_checks_and_its_seconds_add_up(quarter: House) -> None:
    lines = quarter.said.out.splitlines()  # type: ignore[attr-defined]
    ends = [number for number, line in enumerate(lines) if re.match(r"Run [0-9a-f-]{36}: ", line)]
    assert len(ends) == 3
    for end in ends:
        passed, total = re.fullmatch(r"Run \S+: (\d+) of (\d+) checks passed.*", lines[end]).groups()  # type: ignore[union-attr]
        warned = sum(lines[end].count(f"{asset}.") for asset in ("base_table", "forecast_parquet", "series_outcomes"))
        assert int(passed) + warned == int(total) >= 50
        whole = float(lines[end - 5].removeprefix("Seconds of the whole run: ").split(",")[0])
        parts = [float(line.split()[0]) for line in lines[end - 4 : end]]
        assert sum(parts) == pytest.approx(whole)
        assert all(part > 0 for part in parts)
    assert lines[-1] == "3 of 3 months complete: 2025-10, 2025-11, 2025-12"


def test_the_last_month_made_again_is_the_same(quarter: House, telemetry: Path) -> None:
    before = quarter.state()
    quarter.succeed("2025-12", telemetry, within=HERE)
    assert quarter.state() == before
    assert quarter.leftovers() == []
