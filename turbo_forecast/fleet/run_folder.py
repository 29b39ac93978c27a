"""The folder in which one run keeps all it has: what workers read, what they leave, what is published in the end.

Belongs here: the names of what lies in it, and the arrays that a reduction broadcasts to the next map. Does not belong here: the
folder's life (`checkpoint.py`), the formats of what workers leave (`pieces.py`).
"""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from turbo_forecast.errors import StorageError, writing
from turbo_forecast.schemas import FLEET_FORECAST, FOLD_FORECAST, FORECAST_INTERVALS, FORECAST_PARQUET

Arrays = Mapping[str, NDArray[np.generic]]
DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's folder: the one path by which a worker finds its work."""

    path: Path

    @property
    def forecast(self) -> Path:
        """What the first map leaves: every entrant's rows, and what happened to each fit."""
        return self.path / "forecast"

    @property
    def weights(self) -> Path:
        """What the first reduction has learnt."""
        return self.path / "weights"

    @property
    def combine(self) -> Path:
        """What the second map leaves: the combinations' rows, and everybody's scores."""
        return self.path / "combine"

    @property
    def decisions(self) -> Path:
        """What the second reduction has decided: champions, and the offsets of their intervals."""
        return self.path / "decisions"

    @property
    def publish(self) -> Path:
        """What the third map leaves beside the published rows: their scores."""
        return self.path / "publish"

    @property
    def rows(self) -> Path:
        """The part files of FLEET_FORECAST."""
        return self.path / "made" / FLEET_FORECAST.name

    @property
    def folds(self) -> Path:
        """The part files of FOLD_FORECAST."""
        return self.path / "made" / FOLD_FORECAST.name

    @property
    def results(self) -> Path:
        """The small tables, and the folder of the published rows' part files."""
        return self.path / "made" / "tournament"

    @property
    def published(self) -> Path:
        """The part files of FORECAST_PARQUET."""
        return self.results / FORECAST_PARQUET.name

    @property
    def intervals(self) -> Path:
        """The part files of FORECAST_INTERVALS, where there is a width beside the main one."""
        return self.results / FORECAST_INTERVALS.name

    def broadcast(self, to: Path, arrays: Arrays, *rests_on_it: Path) -> None:
        """Broadcast arrays to the workers of the next map, by files, and remove what an earlier attempt has made from other ones.

        rests_on_it: folders of what is made from the arrays. Raises StorageError.
        """
        digest = _digest(arrays)
        with writing(to):
            if not _holds(to, digest):
                for folder in (to, *rests_on_it):
                    shutil.rmtree(folder, ignore_errors=True)
                to.mkdir(parents=True)
                for name, array in arrays.items():
                    np.save(to / f"{name}.npy", array, allow_pickle=False)
                (to / DIGEST).write_text(digest)  # last: without it nothing of this is trusted
            for folder in rests_on_it:
                folder.mkdir(parents=True, exist_ok=True)


def read_broadcast(folder: Path) -> Arrays:
    """The arrays that a reduction has broadcast, mapped into memory. Raises StorageError where they are gone."""
    try:
        return {path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))}
    except (OSError, ValueError, EOFError) as error:
        raise StorageError(f"{folder} cannot be read: {error}; run the month again") from None


def _holds(folder: Path, digest: str) -> bool:
    """Whether the folder says that it holds these arrays, and does: a power cut may have left a file empty or half."""
    known = folder / DIGEST
    try:
        return known.exists() and known.read_bytes() == digest.encode() and _digest(read_broadcast(folder)) == digest
    except StorageError:
        return False


def _digest(arrays: Arrays) -> str:
    found = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
