"""Where compiled kernels are kept between processes, and whether they are there.

Belongs here: what can be told without importing numba (0.5 s), so that a parent process can ask for nothing.
Does not belong here: compiling (`jit.py`, `daily.compile_kernels`).
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path

# Modules whose text decides the machine code: every kernel, and how kernels are compiled. Editing another recompiles nothing.
KERNEL_MODULES = (
    "calendar",
    "daily",
    "descent",
    "elementary",
    "intervals",
    "jit",
    "linear_algebra",
    "model",
    "prediction",
    "random",
    "solver",
    "starts",
)
_COMPILE = "from turbo_forecast.turbo_prophet.daily import compile_kernels; compile_kernels()"


def _sources_digest() -> str:
    """A digest of the kernels' sources: numba notices changes in a kernel's own file only, not in its callees'."""
    digest = hashlib.sha256(version("numba").encode())
    for name in KERNEL_MODULES:
        digest.update(name.encode())
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
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


@cache
def cache_folder() -> Path | None:
    """The first folder that can be written; None (every process compiles for itself) if there is none."""
    for folder in _candidates():
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return None


def _marker() -> Path | None:
    folder = cache_folder()
    return folder / "complete" if folder else None


def kernels_ready() -> bool:
    """Whether every kernel has been compiled and kept."""
    marker = _marker()
    return marker is not None and marker.exists()


def mark_ready() -> None:
    """Note that every kernel has been compiled."""
    marker = _marker()
    if marker is not None:
        marker.touch()


def ensure_compiled(say: Callable[[str], None]) -> None:
    """Compile the kernels unless they are kept already; call it before workers start, which would each compile."""
    if kernels_ready():
        return
    if cache_folder() is None:
        say("no folder for compiled kernels can be written: each worker compiles its own, which takes a while")
        return
    say("compiling Turbo Prophet's kernels: once after an installation, about half a minute …")
    started = time.perf_counter()
    # in a process of its own: neither numba nor the compiler's memory stays with the caller
    subprocess.run([sys.executable, "-c", _COMPILE], check=False)
    say(f"kernels compiled in {time.perf_counter() - started:.0f} s")
