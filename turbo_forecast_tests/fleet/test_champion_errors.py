"""What the champions have shown in earlier windows: just their days, of just the windows that ended before."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from turbo_forecast.fleet.blocks import Pieces, WindowDays
from turbo_forecast.fleet.champion_errors import ChampionErrors
from turbo_forecast.fleet.combining import COMBINE_LAST
from turbo_forecast.windows import BACKTEST, FORECAST
from turbo_forecast_tests.fleet.by_hand import ByHand, by_hand
from turbo_forecast_tests.fleet.kinds import KINDS, fleet_of

WEEK = timedelta(days=7)

pytestmark = pytest.mark.usefixtures("small_parts")


@pytest.fixture(scope="module")
def run(small_parts: None, tmp_path_factory: pytest.TempPathFactory) -> ByHand:
    """A run over series of all kinds."""
    return by_hand(fleet_of(list(KINDS)), tmp_path_factory.mktemp("errors")).held()


@pytest.fixture(scope="module")
def champion(run: ByHand) -> np.ndarray:
    """Another champion for each series in turn, base model or combination, of those who have rows; -1 for nobody."""
    field = run.settings.field_of_entrants
    having = {host: set(rows["model"]) for (host,), rows in run.rows.forecast.group_by("host_id")}
    found = np.full(len(run.store), -1)
    for index, host in enumerate(run.names):
        places = [place for place, name in enumerate(field) if name in having.get(host, ())]
        if places:
            found[index] = places[index % len(places)]
    assert len(set(found.tolist())) > 3
    return found


@pytest.fixture(scope="module")
def errors(run: ByHand, champion: np.ndarray) -> ChampionErrors:
    forecasts = Pieces(run.folder.forecast, len(run.store), "outcomes")
    combined = Pieces(run.folder.combine, len(run.store), COMBINE_LAST)
    of = (run.folder, run.store, WindowDays(run.windows), forecasts, combined)
    return ChampionErrors.gathered(champion, rivals_of(run), *of)


def rivals_of(run: ByHand) -> np.ndarray:
    """Places of base models other than the fallback."""
    field = run.settings.field_of_entrants
    return np.array([field.index(name) for name in run.settings.base_models if name != run.settings.fallback])


def own_days(run: ByHand, champion: np.ndarray) -> pl.DataFrame:
    """The champions' observed days, from the stored rows: host, window, month, value."""
    field = run.settings.field_of_entrants
    chosen = pl.DataFrame({"host_id": run.names, "model": [field[place] if place >= 0 else None for place in champion]})
    columns = ["host_id", "model", "window", "ds", "y", "yhat", "yhat_lower", "yhat_upper"]
    backtest = run.rows.backtest.with_columns(window=pl.lit(BACKTEST, pl.Int32))
    rows = pl.concat([run.rows.folds.rename({"fold": "window"}).select(columns), backtest.select(columns)])
    month = pl.col("ds").dt.truncate("1mo").rank("dense").over("window").cast(pl.Int64)
    own = rows.with_columns(month=month).join(chosen, on=["host_id", "model"], how="semi", maintain_order="left")
    return own.with_columns(value=pl.col("y") - pl.col("yhat").cast(pl.Float64))


@pytest.mark.parametrize("window", [FORECAST, BACKTEST, 1, 2, 3])
def test_before_a_window_are_the_windows_that_ended_before_it(
    window: int, run: ByHand, champion: np.ndarray, errors: ChampionErrors
) -> None:
    days = own_days(run, champion).filter(pl.col("window") > window).drop_nulls("y")
    expected = days.group_by("host_id", "window").agg(mae=pl.col("value").abs().mean(), n=pl.len())
    earlier, residuals = errors.before(window)
    assert earlier.series.size == expected.height
    batches = list(residuals())
    if window == 3:
        assert sum(batch.value.size for batch in batches) == 0, "nothing ended before the oldest fold"
        return
    value, of, month = (
        np.concatenate([getattr(batch, name) for batch in batches]) for name in ("value", "window", "month")
    )
    assert value.size == days.height
    by_host = sorted(
        zip([run.names[index] for index in earlier.series[of]], month.tolist(), value.tolist(), strict=True)
    )
    theirs = sorted(days.select("host_id", "month", "value").rows())
    assert [row[:2] for row in by_host] == [row[:2] for row in theirs]
    np.testing.assert_allclose([row[2] for row in by_host], [row[2] for row in theirs], rtol=1e-12)
    pairs = sorted(zip([run.names[index] for index in earlier.series], earlier.mae.tolist(), strict=True))
    np.testing.assert_allclose(
        [mae for _, mae in pairs], [mae for _, mae in sorted(expected.select("host_id", "mae").rows())], rtol=1e-12
    )
    np.testing.assert_array_equal(earlier.days.sum(axis=1), np.bincount(of, minlength=earlier.series.size))
    np.testing.assert_array_equal(earlier.days[:, 1], np.bincount(of[month == 2], minlength=earlier.series.size))


def test_residuals_are_read_as_often_as_they_are_asked_for(errors: ChampionErrors) -> None:
    _, residuals = errors.before(FORECAST)
    first, second = ([batch.value.tolist() for batch in residuals()] for _ in range(2))
    assert first == second
    assert len(first) == 3, "a batch for each part"


def test_half_widths_are_the_champions_own_of_all_days_of_a_month(
    run: ByHand, champion: np.ndarray, errors: ChampionErrors
) -> None:
    means = (
        own_days(run, champion)
        .group_by("host_id", "window", "month")
        .agg(below=(pl.col("yhat").cast(pl.Float64) - pl.col("yhat_lower").cast(pl.Float64)).mean())
    )
    expected = {(host, month): below for host, window, month, below in means.rows() if window == BACKTEST}
    targets = errors.targets(BACKTEST)
    found = zip(
        [run.names[index] for index in targets.series], targets.month.tolist(), targets.below.tolist(), strict=True
    )
    assert {(host, month): below for host, month, below in found} == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("window", [FORECAST, BACKTEST])
def test_a_jump_is_the_median_of_the_last_five_days_known_above_the_forecast_of_a_week_later(
    window: int, run: ByHand, champion: np.ndarray, errors: ChampionErrors
) -> None:
    field, targets = run.settings.field_of_entrants, errors.targets(window)
    phase = "forecast" if window == FORECAST else "backtest"
    jumps = {}
    for index in np.unique(targets.series).tolist():
        of = {"host_id": run.names[index], "phase": phase, "model": field[champion[index]]}
        first = dict(run.rows.forecast.filter(**of).sort("ds").head(7).select("ds", "yhat").iter_rows())
        known = dict(run.history.filter(host_id=run.names[index]).select("ds", "y").iter_rows())
        apart = [known[day - WEEK] - yhat for day, yhat in first.items() if day - WEEK in known]
        jumps[index] = float(np.median(apart[-5:])) if apart else 0.0
    assert len({round(jump, 6) for jump in jumps.values()}) > 3
    found = dict(zip(targets.series.tolist(), targets.jump.tolist(), strict=True))
    assert found == pytest.approx(jumps, rel=1e-6, abs=1e-5)


def test_levels_errors_and_the_spread_of_the_other_entrants_are_those_of_the_stored_rows(
    run: ByHand, champion: np.ndarray, errors: ChampionErrors
) -> None:
    field = run.settings.field_of_entrants
    targets = errors.targets(BACKTEST)
    months = pl.DataFrame({"host_id": [run.names[index] for index in targets.series], "month": targets.month})
    found = {key: values for *key_, level, spread in months.with_columns(
        level=pl.Series(targets.level), spread=pl.Series(targets.spread)).rows() for key, values in [(tuple(key_), (level, spread))]}  # fmt: skip
    rows = run.rows.backtest.with_columns(month=pl.col("ds").dt.truncate("1mo").rank("dense").cast(pl.Int64))
    rivals = [field[place] for place in rivals_of(run).tolist()]
    for (host, month), (level, spread) in found.items():
        name = field[champion[run.names.index(host)]]
        own = rows.filter(host_id=host, model=name).sort("ds")
        assert level == pytest.approx(own.filter(month=month)["yhat"].cast(pl.Float64).mean(), rel=1e-6)
        until = own.filter(pl.col("month") <= month)
        others = rows.filter(
            pl.col("host_id") == host, pl.col("model").is_in(rivals), pl.col("model") != name, pl.col("month") <= month
        ).join(until.select("ds", own="yhat"), on="ds")
        assert spread == pytest.approx(others.select((pl.col("yhat") - pl.col("own")).abs().mean()).item(), rel=1e-5)
    assert len(found) > 5


def test_the_months_asked_are_those_of_the_champions_rows(run: ByHand, errors: ChampionErrors) -> None:
    targets = errors.targets(FORECAST)
    having = [index for index, host in enumerate(run.names) if host in set(run.rows.forecast["host_id"])]
    assert sorted(zip(targets.series.tolist(), targets.month.tolist(), strict=True)) == [
        (index, month) for index in having for month in (1, 2, 3)
    ]


def test_scales_are_of_the_window_asked_for(run: ByHand, errors: ChampionErrors) -> None:
    constant, steady = (list(KINDS).index(kind) for kind in ("constant", "steady"))
    for window in (FORECAST, BACKTEST):
        scales = errors.scales(window)
        assert scales.shape == (len(run.store),)
        assert np.isnan(scales[constant])
        assert scales[steady] > 0
    assert errors.scales(FORECAST)[steady] != errors.scales(BACKTEST)[steady]


def test_a_fleet_without_a_champion_has_no_errors(tmp_path: Path) -> None:
    run = by_hand(fleet_of(["retired", "retired"]), tmp_path).held()
    of = (Pieces(run.folder.forecast, 2, "outcomes"), Pieces(run.folder.combine, 2, COMBINE_LAST))
    errors = ChampionErrors.gathered(
        np.full(2, -1), rivals_of(run), run.folder, run.store, WindowDays(run.windows), *of
    )
    earlier, residuals = errors.before(FORECAST)
    assert earlier.series.size == errors.targets(FORECAST).series.size == 0
    assert sum(batch.value.size for batch in residuals()) == 0
