"""The end of a command's process between two steps of 2025-12, as when the machine goes down."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import pytest

from turbo_forecast.defs import monthly
from turbo_forecast.schemas import CALIBRATION
from turbo_forecast.tables import Table

KILLED = f"{__name__}:killed"
made = monthly.Month.made


def end(month: monthly.Month, table: Table) -> pl.LazyFrame:
    if table is CALIBRATION and month.key == "2025-12":
        os.kill(os.getpid(), signal.SIGKILL)
    return made(month, table)


@contextmanager
def killed() -> Iterator[None]:
    """What a command is carried out within, to be killed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(monthly.Month, "made", end)
        yield
