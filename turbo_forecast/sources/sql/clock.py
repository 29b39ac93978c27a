"""Times as databases give them, as moments in UTC.

Belongs here: instants, clock times of a zone, dates, seconds since 1970. Does not belong here: which column is a time.

Twice a year a zone's clock is not one-to-one with time. An hour that comes twice: a series' first row of such a clock time is of
the earlier hour, its second of the later one; both are of the same day. An hour that does not come at all: a row of it is
refused, because the clock is another zone's then; but midnight, where a day begins later, is the beginning of that day.
"""

import polars as pl

from turbo_forecast.sources.sql.database import QueryError

UTC = pl.Datetime("us", "UTC")
_WALL = pl.Datetime("us")
_MICROSECONDS = {"seconds": 1_000_000, "milliseconds": 1_000}
_LATEST_MICROSECONDS = 4_102_444_800_000_000
"""The year 2100."""


def of_numbers(numbers: pl.Series, epoch: str) -> pl.Series:
    """Moments of seconds or milliseconds since 1970. Raises QueryError for what would be after 2100."""
    if numbers.dtype.is_integer():
        counted = numbers.cast(pl.Int64, strict=False)  # of 32 bits they would overflow
        too_late = counted.is_null() & numbers.is_not_null() | (counted > _LATEST_MICROSECONDS // _MICROSECONDS[epoch])
        found = counted * _MICROSECONDS[epoch]
    else:
        exact = numbers.cast(pl.Float64) * _MICROSECONDS[epoch]
        too_late = ~(exact <= _LATEST_MICROSECONDS)
        found = exact.round().cast(pl.Int64, strict=False)
    if too_late.any():
        too_large = numbers.filter(too_late)[0]
        raise QueryError(
            f"column {numbers.name} counts {epoch} since 1970, but holds {too_large:,}: set epoch, or divide it in the query"
        )
    return found.cast(UTC)


class LocalClock:
    """Turns the clock times of one zone into moments, batch after batch of one answer."""

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._seen = pl.DataFrame(schema={"series": pl.UInt32, "wall": _WALL})

    def moments(self, walls: pl.Series, series: pl.Series) -> pl.Series:
        """walls: Datetime without a zone, or Date (its first moment); series: a number of each row's series. Raises QueryError."""
        wall = walls.cast(_WALL).alias("wall")
        frame = pl.DataFrame([series.alias("series"), wall])
        first, last = (self._to_utc(wall, ambiguous) for ambiguous in ("earliest", "latest"))
        found = first
        if first.null_count():
            day_starts = self._day_starts(wall, wall.filter(first.is_null()))
            found, last = first.fill_null(day_starts), last.fill_null(day_starts)
        is_ambiguous = (found != last).fill_null(False)
        if is_ambiguous.any():
            found = frame.select(pl.when(self._second_occurrence(frame, is_ambiguous)).then(last).otherwise(found))[
                :, 0
            ]
        return found.cast(UTC)

    def _to_utc(self, wall: pl.Series, ambiguous: str) -> pl.Series:
        moments = wall.dt.replace_time_zone(self._zone, ambiguous=ambiguous, non_existent="null")  # type: ignore[arg-type]  # its Literal
        return moments.dt.convert_time_zone("UTC")

    def _day_starts(self, wall: pl.Series, skipped: pl.Series) -> pl.Series:
        """For each row that is a midnight which does not come, the first moment of its day. skipped: all times that do not come."""
        wrong = skipped.filter(skipped != skipped.dt.truncate("1d"))
        if len(wrong):
            raise QueryError(
                f"{wrong[0]:%Y-%m-%d %H:%M:%S} does not exist in {self._zone}, whose clock is put forward then: is time_zone right?"
            )
        later = [self._to_utc(wall.dt.offset_by(f"{minutes}m"), "earliest") for minutes in (30, 60, 120)]
        return pl.select(pl.coalesce(later))[:, 0]

    def _second_occurrence(self, frame: pl.DataFrame, is_ambiguous: pl.Series) -> pl.Series:
        """Which rows are of an hour's second occurrence: their series had this clock time before."""
        rows = frame.filter(is_ambiguous)
        every = pl.concat([self._seen, rows])
        self._seen = every
        before = every.select(pl.int_range(pl.len()).over("series", "wall"))[:, 0].tail(len(rows))
        again = pl.Series([False]).new_from_index(0, len(frame))
        return again.scatter(is_ambiguous.arg_true(), before > 0)
