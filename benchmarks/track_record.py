"""How often statements about thresholds come true: the outlook's beside the point forecast's, the upper bound's, Prophet's draws.

Belongs here: the four kinds of statement on the same untouched backtest, judged by frames that share no code with the
product's outlook. Does not belong here: how the product makes its statements (`turbo_forecast/outlook/`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import polars as pl

from benchmarks.measuring import table
from benchmarks.rivals import SEED_PROPHET, Question, answers, questions
from turbo_forecast.library.forecast import FleetResult
from turbo_forecast.models.prophet_stan import StanEngine
from turbo_forecast.models.protocol import Say, Values
from turbo_forecast.settings import DEFAULT_THRESHOLDS, ForecastSettings
from turbo_forecast.windows import Windows

OUTLOOK, POINT, UPPER, DRAWS = "outlook", "point forecast", "upper bound", "Prophet, draws of its own trend"
DAYS, OBSERVED = 7, 4
"""A level is the mean of so many days, of which so many at least are observed."""
PROPHET_DRAWS = 500
_SERIES = ["host_id", "resource"]


@dataclass(frozen=True, slots=True)
class Record:
    """Statements of one kind about one threshold (None: all of them), against what happened."""

    kind: str
    threshold: float | None
    n: int
    events: int
    brier: float
    base_rate_brier: float
    recall: float
    precision: float

    @property
    def skill(self) -> float:
        """1 - Brier score over the base rate's; NaN where all or nothing happened."""
        return 1 - self.brier / self.base_rate_brier if self.base_rate_brier else float("nan")


def reached(days: pl.DataFrame, thresholds: Iterable[float], windows: Windows) -> pl.DataFrame:
    """`host_id, resource, threshold, happened`: whether the 7-day mean reaches the threshold on a day of the backtest.

    days: `host_id, resource, ds, value`, one row a day, from some days before the backtest to its end; days may be missing,
    and a value may be null.
    """
    first, last = windows.train_end - timedelta(days=DAYS - 2), windows.cutoff
    calendar = pl.DataFrame({"ds": pl.date_range(first, last, eager=True)})
    whole = (
        days.select(_SERIES)
        .unique()
        .join(calendar, how="cross")
        .join(days, on=[*_SERIES, "ds"], how="left")
        .sort(*_SERIES, "ds")
    )
    level = pl.col("value").rolling_mean(DAYS, min_samples=OBSERVED).over(_SERIES)
    highest = (
        whole.with_columns(level=level)
        .filter(pl.col("ds") > windows.train_end)
        .group_by(_SERIES)
        .agg(pl.col("level").max())
    )
    asked = pl.DataFrame({"threshold": sorted(thresholds)}, schema={"threshold": pl.Float64})
    happened = (pl.col("level") >= pl.col("threshold")).fill_null(False).cast(pl.Float64)
    return highest.join(asked, how="cross").select(*_SERIES, "threshold", happened=happened)


def statements(
    base: pl.DataFrame, held: FleetResult, windows: Windows, thresholds: Iterable[float] = DEFAULT_THRESHOLDS
) -> pl.DataFrame:
    """`host_id, resource, threshold, happened`, and a column a kind: what each said before the backtest, as a probability.

    Over the series with a published backtest of which a day was observed, and the thresholds given that the outlook knows.
    """
    thresholds = list(thresholds)
    known = base.filter(pl.col("ds") <= windows.train_end).select(*_SERIES, "ds", value="y")
    truth = base.filter(pl.col("ds") <= windows.cutoff).select(*_SERIES, "ds", value="y")
    rows = held.published.filter(pl.col("phase") == "backtest")
    found = reached(truth.join(rows, on=_SERIES, how="semi"), thresholds, windows)
    for kind, column in ((POINT, "yhat"), (UPPER, "yhat_upper")):
        projected = rows.select(*_SERIES, "ds", value=pl.col(column).cast(pl.Float64))
        together = pl.concat([known.join(rows, on=_SERIES, how="semi"), projected])
        told = reached(together, thresholds, windows).rename({"happened": kind})
        found = found.join(told, on=[*_SERIES, "threshold"])
    last = held.outlook_backtest.filter((pl.col("kind") == "series") & (pl.col("horizon_days") == horizon(held)))
    said = last.select(*_SERIES, "threshold", pl.col("probability").alias(OUTLOOK))
    return found.join(said, on=[*_SERIES, "threshold"]).sort(*_SERIES, "threshold")


def horizon(held: FleetResult) -> int:
    """The longest horizon that the outlook was judged on, in days."""
    return int(held.outlook_backtest["horizon_days"].max() or 0)  # type: ignore[arg-type]


def with_draws(
    found: pl.DataFrame,
    base: pl.DataFrame,
    series: pl.DataFrame,
    windows: Windows,
    settings: ForecastSettings,
    say: Say,
) -> pl.DataFrame:
    """The statements of `series` (`host_id, resource`), with what stock Prophet's own draws say; without those it fails on."""
    train = base.filter(pl.col("ds").is_between(windows.history_start, windows.train_end))
    asked = [*questions(train.join(series, on=_SERIES, how="semi"), windows, settings, [SEED_PROPHET])]
    own = [replace(question, settings=_drawing(question.settings)) for *_, question in asked]
    told = zip(asked, answers(draw, own, settings, say), strict=True)
    rows = [
        (host, resource, threshold, probability)
        for (host, resource, _), probabilities in told
        for threshold, probability in (probabilities or {}).items()
    ]
    schema = {**dict.fromkeys(_SERIES, pl.String), "threshold": pl.Float64, DRAWS: pl.Float64}
    return found.join(pl.DataFrame(rows, schema=schema, orient="row"), on=[*_SERIES, "threshold"])


def _drawing(settings: ForecastSettings) -> ForecastSettings:
    return settings.model_copy(update={"uncertainty_samples": PROPHET_DRAWS})


def draw(question: Question) -> dict[float, float] | None:
    """The share of stock Prophet's draws whose 7-day mean reaches each default threshold; None where it fails."""
    engine, window = StanEngine(question.settings), question.window
    try:
        season = engine.season(window.days)
        model = engine.fit(window.days, window.y, window.seed, season)
        np.random.seed(window.seed % 2**32)  # Prophet draws from NumPy's global generator
        future = engine.history(window.horizon, np.zeros(window.horizon.size), season).drop(columns="y")
        draws = np.asarray(model.predictive_samples(future)["yhat"], dtype=np.float64)
    except Exception:  # whatever Prophet raises is a series it has no statement about
        return None
    first = int(window.horizon[0])
    return {
        threshold: share_reaching(window.days, window.y, first, draws, threshold) for threshold in DEFAULT_THRESHOLDS
    }


def share_reaching(days: Values, y: Values, first: int, draws: Values, threshold: float) -> float:
    """Share of the draws whose 7-day mean reaches the threshold on one of their days.

    draws: (h, s) percent, of the days from number `first` on. days, y: (n,) observed before; the last six days count in the
    means of the first ones.
    """
    before = np.full(DAYS - 1, np.nan)
    near = days > first - DAYS
    before[days[near].astype(np.int64) - first + DAYS - 1] = y[near]
    whole = np.vstack([np.tile(before[:, None], draws.shape[1]), draws])
    weeks = np.lib.stride_tricks.sliding_window_view(whole, DAYS, axis=0)
    means = np.where(np.isfinite(weeks).sum(axis=2) >= OBSERVED, np.nanmean(weeks, axis=2), -np.inf)
    return float((means.max(axis=0) >= threshold).mean())


def records(found: pl.DataFrame, kinds: Iterable[str]) -> list[Record]:
    """Of each kind: each threshold, and all of them."""
    parts: list[tuple[float | None, pl.DataFrame]] = [
        (float(threshold), part)  # type: ignore[arg-type]
        for (threshold,), part in found.group_by("threshold", maintain_order=True)
    ]
    parts.sort(key=lambda each: each[0] or 0)
    return [_record(kind, threshold, part) for kind in kinds for threshold, part in [*parts, (None, found)]]


def _record(kind: str, threshold: float | None, part: pl.DataFrame) -> Record:
    said, happened = part[kind].to_numpy(), part["happened"].to_numpy()
    likely = said >= 0.5
    # the base rate is each threshold's own, also where all thresholds are taken together
    rate = part.select(pl.col("happened").mean().over("threshold")).to_series().to_numpy()
    with np.errstate(invalid="ignore"):
        return Record(
            *(kind, threshold, part.height, int(happened.sum())),
            brier=float(np.square(said - happened).mean()),
            base_rate_brier=float(np.square(rate - happened).mean()),
            recall=float(np.divide(happened[likely].sum(), happened.sum())),
            precision=float(np.divide(happened[likely].sum(), likely.sum())),
        )


def reliability(found: pl.DataFrame, kind: str) -> list[tuple[int, float, float, int]]:
    """Bin, mean probability, share that came true, statements: of the bins with any; the last holds 1 too."""
    number = (pl.col(kind) * 10).floor().clip(0, 9).cast(pl.Int64) + 1
    bins = found.group_by(bin=number).agg(pl.col(kind).mean().alias("p"), pl.col("happened").mean(), pl.len())
    return list(bins.sort("bin").iter_rows())


HEAD = ["what was said", "threshold", "statements", "events", "Brier", "base rate's", "skill", "recall", "precision"]


def _lines(found: pl.DataFrame, kinds: Iterable[str]) -> list[list[str]]:
    return [
        [
            *(one.kind, "all" if one.threshold is None else f"{one.threshold:.0f} %", f"{one.n:,}", f"{one.events:,}"),
            *(f"{one.brier:.3f}", f"{one.base_rate_brier:.3f}", f"{one.skill:.2f}"),
            *(f"{one.recall:.2f}", f"{one.precision:.2f}"),
        ]
        for one in records(found, kinds)
    ]


def record_report(found: pl.DataFrame, kinds: Iterable[str], days: int) -> str:
    """The section: how often such statements were true, and the reliability of the outlook's."""
    bins = [[str(number), f"{p:.2f}", f"{o:.2f}", f"{n:,}"] for number, p, o, n in reliability(found, OUTLOOK)]
    words = (
        f"Whether the 7-day mean reaches the threshold within {days} days, said before the backtest and judged on it. The "
        "base rate is each threshold's share of events, known only afterwards. Recall and precision: of statements of a "
        "half or more."
    )
    return "\n\n".join(
        [
            f"### Thresholds: how often what was said came true\n\n{words}",
            table(HEAD, _lines(found, kinds)),
            table(["bin", "predicted", "observed", "statements"], bins),
        ]
    )


def track_record(
    base: pl.DataFrame, held: FleetResult, series: pl.DataFrame, windows: Windows, settings: ForecastSettings, say: Say
) -> str:
    """The section of one month: all series, and those that stock Prophet draws for, `series` (`host_id, resource`)."""
    everyone = statements(base, held, windows)
    if everyone.is_empty():
        return ""
    days = (windows.cutoff - windows.train_end).days
    report = record_report(everyone, (OUTLOOK, POINT, UPPER), days)
    drawn = with_draws(everyone, base, series, windows, settings, say)
    if drawn.is_empty():
        return report
    beside = table(HEAD, _lines(drawn, (OUTLOOK, POINT, UPPER, DRAWS)))
    count = drawn.select(pl.struct(_SERIES).n_unique()).item()
    return (
        f"{report}\n\nThe same over the {count} series that stock Prophet drew {PROPHET_DRAWS} paths for.\n\n{beside}"
    )
