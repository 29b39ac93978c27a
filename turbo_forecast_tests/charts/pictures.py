"""Pictures of a made-up series, for tests of what is drawn."""

from datetime import date, timedelta

import polars as pl

from turbo_forecast.charts.picture import SeriesPicture

CUTOFF = date(2025, 12, 31)
HOSTILE = "</script><script>alert(1)</script>\" + datum.y + ' {{7*7}} żółw"


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def rows(phase: str, first: date, last: date, yhat: float) -> pl.DataFrame:
    return pl.DataFrame({"ds": days(first, last)}).with_columns(
        phase=pl.lit(phase), y=pl.lit(None, pl.Float64), yhat=pl.lit(yhat, pl.Float32),
        yhat_lower=pl.lit(yhat - 5, pl.Float32), yhat_upper=pl.lit(yhat + 5, pl.Float32),
    )  # fmt: skip


def picture(title: str = "cpu", **changed: object) -> SeriesPicture:
    """History of 2025, a backtest of December, a forecast of January: 40 observed, 42 and 45 forecast, ± 5."""
    history = pl.DataFrame({"ds": days(date(2025, 1, 1), CUTOFF)}).with_columns(y=40.0)
    both = pl.concat(
        [
            rows("backtest", date(2025, 12, 1), CUTOFF, 42.0),
            rows("forecast", date(2026, 1, 1), date(2026, 1, 31), 45.0),
        ]
    )
    given = {"title": title, "cutoff": CUTOFF, "history": history, "rows": both, "thresholds": [80.0, 90.0]}
    return SeriesPicture(**(given | changed))  # type: ignore[arg-type]
