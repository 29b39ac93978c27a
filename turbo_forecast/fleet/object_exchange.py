"""The exchange of a run whose results lie on object storage: series, chunks and parts travel as objects below `runs/`.

    runs/<month>/<run>/series/about.json, 000000.arrow …    the series, a batch an object
    runs/<month>/<run>/weights/…, decisions/…               what a reduction has decided; its digest last
    runs/<month>/<run>/steps/<step>.json                    which pieces a step reads, and of which decisions
    runs/<month>/<run>/<folder>/<span>.<kind>.arrow         pieces; `rows` and `outcomes` are cut at the borders of parts
    runs/<month>/<run>/done/<step>/<span>.json              that a task is finished, and its objects: put last

Belongs here: which files of a run's folder are which objects, and their order. Does not belong here: how a store is spoken to
(`storage/objects/store.py`), the files' formats (`pieces.py`, `store.py`), and who carries tasks (`executors/`).

A worker that combines a part reads the rows of that part's series alone, out of chunks of thousands: so rows are cut.
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from turbo_forecast.addresses import Address
from turbo_forecast.errors import StorageError, writing
from turbo_forecast.fleet.blocks import tiling, write_tiling
from turbo_forecast.fleet.chunks import Span, cut_at_parts
from turbo_forecast.fleet.combining import COMBINE_LAST
from turbo_forecast.fleet.pieces import piece, read_piece, write_piece
from turbo_forecast.fleet.publishing import PUBLISH_LAST
from turbo_forecast.fleet.run_folder import DIGEST, RunFolder
from turbo_forecast.fleet.store import ABOUT, SeriesStore, batch_name, separate_batches
from turbo_forecast.fleet.tasks import Job, Step, Task
from turbo_forecast.storage.arrow_arrays import numpy_array
from turbo_forecast.storage.objects.keys import RUNS
from turbo_forecast.storage.objects.shared_runs import forget
from turbo_forecast.storage.objects.store import MissingError, ObjectStore

LAST = {Step.FORECAST: "outcomes", Step.COMBINE: COMBINE_LAST, Step.PUBLISH: PUBLISH_LAST}
"""The kind of piece that says in a folder that a task is finished."""
CUT = ("rows", "outcomes")
"""Kinds of pieces of which later steps read single parts."""
READ: Mapping[Step, Mapping[str, tuple[str, ...]]] = {
    Step.FORECAST: {},
    Step.COMBINE: {"forecast": ("rows",)},
    Step.PUBLISH: {"forecast": CUT, "combine": ("rows",)},
}
"""The pieces that a step reads: kinds, by the folder they lie in."""


@dataclass(frozen=True, slots=True)
class ObjectExchange:
    """Where a month's run is shared (`exchange.Exchange`). It is pickled to workers: an address and a month, and no secret.

    A worker calls `localise` once, and `stage_in` before it prepares a task's step: steps map into memory what was decided.
    """

    address: Address
    month: str

    @property
    def _store(self) -> ObjectStore:
        return ObjectStore(self.address)

    def _key(self, folder: RunFolder, inside: str) -> str:
        return f"{RUNS}/{self.month}/{folder.path.name}/{inside}"

    def recover(self, folder: RunFolder) -> None:
        """Bring here what an earlier attempt has finished, and forget other runs of the month. Raises StorageError."""
        store, own = self._store, self._key(folder, "")
        there = store.listed(f"{RUNS}/{self.month}")
        forget(store, [key for key in there if not key.startswith(own)])
        for step in Step:
            if step is Step.FORECAST or self._same_decisions(folder, step):
                for span in _spans_done(there, self._key(folder, f"done/{step}/")):
                    if not piece(_folders(folder, step)[0], span.stem, LAST[step]).exists():
                        self._recover(folder, Task(step, span))

    def _recover(self, folder: RunFolder, task: Task) -> None:
        """Bring a finished task here; where something has removed what was left of it, it is finished no more. Raises StorageError."""
        try:
            self.collect(folder, task)
        except MissingError:
            self._store.delete([self._key(folder, _done(task))])

    def share(self, job: Job, tasks: Sequence[Task]) -> None:
        """Share what is finished of these tasks, as far as it is not shared yet. Raises StorageError."""
        there = self._store.listed(self._key(job.folder, "done"))
        for task in tasks:
            if self._key(job.folder, _done(task)) not in there:
                self.stage_out(job, task)

    def offer(self, job: Job, step: Step) -> None:
        """Share what the step reads: the series, what was decided, which pieces there are. Raises StorageError."""
        folder, total = job.folder, len(SeriesStore(job.store))
        if step is Step.FORECAST:
            self._offer_series(job)
            return
        document: dict[str, object] = {"digest": self._offer_decisions(folder, step)}
        for name in READ[step]:
            tiles = tiling(folder.path / name, total, LAST[Step(name)])
            document[name] = [(part.lo, part.hi, max(first, part.lo)) for part, first in _cut(tiles)]
        self._store.write(self._key(folder, f"steps/{step}.json"), json.dumps(document).encode())

    def collect(self, folder: RunFolder, task: Task) -> None:
        """Bring here what a worker has left of a task, the piece that says so last. Raises StorageError."""
        document = self._read_document(
            folder, _done(task), f"{task.step} of series {task.span.lo:,} to {task.span.hi - 1:,}"
        )
        at, last = _folders(folder, task.step)[0], f".{LAST[task.step]}.arrow"
        self._get(folder, [name for name in document["files"] if not name.endswith(last)])
        for kind in sorted(document["cut"], key=lambda kind: kind == LAST[task.step]):
            parts = [self._piece(folder, name) for name in document["cut"][kind]]
            write_piece(at, task.span.stem, kind, pa.concat_tables(parts))
        self._get(folder, [name for name in document["files"] if name.endswith(last)])

    def localise(self, job: Job, here: Path) -> Job:
        """The job in a folder of this machine. Raises StorageError where the run has not offered its series."""
        folder = RunFolder(here / job.folder.path.name)
        with writing(here):
            for path in (here / "temp", folder.forecast, folder.combine, folder.publish, folder.results):
                path.mkdir(parents=True, exist_ok=True)
        self._get_lacking(folder, [f"series/{ABOUT}"])
        return replace(job, store=folder.path / "series", folder=folder, temp=here / "temp")

    def stage_in(self, job: Job, task: Task) -> None:
        """Bring what a task reads, as far as it is not here. Raises StorageError."""
        folder, span = job.folder, task.span
        numbers = SeriesStore(job.store).batches(span.lo, span.hi)
        self._get_lacking(folder, [f"series/{batch_name(number)}" for number in numbers])
        if task.step is Step.FORECAST:
            return
        document = self._read_document(folder, f"steps/{task.step}.json", f"the step {task.step}")
        self._bring_decisions(folder, task.step, document["digest"])
        for name, kinds in READ[task.step].items():
            tiles = [(Span(lo, hi), first) for lo, hi, first in document[name]]
            write_tiling(folder.path / name, tiles)
            met = [tile for tile, _ in tiles if tile.meets(span)]
            self._get_lacking(folder, [_inside(name, tile, kind) for tile in met for kind in kinds])

    def stage_out(self, job: Job, task: Task) -> None:
        """Share what was made of a task, that it is finished last. Raises StorageError."""
        store, folder, span = self._store, job.folder, task.span
        files = [path for at in _folders(folder, task.step) for path in _files_of(at, span)]
        parts = cut_at_parts(span)
        kinds = {} if len(parts) == 1 else {path.name.split(".")[1]: path for path in files}
        cut = {kind: path for kind, path in kinds.items() if kind in CUT and path.suffix == ".arrow"}
        whole = [path for path in files if path not in cut.values()]
        store.put_all((path, self._key(folder, path.relative_to(folder.path).as_posix())) for path in whole)
        names: dict[str, list[str]] = {}
        for kind, path in cut.items():
            table = read_piece(path.parent, span.stem, kind)
            names[kind] = [_inside(path.parent.name, part, kind) for part in parts]
            for part, name in zip(parts, names[kind], strict=True):
                store.write(self._key(folder, name), _of_part(table, part))
        document = {"files": [path.relative_to(folder.path).as_posix() for path in whole], "cut": names}
        store.write(self._key(folder, _done(task)), json.dumps(document).encode())

    def _offer_series(self, job: Job) -> None:
        """The run's series, unless they are there."""
        store, key = self._store, self._key(job.folder, f"series/{ABOUT}")
        about, batches = separate_batches(job.store)
        content = json.dumps(about).encode()
        if store.read(key) == content:
            return
        for name, batch in batches:
            store.write(self._key(job.folder, f"series/{name}"), batch)
        store.write(key, content)

    def _offer_decisions(self, folder: RunFolder, step: Step) -> str:
        """What the step's tasks rest on, and its digest; what was made of other decisions is finished no more."""
        store, decided = self._store, _decisions(folder, step)
        with writing(decided):
            digest = (decided / DIGEST).read_text()
        key = self._key(folder, f"{decided.name}/{DIGEST}")
        if store.read(key) != digest.encode():
            stale = [Step.COMBINE, Step.PUBLISH] if step is Step.COMBINE else [Step.PUBLISH]
            done = [key for each in stale for key in store.listed(self._key(folder, f"done/{each}"))]
            store.delete([key, *done])
            arrays = sorted(decided.glob("*.npy"))
            store.put_all((path, self._key(folder, f"{decided.name}/{path.name}")) for path in arrays)
            store.write(key, digest.encode())
        return digest

    def _same_decisions(self, folder: RunFolder, step: Step) -> bool:
        """Whether what the store has of a step rests on what this folder has decided; on an empty one, it is brought."""
        decided = _decisions(folder, step)
        shared = self._store.read(self._key(folder, f"{decided.name}/{DIGEST}"))
        if shared is None:
            return False
        if not (decided / DIGEST).exists():
            self._get_decisions(folder, decided)
        return (decided / DIGEST).read_bytes() == shared

    def _bring_decisions(self, folder: RunFolder, step: Step, digest: str) -> None:
        """Have what the step rests on here; what was made of other decisions goes. Raises StorageError."""
        decided = _decisions(folder, step)
        if (decided / DIGEST).exists() and (decided / DIGEST).read_text() == digest:
            return
        with writing(decided):
            for path in (decided, *_folders(folder, step)):
                shutil.rmtree(path, ignore_errors=True)
                path.mkdir(parents=True)
        self._get_decisions(folder, decided)

    def _get_decisions(self, folder: RunFolder, decided: Path) -> None:
        """The arrays, and last the digest, without which nothing trusts them."""
        prefix = self._key(folder, f"{decided.name}/")
        names = [key.removeprefix(prefix) for key in self._store.listed(prefix.rstrip("/"))]
        self._get(folder, [f"{decided.name}/{name}" for name in names if name != DIGEST])
        self._get(folder, [f"{decided.name}/{DIGEST}"])

    def _read_document(self, folder: RunFolder, inside: str, what: str) -> dict[str, Any]:
        """A document of the run. Raises StorageError where it is not there."""
        key = self._key(folder, inside)
        content = self._store.read(key)
        if content is None:
            raise StorageError(f"{self.address.at(key)} is not there: {what} was not shared; run the month again")
        found: dict[str, Any] = json.loads(content)
        return found

    def _piece(self, folder: RunFolder, name: str) -> pa.Table:
        key = self._key(folder, name)
        content = self._store.read(key)
        if content is None:
            raise MissingError(f"{self.address.at(key)} is not there: something has removed it; run the month again")
        return pa.ipc.open_file(pa.py_buffer(content)).read_all()

    def _get(self, folder: RunFolder, names: Iterable[str]) -> None:
        """Bring objects under the names they have in a run's folder."""
        self._store.get_all((self._key(folder, name), folder.path / name) for name in names)

    def _get_lacking(self, folder: RunFolder, names: Iterable[str]) -> None:
        """The same of what is not here: objects of a run do not change while it lasts."""
        self._get(folder, [name for name in names if not (folder.path / name).exists()])


def _folders(folder: RunFolder, step: Step) -> list[Path]:
    """Where a step's tasks leave files; its pieces come first."""
    return {
        Step.FORECAST: [folder.forecast],
        Step.COMBINE: [folder.combine, folder.rows, folder.folds],
        Step.PUBLISH: [folder.publish, folder.published, folder.intervals],
    }[step]


def _decisions(folder: RunFolder, step: Step) -> Path:
    """The arrays that a step's tasks rest on."""
    return folder.weights if step is Step.COMBINE else folder.decisions


def _done(task: Task) -> str:
    return f"done/{task.step}/{task.span.stem}.json"


def _spans_done(keys: Mapping[str, object], prefix: str) -> list[Span]:
    stems = [key.removeprefix(prefix).removesuffix(".json") for key in keys if key.startswith(prefix)]
    return [Span(*map(int, stem.split("-"))) for stem in stems]


def _inside(name: str, span: Span, kind: str) -> str:
    """A piece's name in a run's folder."""
    return f"{name}/{span.stem}.{kind}.arrow"


def _files_of(folder: Path, span: Span) -> list[Path]:
    """The files of a span in a folder, but for those that are being written."""
    return [path for path in sorted(folder.glob(f"{span.stem}.*")) if path.suffix in (".arrow", ".parquet")]


def _cut(tiles: Iterable[tuple[Span, int]]) -> list[tuple[Span, int]]:
    """The tiles cut at the borders of parts, but for what is taken from others."""
    return [(part, first) for span, first in tiles for part in cut_at_parts(span) if part.hi > first]


def _of_part(table: pa.Table, part: Span) -> bytes:
    """The rows of a part's series as an Arrow file. table: sorted by series."""
    low, high = np.searchsorted(numpy_array(table.column("series")), [part.lo, part.hi])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.slice(int(low), int(high) - int(low)).combine_chunks())
    content: bytes = sink.getvalue().to_pybytes()
    return content
