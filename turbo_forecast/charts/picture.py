"""What is drawn of one series, as plain frames: of a published host, or of a library's result.

Belongs here: the frames, and the datasets that a chart draws of them. Does not belong here: the chart (`series.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial

import polars as pl

from turbo_forecast.answers.host import TEXT, HostAnswer, HostSeries
from turbo_forecast.text import printable, shortened
from turbo_forecast.types import Phase

DECIMALS = 2
GAP = 7
"""Days without an observation after which the line breaks: shorter silences (week-ends) are drawn through."""
LABEL = 60
"""Characters of a planned change's words beside its rule."""
LABEL_HEIGHT = 8.0
"""Percent of the axis that one line of letters takes."""
CHANGES_BELOW_EACH_OTHER = 6
_LABELS = {"d": pl.String, "label": pl.String}
_CHANGES = {"from_ds": pl.Date, "text": pl.String}
_EARLIER = {"cutoff": pl.Date, "ds": pl.Date, "yhat": pl.Float64}
_INTERVALS = {"ds": pl.Date, "interval_width": pl.Float64, "lower": pl.Float32, "upper": pl.Float32}


@dataclass(frozen=True, slots=True)
class SeriesPicture:
    """One series to be drawn. Values are percent, in [0, 100].

    title: any text. cutoff: the last known day. history: `ds, y`, the observed days. rows: `ds, phase (backtest or forecast), y, yhat,
    yhat_lower, yhat_upper`; what was observed is read from the history alone. interval_width: nominal coverage of the bounds.
    thresholds: percent of what is usable; usable: share of the capacity, 1 of a host. changes: `from_ds, text`. earlier: `cutoff, ds, yhat`, forecasts of earlier months. intervals: further ones,
    `ds, interval_width, lower, upper`.
    """

    title: str
    cutoff: date
    history: pl.DataFrame
    rows: pl.DataFrame
    interval_width: float = 0.8
    thresholds: Sequence[float] = ()
    usable: float = 1.0
    changes: pl.DataFrame = field(default_factory=partial(pl.DataFrame, schema=_CHANGES))
    earlier: pl.DataFrame = field(default_factory=partial(pl.DataFrame, schema=_EARLIER))
    intervals: pl.DataFrame = field(default_factory=partial(pl.DataFrame, schema=_INTERVALS))

    @property
    def further_widths(self) -> tuple[float, ...]:
        """Widths of the further intervals, ascending."""
        widths = self.intervals["interval_width"].unique().sort().to_list()
        return tuple(each for each in widths if each != self.interval_width)


def pictures(
    answer: HostAnswer, earlier: dict[str, pl.DataFrame] | None = None, since: date | None = None
) -> list[SeriesPicture]:
    """What is drawn of each resource of a host or group. earlier: by resource, `cutoff, ds, yhat`. since: the first day that is drawn."""
    return [_picture(answer, each, (earlier or {}).get(each.resource), since) for each in answer.series]


def _picture(answer: HostAnswer, series: HostSeries, earlier: pl.DataFrame | None, since: date | None) -> SeriesPicture:
    def drawn(frame: pl.DataFrame) -> pl.DataFrame:
        return frame if since is None or frame.is_empty() else frame.filter(pl.col("ds") >= since)

    return SeriesPicture(
        title=series.resource,
        cutoff=answer.cutoff,
        history=drawn(series.history),
        rows=drawn(series.rows),
        interval_width=answer.interval_width,
        thresholds=series.outlook["threshold"].to_list(),
        usable=series.usable,
        changes=series.in_force.select("from_ds", pl.col(TEXT).alias("text")),
        earlier=pl.DataFrame(schema=_EARLIER) if earlier is None else drawn(earlier),
        intervals=drawn(series.intervals.select(*_INTERVALS)),
    )


def days_of(picture: SeriesPicture, widths: Sequence[float]) -> pl.DataFrame:
    """A row for each day: d (YYYY-MM-DD); y observed, o the same where its neighbours are far, g where the line breaks; f forecast or
    b backtest; l, u bounds; l0, u0, l1, … those of further widths. What a day has not is null.
    """
    history = picture.history.lazy().select("ds", "y").filter(pl.col("y").is_not_null()).sort("ds")
    lines = _with_breaks(history).join(_forecasts(picture, widths), on="ds", how="full", coalesce=True).sort("ds")
    numbers = [name for name in lines.collect_schema() if name != "ds"]
    # one query for all of it: each one costs as much as these rows do
    return lines.select(_text("ds", "d"), pl.col(numbers).cast(pl.Float64).round(DECIMALS)).collect()


def _text(day: str, name: str) -> pl.Expr:
    """A day as text, which a browser reads as UTC."""
    return pl.col(day).dt.strftime("%Y-%m-%d").alias(name)


def _forecasts(picture: SeriesPicture, widths: Sequence[float]) -> pl.LazyFrame:
    is_forecast = pl.col("phase") == Phase.FORECAST
    found = picture.rows.lazy().select(
        "ds",
        pl.when(is_forecast).then("yhat").alias("f"),
        pl.when(~is_forecast).then("yhat").alias("b"),
        pl.col("yhat_lower").alias("l"),
        pl.col("yhat_upper").alias("u"),
    )
    for place, width in enumerate(widths):
        own = picture.intervals.lazy().filter(pl.col("interval_width") == width)
        bounds = own.select("ds", pl.col("lower").alias(f"l{place}"), pl.col("upper").alias(f"u{place}"))
        found = found.join(bounds, on="ds", how="left")
    return found


def _with_breaks(history: pl.LazyFrame) -> pl.LazyFrame:
    """`ds, y, o, g`: the days, and a day with g in every long silence; o: y of a day between two of them."""
    before = (pl.col("ds").diff().dt.total_days() > GAP).fill_null(True)
    after = before.shift(-1).fill_null(True)
    days = history.with_columns(
        pl.when(before & after).then("y").alias("o"),
        g=pl.lit(None, pl.Float64),
        silent=before & (pl.int_range(pl.len()) > 0),
    )
    nothing = pl.lit(None, pl.Float64)
    breaks = days.filter("silent").select(pl.col("ds") - timedelta(days=1), y=nothing, o=nothing, g=pl.lit(1.0))
    return pl.concat([days.drop("silent"), breaks]).sort("ds")


def windows_of(picture: SeriesPicture) -> pl.DataFrame:
    """Rules where windows begin and end: d, label."""
    backtest = picture.rows.select(pl.col("ds").filter(pl.col("phase") == Phase.BACKTEST).min()).item()
    found = [(str(backtest), "")] if backtest is not None else []
    return pl.DataFrame([*found, (str(picture.cutoff), f"cutoff {picture.cutoff}")], schema=_LABELS, orient="row")


def thresholds_of(picture: SeriesPicture) -> pl.DataFrame:
    """Lines: t percent of all capacity, label, and at, the height of the label, where it does not cover another's."""
    of = "" if picture.usable == 1 else " of usable"
    thresholds = sorted(set(picture.thresholds), reverse=True) if picture.usable else []  # else nothing fits at all
    rows, free = [], 101.0
    for each in thresholds:
        at = min(each * picture.usable, free)
        rows.append((round(each * picture.usable, DECIMALS), f"{each:g} %{of}", at))
        free = at - LABEL_HEIGHT
    return pl.DataFrame(rows, schema={"t": pl.Float64, "label": pl.String, "at": pl.Float64}, orient="row")


def changes_of(picture: SeriesPicture) -> pl.DataFrame:
    """Rules of planned changes: d, label, and at, the height (percent) at which it stands, so that neighbours can be read."""
    words = pl.Series("label", [shortened(printable(text), LABEL) for text in picture.changes["text"]], dtype=pl.String)
    place = pl.int_range(pl.len()) % CHANGES_BELOW_EACH_OTHER
    rows = picture.changes.with_columns(words).sort("from_ds", maintain_order=True)
    return rows.select(_text("from_ds", "d"), "label", at=96.0 - LABEL_HEIGHT * place)


def earlier_of(picture: SeriesPicture) -> pl.DataFrame:
    """Points of earlier forecasts: c the cutoff, d, f."""
    value = pl.col("yhat").cast(pl.Float64).round(DECIMALS).alias("f")
    return picture.earlier.sort("cutoff", "ds").select(_text("cutoff", "c"), _text("ds", "d"), value)
