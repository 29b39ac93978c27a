"""A finished month made again by the whole job: in a folder with an awkward name, beside another fleet's, while others read it.

The run is the dearest that the tests of definitions make, so `made_again` in `conftest.py` makes it once, and each of its tests looks
at what is its own. Belongs here: the folders, the readers and the run. Does not belong here: what must be true of them.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl

from turbo_forecast.storage.datasets import parts
from turbo_forecast.storage.published.sql import publish_views
from turbo_forecast_tests.defs.conftest import MONTH, Place

FOLDER = Path("model=x", "g[1]", 'it\'s {a} "b" %41 #c *\né', "~", "-data")
TWIN = Path("model=x", "g1", 'it\'s {a} "b" %41 #c d\né', "~", "-data")
"""Where a pattern of FOLDER's name finds files, too: another fleet's."""


@dataclass(frozen=True)
class MadeAgain:
    """before: the month as it was, elsewhere, and the run that had made it. result: the run that made it again at `place`.

    looping: what the reader saw that read all the time; holding: what the one said that kept its files open.
    """

    before: Place
    before_run: str
    place: Place
    result: dg.ExecuteInProcessResult
    looping: Mapping[str, object]
    holding: str


def make_again(before: Place, before_run: str, telemetry: Path, folder: Path) -> MadeAgain:
    """Copy the month into an awkwardly named place below the folder, without its own files, and make it there again."""
    shutil.copytree(before.data, folder / FOLDER)
    publish_views(folder / FOLDER)  # they name their files by absolute paths
    for path in (folder / FOLDER).glob(f"*/{MONTH}.parquet"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(before.data, folder / TWIN)
    for path in [part for stored in (folder / TWIN).glob("*/*.parquet") for part in parts(stored)]:
        strangers = pl.read_parquet(path.read_bytes()).with_columns(host_id=pl.lit("another fleet's"))
        strangers.write_parquet(path.open("wb"))
    place = Place(folder / FOLDER, dg.DagsterInstance.ephemeral())
    looping, holding = reader(place.data, "loop"), reader(place.data, "hold")
    result = place.materialise(telemetry, MONTH)
    return MadeAgain(before, before_run, place, result, json.loads(ended(looping)), ended(holding))


def reader(data: Path, what: str) -> subprocess.Popen[str]:
    """A process that reads; it has begun when this returns."""
    command = [sys.executable, "-m", "turbo_forecast_tests.defs.published_reader", str(data), what]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline(), "it has begun"
    return process


def ended(process: subprocess.Popen[str]) -> str:
    """What a reader has to say when it may end."""
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return said
