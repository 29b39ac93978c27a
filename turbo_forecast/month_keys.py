"""Months as people write them, `YYYY-MM`: keys of partitions, stems of files, arguments of the command.

Belongs here: which months are asked for, and from which one on there are partitions. Does not belong here: what Dagster
makes of it (`defs/partitions.py`), and the windows of a month (`windows.py`).
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from turbo_forecast.errors import PartitionError, SettingsError
from turbo_forecast.option_rules import shown
from turbo_forecast.settings.environment import FIRST_MONTH

FIRST_OF_ALL = "1970-01"
MONTHS_BACK = 36
"""Partitions that there are without being asked for: as many months as a run looks back on."""
_KEY = re.compile(r"(19[7-9]\d|2\d{3})-(0[1-9]|1[0-2])")
_FORMER_KEY = re.compile(r"\d{4}-\d{2}-01")


def month_key(day: date) -> str:
    """The key of the month that holds the day."""
    return f"{day:%Y-%m}"


def shifted(key: str, months: int) -> str:
    """The key of the month so many months after (before, if negative)."""
    year, month = map(int, key.split("-"))
    index = year * 12 + month - 1 + months
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def last_over(today: date | None = None) -> str:
    """The last month that is over, by UTC's calendar."""
    return shifted(month_key(today or datetime.now(UTC).date()), -1)


def months_asked(text: str, today: date | None = None) -> list[str]:
    """Keys of `2025-12`, or of a range `2025-10..2025-12`. Raises PartitionError for a month that is not over."""
    return _months(text, last_over(today), "forecast", "the last one that is over")


def months_to_land(text: str, today: date | None = None) -> list[str]:
    """The same of months whose telemetry is wanted: the running one has some, too. Raises PartitionError for a later one."""
    return _months(text, shifted(last_over(today), 1), "landed", "the one that runs")


def _months(text: str, last: str, done: str, last_is: str) -> list[str]:
    parts = [part.strip() for part in text.split("..")]
    # a month was `2025-12-01` once, and people have scripts
    bounds = [part[:7] if _FORMER_KEY.fullmatch(part) else part for part in parts]
    for bound, part in zip(bounds, parts, strict=True):
        if not _KEY.fullmatch(bound) or bound > last:
            raise PartitionError(
                f"month {part!r} cannot be {done}: it is not a month YYYY-MM from {FIRST_OF_ALL} to {last}, {last_is}"
            )
    if len(bounds) > 2 or bounds[0] > bounds[-1]:
        raise PartitionError(f"months {text!r} are no range; write first..last, as in 2025-10..2025-12")
    keys = [bounds[0]]
    while keys[-1] < bounds[-1]:
        keys.append(shifted(keys[-1], 1))
    return keys


def first_month(named: str, configured: str, data: Path, today: date | None = None) -> str:
    """The key of the first month that has a partition: as named by the environment, else as the settings file has it.

    Where neither says, MONTHS_BACK months before the last one that is over, or the earliest month in the data folder,
    whichever is earlier: what is stored is always to be seen. Raises SettingsError.
    """
    month, place = (named, FIRST_MONTH) if named else (configured, "deployment.first_month")
    if month and (not _KEY.fullmatch(month) or month > last_over(today)):
        raise SettingsError(
            f"{place} must be a month YYYY-MM from {FIRST_OF_ALL} to {last_over(today)}, the last one that is over, not "
            f"{shown(month)}"
        )
    if month:
        return month
    return min([shifted(last_over(today), 1 - MONTHS_BACK), *_stored(data)])


def _stored(data: Path) -> Iterator[str]:
    """Months of the Parquet assets, under their names of today or their former ones; telemetry may lie beside them."""
    from turbo_forecast.schemas import FLEET_FORECAST, FOLD_FORECAST, FORECAST_PARQUET  # slow: Polars comes with it

    for asset in (FLEET_FORECAST, FOLD_FORECAST, FORECAST_PARQUET):
        for path in (data / asset.name).glob("????-??*.parquet"):
            month = path.stem[:7]
            if _KEY.fullmatch(month) and (path.stem == month or _FORMER_KEY.fullmatch(path.stem)):
                yield month


def include_month(key: str, named: str, configured: str, data: Path) -> str:
    """The first month to name, so that there is a partition of this month, however early it is; what was named, if that will do.

    named, configured, data: as for `first_month`. Raises PartitionError for a month before the first one that is stated in the
    environment or in the settings file: that is meant.
    """
    first = first_month(named, configured, data)
    if key >= first:
        return named
    place = FIRST_MONTH if named else "deployment.first_month" if configured else ""
    if place:
        raise PartitionError(f"month {key} is before the first month that is to be there: {place} is {first}")
    return key
