"""A data folder whose months are called as they once were, `2025-12-01`: its files get the names of today, `2025-12`.

Belongs here: which names those are, and renaming that loses nothing. Does not belong here: what Dagster's instance knows of
the former partitions (`defs/partition_migration.py`).
"""

import fcntl
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from turbo_forecast.errors import writing
from turbo_forecast.schemas import FLEET_FORECAST, FOLD_FORECAST, FORECAST_PARQUET

FORMER = re.compile(r"\d{4}-(0[1-9]|1[0-2])-01")
"""A month as it was called."""
_FILES = tuple(table.name for table in (FLEET_FORECAST, FOLD_FORECAST, FORECAST_PARQUET))


@dataclass(slots=True)
class Renamed:
    """What was renamed: Parquet files by month and asset, lists of offenders; and what stays, its new name being taken."""

    parquet: set[tuple[str, str]] = field(default_factory=set)
    lists: int = 0
    kept: list[Path] = field(default_factory=list)

    @property
    def is_news(self) -> bool:
        """Whether anything was renamed: what stays, stays each time."""
        return bool(self.parquet or self.lists)

    def describe(self) -> str:
        """All of it in one line; empty where there was nothing to do."""
        clauses = []
        if self.parquet:
            months, assets = ({pair[place] for pair in self.parquet} for place in (0, 1))
            last = max(months)
            clauses.append(
                f"{_number(months, 'month')} of {_number(assets, 'Parquet asset')} {'was' if len(months) == 1 else 'were'} "
                f"renamed from {last}.parquet to {last[:7]}.parquet{' and alike' if len(months) > 1 else ''}"
            )
        if self.lists:
            clauses.append(
                f"{_number(range(self.lists), 'list')} of what checks have found got the month's name of today"
            )
        if self.kept:
            verb = "keeps its former name" if len(self.kept) == 1 else "keep their former names"
            clauses.append(
                f"{_number(self.kept, 'file')} {verb}, since there is one of today's name, which is used: {self.kept[0]}"
                f"{' and others' if len(self.kept) > 1 else ''}"
            )
        return "; ".join(clauses)


def rename_former(data: Path) -> Renamed:
    """Give all files of a data folder that carry a former month's name the name of today, and say what was done.

    No file is replaced: where there is one of today's name, the former one stays. Two processes may do this at once, and
    one that dies in between leaves nothing that the next does not finish. Raises StorageError.
    """
    done = Renamed()
    for asset in _FILES:
        for path in sorted((data / asset).glob("????-??-01.parquet")):
            if FORMER.fullmatch(path.stem) and _renamed(path, path.with_stem(path.stem[:7]), done):
                done.parquet.add((path.stem, asset))
    for path in sorted((data / "checks").glob("*/*-????-??-01.csv")):
        if FORMER.fullmatch(path.stem[-10:]) and _renamed(path, path.with_stem(path.stem[:-3]), done):
            done.lists += 1
    for folder in sorted((data / FLEET_FORECAST.name).glob(".unfinished-????-??-01")):
        _rename_unfinished(folder)
    return done


def _renamed(former: Path, today: Path, done: Renamed) -> bool:
    """Whether this call renamed the file.

    A second name, and then the first one's removal: unlike a rename, that never replaces what is there.
    """
    with writing(today):
        try:
            os.link(former, today)
        except FileNotFoundError:  # another process was faster
            return False
        except FileExistsError:
            with suppress(FileNotFoundError):
                if not today.samefile(former):
                    done.kept.append(former)
                    return False
        except OSError:  # a file system without second names
            if today.exists():
                done.kept.append(former)
                return False
            with suppress(FileNotFoundError):
                former.rename(today)
                return True
            return False
        former.unlink(missing_ok=True)
    return True


def _rename_unfinished(folder: Path) -> None:
    """Rename what an unfinished run left, unless a run of the former version is at work in it."""
    lock = folder.with_name(f"{folder.name}.lock")
    with writing(folder), lock.open("ab") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        with suppress(OSError):  # one of today's name is there: the next run of the month goes on from that
            folder.rename(folder.with_name(folder.name[:-3]))
            lock.unlink(missing_ok=True)


def _number(things: "set[str] | range | list[Path]", what: str) -> str:
    return f"{len(things):,} {what}{'' if len(things) == 1 else 's'}"
