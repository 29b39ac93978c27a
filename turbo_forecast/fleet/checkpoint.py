"""The checkpoint of a run: what it has finished until it is published, locked, resumed by the next attempt, removed at the end.

Belongs here: the folder's life, and what must be equal for its pieces to be taken over.
Does not belong here: the pieces' format (`pieces.py`).
"""

import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cache
from importlib.util import find_spec
from io import FileIO
from pathlib import Path

import pyarrow as pa

import turbo_forecast
from turbo_forecast.errors import StorageError, writing
from turbo_forecast.fleet.audit import versions
from turbo_forecast.fleet.chunks import Span, discard_doubtful, finished_spans
from turbo_forecast.fleet.chunks import unfinished as unfinished_spans
from turbo_forecast.fleet.combining import COMBINE_LAST, COMBINED, MONTHS
from turbo_forecast.fleet.part_files import part_path
from turbo_forecast.fleet.pieces import FORECAST_PIECES, read_piece
from turbo_forecast.fleet.publishing import PUBLISH_LAST
from turbo_forecast.fleet.run_folder import RunFolder
from turbo_forecast.fleet.series_forecaster import WORKER_DIED
from turbo_forecast.fleet.store import SeriesStore
from turbo_forecast.models.external import fingerprint
from turbo_forecast.models.registry import module_of
from turbo_forecast.processes import Liveness, liveness_of_unlocked, own_process, parsed
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.storage.datasets import require_whole
from turbo_forecast.windows import Windows


@contextmanager
def checkpoint_folder(folder: Path) -> Iterator[Path]:
    """The folder of a run's checkpoint, its own until the block ends; removed when the block succeeds.

    After an error (or a crash) it stays, for the next attempt: so the block must hold the commit of the results.
    Raises StorageError when another process is at work in it, or may be: a process of another machine that left it
    without a word.
    """
    with writing(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_name(f"{folder.name}.lock").open("ab+", buffering=0)
    with lock:
        _take(lock, folder)
        try:
            yield folder
        finally:
            with suppress(OSError):
                lock.truncate(0)  # ended in order: whoever comes next need not ask who that was
        shutil.rmtree(folder, ignore_errors=True)  # not the lock: another run may just have opened it


def _take(lock: FileIO, folder: Path) -> None:
    """Lock the folder for this process and note which that is. Raises StorageError."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = True
    except OSError:
        free = False
    lock.seek(0)
    stem, _, host = lock.read().decode(errors="replace").strip().partition(" ")
    owner = parsed(stem, host)
    who = owner.describe() if owner else f"process {stem}"
    if not free:
        raise StorageError(f"{folder} is in use by another run, {who}: wait for its end, or end it there")
    if owner and liveness_of_unlocked(owner) is not Liveness.DEAD:
        raise StorageError(
            f"{folder} may be in use by {who}, which cannot be seen from here: wait for its end, or, if it has died, "
            f"remove {Path(str(lock.name)).name} beside that folder and start again"
        )
    with writing(folder):
        folder.mkdir(exist_ok=True)
        lock.truncate(0)
        lock.write(f"{own_process().stem()} {own_process().host}".encode())  # unbuffered: refused here or never


def run_folder(
    checkpoint: Path,
    store: SeriesStore,
    windows: Windows,
    settings: ForecastSettings,
    recover: Callable[[RunFolder], None] = lambda folder: None,
) -> RunFolder:
    """The folder of just this run, with what is finished of it; that of any other, and what is doubtful, is removed.

    recover: brings into the folder what is kept of the run elsewhere (`exchange.py`), before anything is judged.

    Doubtful are files that do not hold what they should, series whose worker died (that was the circumstances' doing, and may
    not happen again), and parts of series that will be forecast again. Raises StorageError.
    """
    folder = RunFolder(checkpoint / f"run-{_fingerprint(store, windows, settings)}")
    with writing(folder.path):
        for other in checkpoint.glob("run-*"):
            if other != folder.path:
                shutil.rmtree(other)
        for path in (folder.forecast, folder.combine, folder.publish, folder.results):
            path.mkdir(parents=True, exist_ok=True)
        recover(folder)
        discard_doubtful(folder.forecast, "outcomes", lambda span: _is_forecast(folder.forecast, span))
        anew = unfinished_spans(len(store), finished_spans(folder.forecast, "outcomes"))

        def sound(made: Path, pieces: Mapping[str, pa.Schema], *parts: Path) -> Callable[[Span], bool]:
            return lambda span: not any(map(span.meets, anew)) and _is_made(made, span, pieces, parts)

        combined = sound(folder.combine, COMBINED, folder.rows, folder.folds)
        discard_doubtful(folder.combine, COMBINE_LAST, combined)
        intervals = [folder.intervals] if settings.extra_widths else []
        published = sound(folder.publish, {PUBLISH_LAST: MONTHS}, folder.published, *intervals)
        discard_doubtful(folder.publish, PUBLISH_LAST, published)
    return folder


def _is_forecast(folder: Path, span: Span) -> bool:
    """Whether the pieces of a chunk can be read, and none of its series took a worker down."""
    try:
        pieces = {kind: read_piece(folder, span.stem, kind) for kind in FORECAST_PIECES}
        sound = all(pieces[kind].schema.equals(schema) for kind, schema in FORECAST_PIECES.items())
        outcomes = pieces["outcomes"]
        return sound and len(outcomes) == len(span) and WORKER_DIED not in outcomes.column("error_class").to_pylist()
    except (StorageError, OSError, pa.ArrowException):
        return False


def _is_made(folder: Path, span: Span, pieces: Mapping[str, pa.Schema], parts: Sequence[Path]) -> bool:
    """Whether a part's pieces can be read, and its files are there and whole."""
    try:
        for part in parts:
            require_whole(part_path(part, span))
        return all(read_piece(folder, span.stem, kind).schema.equals(schema) for kind, schema in pieces.items())
    except (StorageError, OSError, pa.ArrowException):
        return False


def fresh(folder: Path) -> Path:
    """The folder, empty. Raises StorageError."""
    shutil.rmtree(folder, ignore_errors=True)
    with writing(folder):
        folder.mkdir(parents=True)
    return folder


@contextmanager
def temporary(checkpoint: Path) -> Iterator[Path]:
    """An empty folder for the workers' temporary files: in the checkpoint, unless CmdStan cannot be given a path there.

    It takes a comma for the end of a file's name, and what follows a line's end for data.
    """
    within = next(
        (at for at in (checkpoint, Path(tempfile.gettempdir()), Path("/tmp")) if _for_cmdstan(at)), checkpoint
    )
    if within == checkpoint:
        yield fresh(checkpoint / "temp")
    else:
        with tempfile.TemporaryDirectory(prefix="turbo-forecast-", dir=within) as folder:
            yield Path(folder)


def _for_cmdstan(folder: Path) -> bool:
    path = str(folder.absolute())
    return "," not in path and len(path.splitlines()) == 1


def _fingerprint(store: SeriesStore, windows: Windows, settings: ForecastSettings) -> str:
    """Series, windows and what they are forecast with: what must be equal for finished chunks to be taken over."""
    return _short_digest(store.digest(), str(asdict(windows)), made_with(settings))


def made_with(settings: ForecastSettings) -> str:
    """A digest of what decides a forecast beside the series: settings, packages, code, external models' files.

    Raises SettingsError where an external model has no file.
    """
    code = [code_of(module_of(name)) for name in settings.base_models]
    external = [fingerprint(settings)] if settings.external else []
    return _short_digest(settings.config_hash(), json.dumps(versions()), own_code(), *code, *external)


def _short_digest(*decisive: str) -> str:
    return hashlib.sha256("\n".join(decisive).encode()).hexdigest()[:16]


@cache
def own_code() -> str:
    """A digest of this package's sources: versions do not change while it is developed."""
    digest = hashlib.sha256()
    for source in sorted(Path(turbo_forecast.__path__[0]).rglob("*.py")):
        digest.update(_digest(source).encode())
    return digest.hexdigest()


def code_of(module: str) -> str:
    """A digest of a module's source; empty where it has none, or cannot be found."""
    return _digest(_source(module))


def _source(module: str) -> Path | None:
    spec = find_spec(module)
    return Path(spec.origin) if spec and spec.origin else None


def _digest(source: Path | None) -> str:
    return hashlib.sha256(source.read_bytes()).hexdigest() if source and source.is_file() else ""
