"""What moved from one month to another: states, dates, champions, series and groups.

Belongs here: two published months side by side. Does not belong here: what a run made again changed of one month.

A date is a day of the calendar, so that time passes moves none of them, with two exceptions. What was likely before the later
month's cutoff and has not come is likely after it at the earliest: days are counted from there. And the later month's forecast
reaches further: what is expected only beyond the end of the earlier one is marked as `further`, and is no news of the series.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from turbo_forecast.answers.outlook import OutlookQuestion, outlook_answer
from turbo_forecast.errors import SettingsError, StorageError
from turbo_forecast.number_words import counted, noun
from turbo_forecast.outlook.rows import BASELINE
from turbo_forecast.schemas import CHAMPIONS, GROUP_FORECAST, GROUP_MEMBERS, PLANNED_CHANGES, SERIES_OUTCOMES
from turbo_forecast.storage.published.reading import Published, PublishedMonth
from turbo_forecast.types import State

NAMES = ["kind", "host_id", "resource"]
JUMP_DAYS = 14
"""A likely day that moved by so many days or more has jumped."""
SEVERITY = {State.UNLIKELY: 0, State.POSSIBLE: 1, State.EXPECTED: 2, State.OVER: 3, State.UNUSABLE: 4}
BREACH = (State.EXPECTED, State.OVER, State.UNUSABLE)
NOT_COMPARED_OF_PLANS = {"cutoff", "file_row", "effect"}
OF_OUTLOOK = {
    "thresholds": "thresholds",
    "resource_thresholds": "thresholds of resources",
    "host_thresholds": "thresholds of hosts",
    "reserve": "the groups' reserve",
    "group_reserves": "reserves of groups",
}
"""Options whose change alters statements about the same forecast."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What moved from `earlier` to `later`. Of each series and group, the threshold nearest to 90 % stands for it.

    remarks: sentences on what differs beside the fleet: thresholds, plans, settings.
    states: whose state is another: `kind, host_id, resource, threshold, state_before, state, likely_before, likely, probability_182,
    further`, the most urgent first; state_before is null of a new one that is expected or over at once.
    dates: whose likely day moved by JUMP_DAYS or more: `kind, host_id, resource, threshold, likely_before, likely, days` (below 0:
    earlier), the farthest first, those that come earlier before the others.
    champions: whose champion is another: `kind, host_id, resource, model_before, model, reason` (null of groups).
    series: that are new or gone, or have another outcome; groups, too, also where their hosts are others: `kind, host_id, resource,
    what, before, now`.
    """

    earlier: PublishedMonth
    later: PublishedMonth
    remarks: tuple[str, ...]
    states: pl.DataFrame
    dates: pl.DataFrame
    champions: pl.DataFrame
    series: pl.DataFrame

    @property
    def worse(self) -> pl.DataFrame:
        """Rows of `states` that became more urgent, and not only because the forecast reaches further."""
        return self.states.filter(_severity("state") > _severity("state_before").fill_null(0), ~pl.col("further"))

    @property
    def breaches(self) -> pl.DataFrame:
        """Rows of `worse` that are expected to reach the threshold now, or have reached it."""
        return self.worse.filter(pl.col("state").is_in(BREACH))

    @property
    def better(self) -> pl.DataFrame:
        """Rows of `states` that became less urgent: no longer over, no longer expected."""
        return self.states.filter(_severity("state") < _severity("state_before"))

    @property
    def is_empty(self) -> bool:
        """Whether nothing moved."""
        return all(frame.is_empty() for frame in (self.states, self.dates, self.champions, self.series))


def months_to_compare(published: Published, keys: Sequence[str] = ()) -> tuple[PublishedMonth, PublishedMonth]:
    """Two published months, the earlier first: those named, or the one named and the one before it, or the latest two.

    Raises SettingsError for the same month twice, or more than two; StorageError where one is not published.
    """
    if len(keys) > 2:
        raise SettingsError(f"two months are compared, not {len(keys)}")
    if len(set(keys)) < len(keys):
        raise SettingsError(f"month {keys[0]} is not compared with itself: name another one")
    if len(keys) == 2:
        first, second = (published.month(key) for key in sorted(keys))
        return first, second
    later = published.month(keys[0] if keys else None)
    earlier = published.earlier(later, 1)
    if not earlier:
        raise StorageError(f"no month before {later.key} is published: there is nothing to compare it with")
    return earlier[0], later


def comparison(one: PublishedMonth, other: PublishedMonth) -> Comparison:
    """What moved between two months, in whatever order they are given. Raises SettingsError for the same month, StorageError."""
    if one.key == other.key:
        raise SettingsError(f"month {one.key} is not compared with itself: name another one")
    earlier, later = sorted((one, other), key=lambda month: month.key)
    both, left_out = _statements(earlier, later)
    return Comparison(
        earlier=earlier,
        later=later,
        remarks=tuple(_remarks(earlier, later, left_out)),
        states=_states(both, earlier.windows.horizon_end),
        dates=_dates(both, later.cutoff),
        champions=_champions(earlier, later),
        series=pl.concat([_series(earlier, later), _groups(earlier, later)]).sort("what", *NAMES),
    )


def _severity(column: str) -> pl.Expr:
    return pl.col(column).replace_strict(SEVERITY, default=None, return_dtype=pl.Int64)


def _statements(earlier: PublishedMonth, later: PublishedMonth) -> tuple[pl.DataFrame, int]:
    """Both months' statements about the same threshold of each; what only the later one has, too. And how many are of others."""
    kept = [*NAMES, "threshold", "state", "early", "likely", "probability_182", "urgency"]
    before, now = (outlook_answer(month, OutlookQuestion()).select(kept) for month in (earlier, later))
    joined = now.join(before.drop("urgency"), on=NAMES, how="left", suffix="_before", maintain_order="left")
    other = pl.col("threshold") != pl.col("threshold_before")
    comparable = joined.filter(~other.fill_null(False))
    return comparable, len(joined) - len(comparable)


def _states(both: pl.DataFrame, earlier_end: date) -> pl.DataFrame:
    new = pl.col("state_before").is_null()
    changed = (pl.col("state") != pl.col("state_before")) | (new & pl.col("state").is_in(BREACH))
    reached = (
        pl.when(pl.col("state") == State.EXPECTED).then("likely").when(pl.col("state") == State.POSSIBLE).then("early")
    )
    further = ~new & (reached > earlier_end).fill_null(False)
    columns = ["state_before", "state", "likely_before", "likely", "probability_182", "further"]
    found = both.with_columns(further=further).filter(changed.fill_null(False))
    return found.sort("urgency").select(*NAMES, "threshold", *columns)


def _dates(both: pl.DataFrame, cutoff: date) -> pl.DataFrame:
    first = pl.lit(cutoff + timedelta(days=1))
    days = (pl.col("likely") - pl.max_horizontal("likely_before", first)).dt.total_days()
    ahead = (pl.col("state") == State.EXPECTED) & (pl.col("state_before") == State.EXPECTED)
    moved = both.with_columns(days=days).filter(ahead.fill_null(False), pl.col("days").abs() >= JUMP_DAYS)
    return (
        moved.sort("days", *NAMES).select(*NAMES, "threshold", "likely_before", "likely", "days").pipe(_farthest_first)
    )


def _farthest_first(moved: pl.DataFrame) -> pl.DataFrame:
    """Those that come earlier, the farthest first; then those that come later, the same."""
    return moved.sort(pl.col("days") > 0, -pl.col("days").abs(), maintain_order=True)


def _champions(earlier: PublishedMonth, later: PublishedMonth) -> pl.DataFrame:
    def of(month: PublishedMonth) -> pl.DataFrame:
        series = month.frame(CHAMPIONS).select(pl.lit("series").alias("kind"), "host_id", "resource", "model", "reason")
        groups = (
            month.frame(GROUP_FORECAST).select(pl.lit("group").alias("kind"), "host_id", "resource", "model").unique()
        )
        return pl.concat([series, groups.with_columns(reason=pl.lit(None, pl.String))])

    both = of(later).join(of(earlier).drop("reason"), on=NAMES, how="inner", suffix="_before")
    changed = both.filter(pl.col("model") != pl.col("model_before"))
    return changed.select(*NAMES, "model_before", "model", "reason").sort(NAMES)


def _series(earlier: PublishedMonth, later: PublishedMonth) -> pl.DataFrame:
    before, now = (month.frame(SERIES_OUTCOMES).select("host_id", "resource", "outcome") for month in (earlier, later))
    both = now.rename({"outcome": "now"}).join(
        before.rename({"outcome": "before"}), on=["host_id", "resource"], how="full", coalesce=True
    )
    return both.with_columns(kind=pl.lit("series"), what=_what("other outcome")).pipe(_changed)


def _groups(earlier: PublishedMonth, later: PublishedMonth) -> pl.DataFrame:
    def of(month: PublishedMonth, name: str) -> pl.DataFrame:
        hosts = pl.col("host_id").filter(pl.col("present") == 1).sort()
        return month.frame(GROUP_MEMBERS).group_by("group_name", "resource").agg(hosts.alias(name))

    both = of(later, "now").join(of(earlier, "before"), on=["group_name", "resource"], how="full", coalesce=True)
    changed = both.rename({"group_name": "host_id"}).with_columns(kind=pl.lit("group"), what=_what("other hosts"))
    texts = [_counted(name).alias(name) for name in ("before", "now")]
    return changed.filter(pl.col("what").is_not_null()).with_columns(texts).pipe(_changed)


def _counted(hosts: str) -> pl.Expr:
    """How many hosts a list has, in words; null without a list."""
    count = pl.col(hosts).list.len()
    return pl.format("{} host{}", count, pl.when(count == 1).then(pl.lit("")).otherwise(pl.lit("s")))


def _what(other: str) -> pl.Expr:
    """What became of those that one month or both have; null where nothing did."""
    return (
        pl.when(pl.col("before").is_null())
        .then(pl.lit("new"))
        .when(pl.col("now").is_null())
        .then(pl.lit("gone"))
        .when(pl.col("before") != pl.col("now"))
        .then(pl.lit(other))
    )


def _changed(both: pl.DataFrame) -> pl.DataFrame:
    return both.filter(pl.col("what").is_not_null()).select(*NAMES, "what", "before", "now")


def _remarks(earlier: PublishedMonth, later: PublishedMonth, other_threshold: int) -> list[str]:
    """Sentences on what differs beside the fleet."""
    before, now = earlier.manifest, later.manifest
    changed = [words for name, words in OF_OUTLOOK.items() if before.outlook.get(name) != now.outlook.get(name)]
    remarks = []
    if changed:
        remarks.append(f"The months were asked about other things: {', '.join(changed)} differ.")
    if other_threshold:
        remarks.append(
            f"{counted(other_threshold, 'series or group has', 'series or groups have')} another threshold than before: {noun(other_threshold, 'it is', 'they are')} not compared."
        )
    plans = [_plans(month) for month in (earlier, later)]
    if not plans[0].equals(plans[1]):
        remarks.append(
            f"The planned changes differ ({len(plans[0]):,} before, {len(plans[1]):,} now): dates have moved because of them, too."
        )
    if before.config_hash != now.config_hash:
        remarks.append("The forecasts were made with other settings.")
    if before.program != now.program:
        remarks.append(f"The forecasts were made by versions {before.program} and {now.program} of this program.")
    return remarks


def _plans(month: PublishedMonth) -> pl.DataFrame:
    """What the baseline consists of that still concerns the future of both months."""
    rows = month.frame(PLANNED_CHANGES).filter(pl.col("scenario") == BASELINE)
    return rows.select(pl.exclude(NOT_COMPARED_OF_PLANS)).unique().sort(pl.all())
