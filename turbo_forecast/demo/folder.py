"""The demo as a folder: made whole beside its place, then renamed to it.

Belongs here: what is asked for, the manifest that states what the folder holds, and when a folder is a finished demo.
Does not belong here: what the files hold; see `roster.py`, `series.py` and `export.py`.
"""

import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.demo import host_presence
from turbo_forecast.demo.bad_rows import bad_rows, count_kinds
from turbo_forecast.demo.calendar import Calendar, calendar
from turbo_forecast.demo.export import month_file, write_month
from turbo_forecast.demo.roster import RESOURCES, Host, count_lives, count_roles, count_shapes, roster
from turbo_forecast.demo.series import FLEET_STREAM, daily_values, generator
from turbo_forecast.errors import SettingsError, StorageError
from turbo_forecast.leftovers import temporary_folder
from turbo_forecast.number_words import counted

MANIFEST = "manifest.json"
FORMAT = "turbo-forecast demo fleet"
VERSION = 1  # of what the generator makes; raise it when the same parameters give other rows
GRANULARITIES = ("daily", "hourly")


@dataclass(frozen=True, slots=True)
class DemoParameters:
    """What decides a demo, to the byte."""

    hosts: int
    months: int
    end: date
    granularity: str
    seed: int

    def check(self) -> None:
        """Raise SettingsError, naming the option, when a value cannot work."""
        for option, least in (("hosts", 1), ("months", 1), ("seed", 0)):
            value = getattr(self, option)
            if value < least:
                raise SettingsError(f"{option} must be at least {least}, not {value}")
        if self.granularity not in GRANULARITIES:
            raise SettingsError(f"granularity must be one of {', '.join(GRANULARITIES)}, not {self.granularity!r}")

    def as_json(self) -> dict[str, Any]:
        """The parameters as the manifest states them."""
        return {**asdict(self), "end": self.end.isoformat()}


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What a demo folder holds, and whether this call wrote it or found it."""

    path: Path
    manifest: dict[str, Any]
    written: bool
    seconds: float
    kept_aside: Path | None = None
    """Where the folder went that was in the way and held more than a demo."""

    @property
    def rows(self) -> int:
        """Rows in all files, bad ones included."""
        return int(self.manifest["rows"])

    @property
    def bytes(self) -> int:
        """Size of all telemetry files."""
        return sum(int(file["bytes"]) for file in self.manifest["files"])

    def describe(self) -> str:
        """The demo in a few lines: what was written, or that it was there."""
        manifest = self.manifest
        if not self.written:
            return f"The demo is already in {self.path}: {counted(self.rows, 'row')} of {manifest['series']:,} series."
        lines = [
            f"Wrote {self.rows:,} {manifest['parameters']['granularity']} rows of {manifest['series']:,} series"
            f" ({counted(manifest['parameters']['hosts'], 'host')} x {counted(len(manifest['resources']), 'resource')}),"
            f" {manifest['first_day']} to {manifest['last_day']},",
            f"in {counted(len(manifest['files']), 'file')} ({self.bytes / 1e6:,.1f} MB) to {self.path} in {self.seconds:.1f} s.",
            f"Hosts by role: {_counts(manifest['hosts_by_role'])}",
            f"Hosts by life: {_counts(manifest['hosts_by_life'])}",
            f"Series by shape: {_counts(manifest['series_by_shape'])}",
            f"Bad rows, on purpose: {_counts(manifest['bad_rows'])}",
        ]
        if self.kept_aside:
            lines.append(f"What was in the folder is now in {self.kept_aside}.")
        return "\n".join(lines)


def write_demo_fleet(
    out: Path,
    *,
    hosts: int = 2000,
    months: int = 36,
    end: date = date(2025, 12, 31),
    granularity: str = "daily",
    seed: int = 0,
    overwrite: bool = False,
) -> DemoReport:
    """Write a synthetic fleet's telemetry to the folder `out`, unless that very demo is there already.

    The folder appears whole or not at all; the same parameters give the same bytes. Its `manifest.json` states the
    parameters, the files, and how many hosts, series and bad rows of each kind there are.

    Raises
    ------
    SettingsError
        A parameter cannot work, or `out` holds something else and `overwrite` is not set. With `overwrite`, a demo is
        replaced, and a folder that holds anything besides a demo is renamed and kept.
    StorageError
        The folder cannot be written.
    """
    parameters = DemoParameters(hosts, months, end, granularity, seed)
    parameters.check()
    days = calendar(months, end)
    out = out.resolve()  # "." has no name to write beside, and a link cannot be renamed over
    started = time.perf_counter()
    try:
        found = _finished(out)
        if found is not None and _asked_for(found) == _wanted(parameters) and not _foreign(out, found):
            return DemoReport(out, found, written=False, seconds=time.perf_counter() - started)
        if not overwrite:
            _refuse_what_is_there(out, found)
        out.parent.mkdir(parents=True, exist_ok=True)
        manifest, kept_aside = _write_beside(out, parameters, days)
    except OSError as error:
        raise StorageError(f"the demo cannot be written to {out}: {error}") from error
    return DemoReport(out, manifest, written=True, seconds=time.perf_counter() - started, kept_aside=kept_aside)


def _write_beside(out: Path, parameters: DemoParameters, days: Calendar) -> tuple[dict[str, Any], Path | None]:
    """Make the demo in a hidden folder beside `out`, then rename it to `out`."""
    with temporary_folder(_partial_prefix(out), out.parent) as partial:
        try:
            manifest = _fill(partial, parameters, days)
            partial.chmod(0o777 & ~_umask())  # a temporary folder is its owner's alone
            kept_aside = _make_way(out, partial)
            partial.rename(out)
            _sync(out.parent)
        finally:
            shutil.rmtree(_replaced(partial), ignore_errors=True)
    return manifest, kept_aside


def _fill(folder: Path, parameters: DemoParameters, days: Calendar) -> dict[str, Any]:
    fleet = roster(parameters.hosts)
    outage = host_presence.outage_day(days, generator(parameters.seed, FLEET_STREAM, 0).random())
    daily = daily_values(fleet, days, parameters.seed, outage)
    bad = bad_rows(daily, parameters.seed)
    hourly_seed = parameters.seed if parameters.granularity == "hourly" else None
    files: list[dict[str, Any]] = []
    for month in days.months:
        path = folder / month_file(month)
        rows = write_month(path, month, fleet, days, daily, bad, hourly_seed)
        _sync(path)
        files.append({"name": path.name, "rows": rows, "bytes": path.stat().st_size})
    manifest = {
        **_wanted(parameters),
        **_facts(fleet, days, daily, outage),
        "bad_rows": count_kinds(bad),
        "rows": sum(file["rows"] for file in files),
        "files": files,
    }
    path = folder / MANIFEST
    path.write_text(json.dumps(manifest, indent=2) + "\n")
    _sync(path)
    return manifest


def _facts(fleet: list[Host], days: Calendar, daily: NDArray[np.float32], outage: int) -> dict[str, Any]:
    return {
        "first_day": str(days.days[0]),
        "last_day": str(days.days[-1]),
        "outage_day": str(days.days[outage]) if outage >= 0 else None,
        "resources": list(RESOURCES),
        "series": len(fleet) * len(RESOURCES),
        "series_days": int(np.isfinite(daily).sum()),  # days with a usable value, over all series
        "hosts_by_role": count_roles(fleet),
        "hosts_by_life": count_lives(fleet),
        "series_by_shape": count_shapes(fleet),
    }


def _wanted(parameters: DemoParameters) -> dict[str, Any]:
    return {"format": FORMAT, "version": VERSION, "parameters": parameters.as_json()}


def _asked_for(manifest: dict[str, Any]) -> dict[str, Any]:
    return {key: manifest.get(key) for key in ("format", "version", "parameters")}


def _finished(out: Path) -> dict[str, Any] | None:
    """The manifest of the finished demo in `out`; None when there is none, or a file of it is gone or cut short."""
    try:
        manifest = json.loads((out / MANIFEST).read_text())
        if manifest["format"] != FORMAT or not {"version", "parameters", "rows"} <= manifest.keys():
            return None
        whole = all(bool((out / file["name"]).stat().st_size == file["bytes"]) for file in manifest["files"])
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None
    return manifest if whole else None


def _foreign(out: Path, manifest: dict[str, Any]) -> list[str]:
    """What is in `out` besides the demo. Hidden files do not count here: desktops leave them wherever one looks."""
    return sorted(name for name in _besides(out, manifest) if not name.startswith("."))


def _besides(out: Path, manifest: dict[str, Any]) -> set[str]:
    return {entry.name for entry in out.iterdir()} - {MANIFEST, *(file["name"] for file in manifest["files"])}


def _refuse_what_is_there(out: Path, found: dict[str, Any] | None) -> None:
    if found is not None and not _foreign(out, found):
        there = ", ".join(f"{name} {value}" for name, value in found["parameters"].items())
        raise SettingsError(
            f"out: {out} holds another demo ({there}, version {found['version']});"
            " choose another folder, or replace it with --overwrite"
        )
    if out.exists() and not out.is_dir():
        raise SettingsError(f"out: {out} is a file; name a folder")
    if out.exists() and any(out.iterdir()):
        raise SettingsError(
            f"out: {out} holds files that are not, or not only, a finished demo;"
            " choose another folder, or move this one aside with --overwrite"
        )


def _make_way(out: Path, partial: Path) -> Path | None:
    """Free the place of `out`: a demo is removed, anything else is kept under another name, which is returned."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    found = _finished(out)
    if found is None or _besides(out, found):
        aside = next(path for n in range(1, 10_000) if not (path := out.with_name(f"{out.name}.old-{n}")).exists())
        out.rename(aside)
        return aside
    out.rename(_replaced(partial))
    return None


def _replaced(partial: Path) -> Path:
    """Where the demo that is replaced waits to be removed, until the new one is in its place."""
    return partial.with_name(f"{partial.name}-replaced")


def _partial_prefix(out: Path) -> str:
    return f".{out.name}.partial-"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
