"""One champion per series that has a forecast: by what its folds, its resource and the fleet say."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from turbo_forecast.schemas import CHAMPIONS, TOURNAMENT_SCORES
from turbo_forecast.tournament import champions
from turbo_forecast.tournament.champions import ALONE, EXPECTED, FIRST, GUARDED, ONLY_WHOLE, OWN, choose
from turbo_forecast.windows import window_name

CUTOFF = date(2025, 12, 31)
KEYS = {"cutoff": pl.Date, "host_id": pl.String, "resource": pl.String, "model": pl.String}


def forecasters(*entries: tuple[str, str], resource: str = "cpu") -> pl.DataFrame:
    parts = [{"cutoff": CUTOFF, "host_id": host, "resource": resource, "model": model} for host, model in entries]
    return pl.DataFrame(parts, schema=KEYS)


def scores(errors: dict[str, dict[str, list[float | None]]], resource: str = "cpu") -> pl.DataFrame:
    """MAE by host and model, a list over folds 1, 2, …; None where the entrant missed the fold."""
    parts = [
        {
            "cutoff": CUTOFF,
            "host_id": host,
            "resource": resource,
            "model": model,
            "window_name": window_name(fold),
            "mae": mae,
        }
        for host, models in errors.items()
        for model, maes in models.items()
        for fold, mae in enumerate(maes, start=1)
        if mae is not None
    ]
    found = pl.DataFrame(parts, schema={**KEYS, "window_name": pl.String, "mae": pl.Float64})
    return TOURNAMENT_SCORES.conform(
        found.with_columns(pl.lit(0.0).alias(name) for name in TOURNAMENT_SCORES.names if name not in found.columns)
    )


def of(errors: dict[str, dict[str, list[float | None]]], resource: str = "cpu") -> pl.DataFrame:
    return forecasters(*[(host, model) for host, models in errors.items() for model in models], resource=resource)


def chosen_by_host(found: pl.DataFrame) -> dict[str, str]:
    return dict(found.select("host_id", "model").iter_rows())


NO_SCORES = scores({})
ENTRIES = [("a", "naive"), ("a", "prophet"), ("b", "naive"), ("c", "prophet"), ("d", "ets"), ("d", "naive")]


@pytest.mark.parametrize(
    ("preference", "expected"),
    [
        (["prophet", "ets", "naive"], {"a": "prophet", "b": "naive", "c": "prophet", "d": "ets"}),
        (["naive", "prophet", "ets"], {"a": "naive", "b": "naive", "c": "prophet", "d": "naive"}),
    ],
)
def test_without_any_fold_the_first_of_the_preferred_who_has_a_forecast_is_champion(
    preference: list[str], expected: dict[str, str]
) -> None:
    for entries in (ENTRIES, ENTRIES[::-1]):
        chosen = choose(forecasters(*entries), NO_SCORES, preference, "naive")
        assert chosen_by_host(chosen) == expected
        assert chosen["host_id"].to_list() == ["a", "b", "c", "d"]
        assert chosen.schema == CHAMPIONS.polars_schema
        assert chosen["folds"].to_list() == [0] * 4
        for unknown in ("fold_mae", "fallback_fold_mae", "expected_ratio", "margin"):
            assert chosen[unknown].null_count() == 4, unknown


def test_without_any_fold_the_runner_up_is_the_next_in_the_order() -> None:
    chosen = choose(forecasters(*ENTRIES), NO_SCORES, ["prophet", "ets", "naive"], "naive")
    assert chosen["runner_up"].to_list() == ["naive", None, None, "naive"]


def test_the_reason_tells_first_choice_from_second() -> None:
    reasons = choose(forecasters(*ENTRIES), NO_SCORES, ["prophet", "ets", "naive"], "naive")["reason"].to_list()
    assert reasons[0] == reasons[2] == FIRST
    assert reasons[1] == reasons[3] == ALONE


def test_nobody_forecast_nobody_chosen() -> None:
    chosen = choose(forecasters(), NO_SCORES, ["prophet", "naive"], "naive")
    assert chosen.is_empty()
    assert chosen.schema == CHAMPIONS.polars_schema


def test_a_fallback_that_does_not_take_part_is_an_error() -> None:
    with pytest.raises(ValueError, match="naive"):
        choose(forecasters(("a", "prophet")), NO_SCORES, ["prophet"], "naive")


def test_entrants_of_an_earlier_run_do_not_take_part() -> None:
    rows = forecasters(("a", "gone"), ("a", "naive"), ("b", "gone"))
    errors = scores({"a": {"gone": [0.0], "naive": [9.0]}})
    assert chosen_by_host(choose(rows, errors, ["prophet", "naive"], "naive")) == {"a": "naive"}


def test_resources_of_a_host_have_champions_of_their_own() -> None:
    rows = forecasters(("a", "prophet"), ("a", "naive"))
    other = forecasters(("a", "naive"), resource="memory")
    chosen = choose(pl.concat([rows, other]), NO_SCORES, ["prophet", "naive"], "naive")
    assert chosen.select("resource", "model").rows() == [("cpu", "prophet"), ("memory", "naive")]


def fleet(hosts: int, noise: float = 0.03, **maes: list[float]) -> dict[str, dict[str, list[float | None]]]:
    """The same fold errors for every host, times noise that differs between folds and hosts."""
    rng = np.random.default_rng(0)
    return {
        f"h{i:03d}": {
            model: list(np.array(mae) * rng.uniform(1 - noise, 1 + noise, len(mae))) for model, mae in maes.items()
        }
        for i in range(hosts)
    }


ORDER = ["prophet", "ets", "naive"]


def test_a_challenger_clearly_better_in_the_fleet_is_champion_even_without_folds_of_the_series() -> None:
    errors = fleet(40, prophet=[10.0] * 3, ets=[5.0] * 3, naive=[12.0] * 3)
    rows = pl.concat([of(errors), forecasters(*[("new", model) for model in ORDER])])
    chosen = choose(rows, scores(errors), ORDER, "naive")
    assert set(chosen["model"]) == {"ets"}
    assert set(chosen["reason"]) == {EXPECTED}
    new = chosen.row(by_predicate=pl.col("host_id") == "new", named=True)
    assert (new["folds"], new["fold_mae"], new["fallback_fold_mae"]) == (0, None, None)
    assert new["expected_ratio"] == pytest.approx(5.1 / 10.1, rel=0.02)
    assert new["runner_up"] == "prophet"
    assert new["margin"] == pytest.approx(10.1 / 5.1 - 1, rel=0.03)


def test_one_standard_error_decides_between_incumbent_and_challenger() -> None:
    # log ratios of the challenger +-g around -0.05: own means hardly differ between series, so between = 0 for
    # the small spread (prior -0.05 decides); for one series far off, the standard error does
    errors = fleet(30, prophet=[10.0] * 2, naive=[20.0] * 2)
    for i, models in enumerate(errors.values()):
        ratio = np.exp(-0.05 + (0.3 if i % 2 else -0.3) + np.array([0.4, -0.4]))
        models["prophet"] = [10.0, 10.0]
        models["ets"] = list(ratio * 10.1 - 0.1)
    found = choose(of(errors), scores(errors), ORDER, "naive")
    own = np.array([-0.05 + (0.3 if i % 2 else -0.3) for i in range(30)])
    within = 0.4**2 * 2
    between = max(own.var(ddof=1) - within / 2, 0)
    assert between == 0  # so the prior decides, -0.05 without a standard error
    assert set(found["model"]) == {"ets"}
    for models, ratio in zip(errors.values(), own, strict=True):  # folds that agree: now own means count
        models["ets"] = list(np.exp(ratio + np.array([0.2, -0.2])) * 10.1 - 0.1)
    found = choose(of(errors), scores(errors), ORDER, "naive")
    noise = 4 * 0.2**2 * 2 / 2
    between = own.var(ddof=1) - 0.2**2 * 2 / 2
    w = between / (between + noise)
    mean = w * own + (1 - w) * -0.05
    assert (mean < 0)[::2].all()
    expected = np.where(mean + np.sqrt(w * noise) < 0, "ets", "prophet")
    assert found["model"].to_list() == expected.tolist()
    np.testing.assert_allclose(found["expected_ratio"], np.where(expected == "ets", np.exp(mean), 1.0), rtol=1e-9)


def test_own_folds_outweigh_the_fleet_where_they_are_many_and_clear() -> None:
    errors = fleet(40, prophet=[10.0] * 4, ets=[5.0] * 4, naive=[50.0] * 4)
    errors["h000"]["ets"] = [30.0, 31.0, 30.0, 31.0]
    row = choose(of(errors), scores(errors), ORDER, "naive").row(0, named=True)
    assert (row["model"], row["reason"]) == ("prophet", OWN)
    assert (row["expected_ratio"], row["folds"]) == (1.0, 4)
    assert row["fold_mae"] == pytest.approx(np.mean(errors["h000"]["prophet"]))
    assert row["fallback_fold_mae"] == pytest.approx(np.mean(errors["h000"]["naive"]))


def test_folds_that_agree_with_the_fleet_are_not_said_to_have_made_the_difference() -> None:
    # the challenger is some 7 % better in the fleet, less than one standard error of a series: the incumbent stays
    rng = np.random.default_rng(1)
    errors = fleet(60, prophet=[10.0] * 3, naive=[20.0] * 3)
    for models in errors.values():
        models["ets"] = list(10.0 * np.exp(-0.07 + rng.normal(0, 0.1) + rng.normal(0, 0.02, 3)))
    without = forecasters(*[("new", model) for model in ORDER])
    found = choose(pl.concat([of(errors), without]), scores(errors), ORDER, "naive")
    new = found.row(by_predicate=pl.col("host_id") == "new", named=True)
    assert (new["model"], new["reason"]) == ("prophet", FIRST)
    kept = found.filter(pl.col("model") == "prophet")
    moved = found.filter(pl.col("model") == "ets")
    assert kept.height > 5
    assert moved.height > 5
    assert set(kept["reason"]) == {FIRST}
    assert set(moved["reason"]) == {OWN}


def test_the_runner_up_of_a_guarded_series_is_the_best_expected_and_its_margin_below_zero() -> None:
    errors = fleet(60, noise=0.5, prophet=[10.0] * 3, ets=[5.0] * 3, naive=[11.0] * 3)
    errors["h000"] = {"prophet": [9.5] * 3, "ets": [9.1] * 3, "naive": [9.0] * 3}
    row = choose(of(errors), scores(errors), ORDER, "naive").row(0, named=True)
    assert (row["model"], row["runner_up"]) == ("naive", "ets")
    assert row["margin"] < 0


def test_nobody_clearly_worse_than_the_fallback_on_its_own_folds_is_published() -> None:
    # ets is best in the fleet; in h000 it is behind the fallback in every fold, and prophet before it
    errors = fleet(60, noise=0.5, prophet=[10.0] * 3, ets=[5.0] * 3, naive=[11.0] * 3)
    errors["h000"] = {"prophet": [8.9] * 3, "ets": [9.1] * 3, "naive": [9.0] * 3}
    errors["h001"] = {"prophet": [9.5] * 3, "ets": [9.1] * 3, "naive": [9.0] * 3}
    found = choose(of(errors), scores(errors), ORDER, "naive")
    assert found["model"].to_list()[:2] == ["prophet", "naive"]
    assert found["reason"].to_list()[:2] == [GUARDED] * 2
    assert (found["fold_mae"] <= found["fallback_fold_mae"]).all()
    assert found["folds"].dtype == pl.Int32


def test_a_mean_above_the_fallbacks_by_chance_moves_nobody() -> None:
    # in h000 ets loses one fold and wins two: higher in the mean, not by a standard error
    errors = fleet(60, noise=0.5, prophet=[10.0] * 3, ets=[5.0] * 3, naive=[11.0] * 3)
    errors["h000"] = {"prophet": [10.0] * 3, "ets": [8.0, 8.0, 14.0], "naive": [9.0, 9.0, 10.0]}
    row = choose(of(errors), scores(errors), ORDER, "naive").row(0, named=True)
    assert row["model"] == "ets"
    assert row["fold_mae"] > row["fallback_fold_mae"]


def test_who_missed_a_fold_of_the_series_cannot_be_champion_there() -> None:
    errors = fleet(40, prophet=[10.0] * 3, ets=[5.0] * 3, naive=[12.0] * 3)
    errors["h000"]["ets"][1] = None
    errors["h001"]["ets"] = errors["h001"]["prophet"] = [None, 5.0, 5.0]
    found = choose(of(errors), scores(errors), ORDER, "naive")
    assert found["model"].to_list()[:3] == ["prophet", "naive", "ets"]
    assert found["reason"][1] == ONLY_WHOLE
    assert found["runner_up"].to_list()[:3] == ["naive", None, "prophet"]


def test_an_entrant_that_survives_in_easy_series_only_gains_nothing_from_it() -> None:
    errors = fleet(50, prophet=[10.0] * 3, naive=[11.0] * 3)
    for host in list(errors)[:5]:
        errors[host] = {"prophet": [1.0] * 3, "ets": [1.05] * 3, "naive": [10.0] * 3}
    newcomer = forecasters(*[("new", model) for model in ORDER])
    found = choose(pl.concat([of(errors), newcomer]), scores(errors), ORDER, "naive")
    assert set(found["model"]) == {"prophet"}


def test_the_incumbent_is_the_first_whom_anybody_has() -> None:
    errors = fleet(10, ets=[5.0] * 2, naive=[5.0] * 2)
    found = choose(of(errors), scores({}), ORDER, "naive")
    assert set(found["model"]) == {"ets"}
    assert set(found["reason"]) == {ALONE}


def test_the_backtest_changes_nothing() -> None:
    errors = fleet(20, prophet=[10.0] * 3, ets=[9.0] * 3, naive=[12.0] * 3)
    clean = scores(errors)
    leaks = [
        clean.filter(window_name="fold 1").with_columns(
            window_name=pl.lit("backtest"), mae=pl.when(pl.col("model") == model).then(0.0).otherwise(100.0)
        )
        for model in ORDER
    ]
    expected = choose(of(errors), clean, ORDER, "naive")
    for leak in leaks:
        assert choose(of(errors), pl.concat([leak, clean]), ORDER, "naive").equals(expected)
        nothing_but = choose(of(errors), leak, ORDER, "naive")
        assert nothing_but.equals(choose(of(errors), NO_SCORES, ORDER, "naive"))


def test_exactly_one_champion_per_series_whatever_is_missing() -> None:
    rng = np.random.default_rng(3)
    errors = fleet(200, prophet=[10.0] * 3, ets=[9.0] * 3, naive=[12.0] * 3)
    for models in errors.values():
        for model in models:
            models[model] = [None if rng.random() < 0.2 else float(rng.exponential(5)) for _ in range(3)]
    rows = of(errors).filter(pl.Series(rng.random(600) < 0.7))
    found = choose(rows, scores(errors), ORDER, "naive")
    assert found["host_id"].to_list() == sorted(set(rows["host_id"]))
    assert found.join(rows, on=["host_id", "model"]).height == found.height
    for name in ("fold_mae", "fallback_fold_mae", "expected_ratio", "margin"):
        assert found[name].drop_nulls().is_finite().all()
    assert (found["runner_up"].drop_nulls() != found.drop_nulls("runner_up")["model"]).all()


def test_the_order_of_rows_does_not_matter() -> None:
    errors = fleet(30, prophet=[10.0] * 3, ets=[9.9] * 3, naive=[12.0] * 3)
    expected = choose(of(errors), scores(errors), ORDER, "naive")
    found = choose(of(errors).reverse(), scores(errors).sample(fraction=1, shuffle=True, seed=1), ORDER, "naive")
    assert found.equals(expected)


def test_reasons_are_short_plain_sentences() -> None:
    reasons = [value for name, value in vars(champions).items() if name.isupper() and isinstance(value, str)]
    assert len(reasons) == 6
    assert all(len(reason) < 70 for reason in reasons)
