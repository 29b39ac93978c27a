"""Why this forecast: whose it is, what decided for it, and how far off it was, in two to five plain sentences.

Belongs here: the words for what CHAMPIONS, TOURNAMENT_SCORES and COMBINATION_WEIGHTS hold of one series. Does not belong here: the rule
(`tournament/champions.py`), and reading the tables (`host.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from turbo_forecast.number_words import counted
from turbo_forecast.text import printable
from turbo_forecast.tournament.champions import ALONE, EXPECTED, FIRST, GUARDED, ONLY_WHOLE, OWN

ENTRANT_WORDS = {
    "weighted": "the weighted median of all single entrants",
    "median": "the day-by-day median of all single entrants",
    "prophet": "Prophet's trend and seasons",
    "prophet_smooth": "Prophet with a smoother year",
    "prophet_linear": "Prophet with a straight trend",
    "prophet_late": "Prophet with trend changes up to the last days",
    "prophet_flexible": "Prophet with a more flexible trend",
    "prophet_stiff": "Prophet with a stiffer trend",
    "prophet_multiplicative": "Prophet with seasons that grow with the level",
    "reverting_level": "today's level, drawn back to the year's mean, with its weekdays",
    "reverting_season": "today's level, drawn back to the year's mean, with part of last year's season",
    "yearly_profile": "how each day of the year has differed in all earlier years",
    "recent_level": "the median of the last 28 days, with its weekdays",
    "recent_quarter": "the median of the last 91 days, with its weekdays",
    "seasonal_naive": "each weekday's last value",
    "auto_ets": "exponential smoothing",
    "optimized_theta": "the Theta method",
    "auto_arima": "an ARIMA model",
    "mstl": "a decomposition into trend and several seasons",
}
"""What each entrant of this program says, in half a sentence."""
NAMED_MEMBERS = 3
"""Members of the weighted combination that are named, those of most weight."""
CLEARLY = 0.0005
"""A share that is no other than 0 in the digits that are shown."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How far a published forecast was from what happened.

    days: observed ones; mae, bias: mean of |yhat - y| and of yhat - y, percentage points; inside: share of the days within the
    published interval, in [0, 1].
    """

    days: int
    mae: float
    bias: float
    inside: float

    @classmethod
    def of(cls, rows: pl.DataFrame) -> "Accuracy | None":
        """Of `y, yhat, yhat_lower, yhat_upper`; None where no day was observed."""
        days = rows["y"].count()
        if not days:
            return None
        error = pl.col("yhat").cast(pl.Float64) - pl.col("y")  # null, and in no mean, where nothing was observed
        is_inside = (pl.col("yhat_lower") <= pl.col("y")) & (pl.col("y") <= pl.col("yhat_upper"))
        figures = rows.select(mae=error.abs().mean(), bias=error.mean(), inside=is_inside.mean()).row(0)
        return cls(days, *figures)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of why a series' forecast is whose it is.

    champion: its row of CHAMPIONS. scores: its rows of TOURNAMENT_SCORES of the backtest. weights: its rows of
    COMBINATION_WEIGHTS. fallback: the fallback's name. folds: windows that the month's run holds before the backtest.
    interval_width: nominal coverage of the published interval.
    """

    champion: Mapping[str, Any]
    scores: pl.DataFrame
    weights: pl.DataFrame
    backtest: Accuracy | None
    fallback: str
    folds: int
    interval_width: float


def entrant_words(name: str) -> str:
    """The entrant's name and what it is; the name alone of one that is not this program's."""
    meant = ENTRANT_WORDS.get(name)
    return f"{printable(name)} ({meant})" if meant else printable(name)


def why(evidence: Evidence) -> tuple[str, ...]:
    """Sentences: whose forecast it is, what decided for it, who was next, what it consists of, how far off it was."""
    champion = evidence.champion
    found = [f"The forecast is that of {entrant_words(champion['model'])}.", _decided(evidence)]
    found += _next_best(evidence), _members(evidence), backtest_words(evidence.backtest, evidence.interval_width)
    found.append(_best_in_hindsight(evidence))
    return tuple(each for each in found if each)


def _decided(evidence: Evidence) -> str:
    """What the rule went by, and on how many windows."""
    champion, reason, folds = evidence.champion, evidence.champion["reason"], evidence.champion["folds"]
    if not folds:
        known = "what is known of its resource and of the fleet decided: " if reason in (OWN, EXPECTED) else ""
        return (
            "No window before the backtest could be forecast of this series; "
            f"{known}{_by_reason(reason, champion['expected_ratio'])}."
        )
    windows = f"the {folds} windows before the backtest" if folds > 1 else "the one window before the backtest"
    few = f" (a longer history has {evidence.folds})" if folds < evidence.folds else ""
    return f"On {windows}{few} {_fold_errors(evidence)}; {_by_reason(reason, champion['expected_ratio'])}."


def _fold_errors(evidence: Evidence) -> str:
    champion = evidence.champion
    own, theirs = champion["fold_mae"], champion["fallback_fold_mae"]
    if own is None:
        return "its errors are not known"
    known = f"it was off by {_points(own)} on average"
    return known if theirs is None or champion["model"] == evidence.fallback else (
        f"{known}, the fallback {printable(evidence.fallback)} by {_points(theirs)}"
    )  # fmt: skip


def _by_reason(reason: str, ratio: float | None) -> str:
    """What decided, in a clause; the stored reason where this version of the program knows no better words for it."""
    less = "" if ratio is None or 1 - ratio < CLEARLY else f": {_percent(1 - ratio)} less than the first in the order"
    return {
        FIRST: "it is the first in the order of entrants, and nobody was clearly better",
        ALONE: "those before it in the order have no forecast of this series",
        ONLY_WHOLE: "those before it in the order missed one of the windows",
        OWN: f"by these it is expected to be off least{less}",
        EXPECTED: f"by the windows of its resource it is expected to be off least{less}",
        GUARDED: "it takes the place of one who did clearly worse there than the fallback",
    }.get(reason, reason)


def _next_best(evidence: Evidence) -> str:
    runner_up, margin = evidence.champion["runner_up"], evidence.champion["margin"]
    if runner_up is None or margin is None:
        return ""
    if abs(margin) < CLEARLY:
        return f"{entrant_words(runner_up)} is expected to be off as much."
    how = f"{_percent(abs(margin))} {'more' if margin > 0 else 'less'}"
    if margin > 0:
        return f"Next best is {entrant_words(runner_up)}, expected to be off by {how}."
    but = (
        "but did clearly worse than the fallback" if evidence.champion["reason"] == GUARDED else "too little to be sure"
    )
    return f"{entrant_words(runner_up)} is expected to be off by {how}, {but}."


def _members(evidence: Evidence) -> str:
    """Whom the weighted combination consists of, where it is the champion."""
    if evidence.champion["model"] != "weighted":
        return ""
    weights = [(name, share) for name, share in zip(*evidence.weights["member", "forecast"], strict=True) if share > 0]
    if not weights:
        return ""
    first = sorted(weights, key=lambda each: (-each[1], each[0]))[:NAMED_MEMBERS]
    named = [f"{printable(name)} {_percent(share)}" for name, share in first]
    rest = len(weights) - len(first)
    left = 1 - sum(share for _, share in first)
    others = f", {rest} others {_percent(left)}" if rest > 1 else f", another {_percent(left)}" if rest else ""
    return f"It weighs {', '.join(named)}{others}."


def backtest_words(backtest: Accuracy | None, interval_width: float) -> str:
    """How far off the published forecast of the backtest was, in a sentence."""
    if backtest is None:
        return "There is no backtest of it, so its error is not known."
    return f"In the backtest, which the choice has not seen, it was {accuracy_words(backtest, interval_width)}."


def accuracy_words(accuracy: Accuracy, interval_width: float) -> str:
    """How far off a forecast was: "off by 2.0 points on average (0.5 too high on average) over 91 days, and …"."""
    side = "high" if accuracy.bias > 0 else "low"
    leaning = f" ({abs(accuracy.bias):.1f} too {side} on average)" if abs(accuracy.bias) >= 0.05 else ""
    days = counted(accuracy.days, "day")
    return (
        f"off by {_points(accuracy.mae)} on average{leaning} over {days}, and {_percent(accuracy.inside)} of them lay inside the "
        f"{_percent(interval_width)} interval"
    )


def _best_in_hindsight(evidence: Evidence) -> str:
    """Who did best on the backtest, if it was somebody else: nobody could know."""
    errors = dict(zip(*evidence.scores["model", "mae"], strict=True))
    ours = errors.get(evidence.champion["model"])
    if ours is None or len(errors) < 2:
        return ""
    place = sum(error < ours for error in errors.values()) + 1
    if place == 1:
        return f"No other of the {len(errors)} entrants was nearer."
    least, best = min((error, name) for name, error in errors.items())
    return (
        f"Of {len(errors)} entrants it was number {place}; in hindsight {printable(best)} was nearest, off by "
        f"{_points(least)}."
    )


def _percent(share: float) -> str:
    """A share as percent: whole ones, and one decimal below 10 %."""
    return f"{100 * share:.0f} %" if share >= 0.0995 or share < CLEARLY else f"{100 * share:.1f} %"


def _points(error: float) -> str:
    return f"{error:.1f} points" if error >= 0.05 else "less than 0.1 points"
