"""An entrant at which a run waits in its fleet step, when it has read its series, until another process lets it go on."""

import os
import time
from pathlib import Path

from turbo_forecast.models.protocol import Log
from turbo_forecast.settings import ForecastSettings
from turbo_forecast_tests.fleet.entrants import Naive

GATE = "GATE_OF_THE_TEST"
"""Names a folder: the run makes `reached` in it and waits for `open`."""


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 600
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} has not come"
        time.sleep(0.05)


def prepare(settings: ForecastSettings, say: Log) -> None:
    gate = Path(os.environ[GATE])
    (gate / "reached").touch()
    wait_for(gate / "open")


def build(settings: ForecastSettings) -> Naive:
    return Naive()
