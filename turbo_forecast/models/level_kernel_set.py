"""The compiled loops of `level_kernels.py` and `cycle_kernels.py` as a set, described without importing numba (0.5 s).

Does not belong here: kernels, and where and how compiled ones are kept (`turbo_prophet/cache.py`).
"""

from pathlib import Path

from turbo_forecast.models.protocol import Log
from turbo_forecast.settings import ForecastSettings
from turbo_forecast.turbo_prophet.cache import KernelSet

MODULES = ("level_kernels", "cycle_kernels")
KERNELS = KernelSet(
    name="levels",
    sources=tuple(Path(__file__).with_name(f"{name}.py") for name in MODULES),
    groups=tuple(f"from turbo_forecast.models.{name} import compile_kernels; compile_kernels()" for name in MODULES),
    title="the level entrants' kernels",
    duration="some seconds",
)


def begin(settings: ForecastSettings) -> None:
    """Start compiling the loops in the background, unless they are kept already."""
    KERNELS.begin()


def abandon(settings: ForecastSettings) -> None:
    """End what `begin` started and nobody waited for."""
    KERNELS.abandon()


def prepare(settings: ForecastSettings, log: Log) -> None:
    """Compile the loops unless they are kept already: once, in the parent, so that no worker compiles its own."""
    KERNELS.ensure(log)
