"""Whether the compiled loops of `level_kernels.py` are kept, told without importing numba (0.5 s).

Does not belong here: kernels, and which folder they are kept in (`turbo_prophet/cache.py`).
"""

import hashlib
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from turbo_forecast.models.protocol import Say
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.turbo_prophet.cache import cache_folder

_SOURCE = Path(__file__).with_name("level_kernels.py")
_COMPILE = "from turbo_forecast.models.level_kernels import compile_kernels; compile_kernels()"


def _marker() -> Path | None:
    folder = cache_folder()
    if folder is None:
        return None
    # numba keeps machine code by the file's path and time of change: the marker must not outlive it
    stamp = f"{_SOURCE} {_SOURCE.stat().st_mtime_ns} {version('numba')} {sys.version_info[:2]}".encode()
    return folder / f"levels-{hashlib.sha256(stamp + _SOURCE.read_bytes()).hexdigest()[:16]}"


def prepare(settings: ForecastSettings, say: Say) -> None:
    """Compile the loops unless they are kept already: once, in the parent, so that no worker compiles its own."""
    marker = _marker()
    if marker is None:
        say("no folder for compiled kernels can be written: each worker compiles its own, which takes a while")
        return
    if marker.exists():
        return
    say("compiling the level entrants' kernels: once after an installation, some seconds …")
    # in a process of its own: neither numba nor the compiler's memory stays with the caller
    done = subprocess.run([sys.executable, "-c", _COMPILE], check=False)
    if done.returncode == 0:
        marker.touch()
