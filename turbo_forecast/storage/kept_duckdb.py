"""One DuckDB instance per process, shared by its connections: the warehouse is attached while it is open, and detached after.

Starting a DuckDB takes 20 ms of a processor, attaching a file to one that is there takes one. A month's run opens the warehouse
for each of its hundred steps, since other processes have their turn between them.

Belongs here: keeping that DuckDB, and giving it up. Does not belong here: waiting for the file, and what is done with it
(`warehouse.py`). Who changes settings that are a whole database's, as reading telemetry does, opens a DuckDB of its own.
"""

import atexit
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from turbo_forecast.storage.telemetry.sql import literal

NAME = "warehouse"
"""As DuckDB calls a database by itself that lies in warehouse.duckdb."""


@dataclass(slots=True)
class _Kept:
    """A DuckDB without a file of its own. users: connections to the file, which is attached while there is one."""

    path: Path
    root: duckdb.DuckDBPyConnection
    users: int = 0
    spoilt: bool = False


_TURN = threading.RLock()
_KEPT: dict[Path, _Kept] = {}
"""At most one that nobody uses: that of the warehouse asked last."""


@contextmanager
def attached(path: Path, memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the file, made where there is none, until the block ends; it may spill into the folder `<file>.tmp`.

    After an error in the block nothing is kept, whatever the error has done to DuckDB. Raises what `duckdb.connect` raises.
    """
    kept = _opened(path.absolute(), memory_limit)
    try:
        with closing(kept.root.cursor()) as con:  # closing it rolls back a transaction that is open
            con.execute(f"USE {NAME}")
            yield con
    except BaseException:
        kept.spoilt = True
        raise
    finally:
        _release(kept)


def is_attached(path: Path) -> bool:
    """Whether a block of `attached` is open for this file: a process cannot open it in another way meanwhile."""
    with _TURN:
        kept = _KEPT.get(path.absolute())
        return kept is not None and kept.users > 0


def _opened(path: Path, memory_limit: str) -> _Kept:
    with _TURN:
        kept = _KEPT.get(path)
        if kept is None:
            _forget_idle()
            root = duckdb.connect(":memory:", config={"temp_directory": f"{path}.tmp", "memory_limit": memory_limit})
            kept = _KEPT[path] = _Kept(path, root)
        if not kept.users:
            try:
                kept.root.execute(f"ATTACH {literal(str(path))} AS {NAME}")
            except BaseException:
                _forget(kept)
                raise
        kept.users += 1
        return kept


def _release(kept: _Kept) -> None:
    """Let go of the file, so that another process can open it, unless another thread of this one has it open."""
    with _TURN:
        kept.users -= 1
        if kept.users:
            return
        try:
            if not kept.spoilt:
                kept.root.execute(f"DETACH {NAME}")
        except duckdb.Error:  # what was committed is in the log beside the file: who opens it next takes it in
            kept.spoilt = True
        if kept.spoilt:
            _forget(kept)


def _forget(kept: _Kept) -> None:
    """End a DuckDB, which lets go of all that is attached to it."""
    with suppress(duckdb.Error):
        kept.root.close()
    if _KEPT.get(kept.path) is kept:
        del _KEPT[kept.path]


@atexit.register
def _forget_idle() -> None:
    for kept in [each for each in _KEPT.values() if not each.users]:
        _forget(kept)
