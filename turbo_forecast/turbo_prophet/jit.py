"""How kernels are compiled, and where their machine code is kept between processes.

Belongs here: the two decorators of every kernel, and the cache folder.
Does not belong here: kernels.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba import config

_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])

# Fused multiply-add only. Reassociation is left off: sums keep one order, so the same input gives the same bytes.
_FASTMATH = {"contract", "nsz"}


def _sources_digest() -> str:
    """A digest of this package's sources: numba notices changes in a kernel's own file only, not in its callees'."""
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _candidates() -> list[Path]:
    folder = f"kernels-{_sources_digest()}"
    bases: list[Path] = []
    if os.environ.get("NUMBA_CACHE_DIR"):
        bases.append(Path(os.environ["NUMBA_CACHE_DIR"]))
    bases.append(Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "turbo_forecast")
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    bases.append(Path(tempfile.gettempdir()) / f"turbo_forecast-{user}")
    return [base / folder for base in bases]


def _writable_folder() -> Path | None:
    """The first folder that can be written; None (compile in every process) if there is none."""
    for folder in _candidates():
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return None


CACHE_FOLDER = _writable_folder()


def entry(function: _Kernel) -> _Kernel:
    """Compile a kernel that Python calls, and keep its machine code (it includes every kernel it calls)."""
    if CACHE_FOLDER is None:
        return numba.njit(fastmath=_FASTMATH, error_model="numpy")(function)  # type: ignore[no-any-return]
    before = config.CACHE_DIR
    config.CACHE_DIR = str(CACHE_FOLDER)  # read while decorating; other users of numba keep their own folder
    try:
        return numba.njit(fastmath=_FASTMATH, error_model="numpy", cache=True)(function)  # type: ignore[no-any-return]
    finally:
        config.CACHE_DIR = before


def kernel(function: _Kernel) -> _Kernel:
    """Compile a kernel that only other kernels call."""
    return numba.njit(fastmath=_FASTMATH, error_model="numpy")(function)  # type: ignore[no-any-return]


def reduction(function: _Kernel) -> _Kernel:
    """Compile a kernel whose sums may be vectorised: lanes are added in an order fixed by the machine code, not by chance."""
    return numba.njit(fastmath=_FASTMATH | {"reassoc"}, error_model="numpy")(function)  # type: ignore[no-any-return]


def inlined(function: _Kernel) -> _Kernel:
    """Compile a scalar function for the inside of vectorised loops."""
    return numba.njit(fastmath=_FASTMATH, error_model="numpy", inline="always")(function)  # type: ignore[no-any-return]
