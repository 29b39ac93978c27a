"""Why a forecast is whose it is: sentences with numbers that are worked out here by hand."""

from typing import Any

import polars as pl
import pytest

from turbo_forecast.answers.champion_words import ENTRANT_WORDS, Accuracy, Evidence, entrant_words, why
from turbo_forecast.models.registry import ENTRANTS
from turbo_forecast.schemas import COMBINATION_WEIGHTS, TOURNAMENT_SCORES
from turbo_forecast.settings import COMBINATIONS
from turbo_forecast.tournament.champions import ALONE, EXPECTED, FIRST, GUARDED, ONLY_WHOLE, OWN

CHAMPION: dict[str, Any] = {
    "model": "prophet", "reason": OWN, "folds": 3, "fold_mae": 2.34, "fallback_fold_mae": 4.56, "expected_ratio": 0.71,
    "runner_up": "median", "margin": 0.04,
}  # fmt: skip


def scores(**mae: float) -> pl.DataFrame:
    rows = pl.DataFrame({"model": list(mae), "mae": list(mae.values())})
    lacking = [pl.lit(None, c.dtype).alias(c.name) for c in TOURNAMENT_SCORES.columns if c.name not in rows.columns]
    return rows.with_columns(lacking)


def weights(**share: float) -> pl.DataFrame:
    rows = pl.DataFrame(
        {"member": list(share), "forecast": list(share.values())}, schema={"member": pl.String, "forecast": pl.Float64}
    )
    lacking = [pl.lit(None, c.dtype).alias(c.name) for c in COMBINATION_WEIGHTS.columns if c.name not in rows.columns]
    return rows.with_columns(lacking)


def sentences(
    scored: pl.DataFrame | None = None, weighed: pl.DataFrame | None = None, folds: int = 3, **champion: Any
) -> tuple[str, ...]:
    evidence = Evidence(
        CHAMPION | champion,
        scores(prophet=3.0, median=3.5) if scored is None else scored,
        weights() if weighed is None else weighed,
        Accuracy(120, 3.0, -1.26, 0.833),
        "seasonal_naive",
        folds,
        0.8,
    )
    return why(evidence)


def test_each_part_is_a_sentence_with_its_numbers() -> None:
    assert sentences() == (
        "The forecast is that of prophet (Prophet's trend and seasons).",
        "On the 3 windows before the backtest it was off by 2.3 points on average, the fallback seasonal_naive by 4.6 points; by "
        "these it is expected to be off least: 29 % less than the first in the order.",
        "Next best is median (the day-by-day median of all single entrants), expected to be off by 4.0 % more.",
        "In the backtest, which the choice has not seen, it was off by 3.0 points on average (1.3 too low on average) over 120 days, "
        "and 83 % of them lay inside the 80 % interval.",
        "No other of the 2 entrants was nearer.",
    )


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (FIRST, "it is the first in the order of entrants, and nobody was clearly better."),
        (ALONE, "those before it in the order have no forecast of this series."),
        (ONLY_WHOLE, "those before it in the order missed one of the windows."),
        (
            EXPECTED,
            "by the windows of its resource it is expected to be off least: 29 % less than the first in the order.",
        ),
        (GUARDED, "it takes the place of one who did clearly worse there than the fallback."),
        ("a reason of a later version", "a reason of a later version."),
    ],
)
def test_what_decided_is_said_in_plain_words(reason: str, words: str) -> None:
    assert sentences(reason=reason)[1].endswith(f"; {words}")


def test_fewer_windows_than_the_run_holds_are_said_to_be_fewer() -> None:
    assert sentences()[1].startswith("On the 3 windows before the backtest it was")
    evidence = CHAMPION | {"folds": 1}
    found = why(
        Evidence(evidence, scores(), weights(), None, "seasonal_naive", 3, 0.8),
    )
    assert found[1].startswith("On the one window before the backtest (a longer history has 3) it was off by 2.3")
    assert found[-1] == "There is no backtest of it, so its error is not known."


def test_without_windows_its_resource_and_the_fleet_have_decided_or_nobody_else_was_there() -> None:
    nothing = {"folds": 0, "fold_mae": None, "fallback_fold_mae": None, "runner_up": None, "margin": None}
    decided = why(Evidence(CHAMPION | nothing | {"reason": EXPECTED}, scores(), weights(), None, "a", 3, 0.8))[1]
    assert "what is known of its resource and of the fleet decided" in decided
    alone = why(Evidence(CHAMPION | nothing | {"reason": ALONE}, scores(), weights(), None, "a", 3, 0.8))
    assert alone[1] == (
        "No window before the backtest could be forecast of this series; those before it in the order have no forecast of this "
        "series."
    )
    assert len(alone) == 3  # no rival is named where there is none


@pytest.mark.parametrize(
    ("reason", "margin", "end"),
    [
        (FIRST, -0.05, "is expected to be off by 5.0 % less, too little to be sure."),
        (GUARDED, -0.15, "is expected to be off by 15 % less, but did clearly worse than the fallback."),
        (OWN, 0.4, "expected to be off by 40 % more."),
        (OWN, 0.0, "is expected to be off as much."),
    ],
)
def test_the_runner_up_is_named_with_its_distance(reason: str, margin: float, end: str) -> None:
    assert sentences(reason=reason, margin=margin)[2].endswith(end)


def test_the_weighted_combination_names_whom_it_weighs_most() -> None:
    weighed = weights(a=0.5, b=0.25, c=0.15, d=0.06, e=0.04, f=0.0)
    found = sentences(weighed=weighed, model="weighted")
    assert "It weighs a 50 %, b 25 %, c 15 %, 2 others 10 %." in found
    assert "It weighs a 90 %, b 10 %." in sentences(weighed=weights(a=0.9, b=0.1), model="weighted")
    assert not any(each.startswith("It weighs") for each in sentences(weighed=weighed, model="median"))


def test_in_hindsight_the_nearest_is_named_and_the_place_counts_who_was_nearer() -> None:
    found = sentences(scored=scores(prophet=3.0, median=2.96, late=2.5, flat=3.0))[-1]
    assert found == "Of 4 entrants it was number 3; in hindsight late was nearest, off by 2.5 points."
    assert sentences(scored=scores(prophet=3.0))[-1].startswith("In the backtest")  # nobody to compare with


def test_tiny_errors_are_less_than_a_tenth_and_never_nothing() -> None:
    assert (
        "off by less than 0.1 points on average, the fallback seasonal_naive by less than 0.1 points"
        in (sentences(fold_mae=0.01, fallback_fold_mae=0.04)[1])
    )


def test_accuracy_is_that_of_the_observed_days() -> None:
    rows = pl.DataFrame(
        {
            "y": [10.0, None, 20.0, 30.0],
            "yhat": pl.Series([12.0, 50.0, 17.0, 30.0], dtype=pl.Float32),
            "yhat_lower": [9.0, 0.0, 16.0, 30.0],
            "yhat_upper": [15.0, 99.0, 19.0, 30.0],
        }
    )
    assert Accuracy.of(rows) == Accuracy(3, pytest.approx(5 / 3), pytest.approx(-1 / 3), pytest.approx(2 / 3))
    assert Accuracy.of(rows.clear()) is None


def test_every_entrant_of_this_program_has_its_words_and_no_other_name_has() -> None:
    assert set(ENTRANT_WORDS) == {*ENTRANTS, *COMBINATIONS}
    assert entrant_words("lstm\x1b[0m") == "lstm\\x1b[0m"
