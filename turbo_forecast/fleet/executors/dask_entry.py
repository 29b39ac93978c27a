"""The two functions that are sent to Dask's workers, by name.

Belongs here: their names and arguments. Dask's scheduler imports this module when it passes a task on, and needs nothing
else of this package: so what they do is imported where they run (`dask_host.py`).
"""

import pickle
from typing import cast

from turbo_forecast.fleet.executors.dask_messages import Spec


def take_part(spec: bytes) -> str:
    """Ask a worker to take part in a run. What it returns lies with the worker as long as the run lasts: its lease."""
    from turbo_forecast.fleet.executors.dask_host import open_host

    return open_host(cast(Spec, pickle.loads(spec)))


def perform(run: str, key: str, task: bytes) -> None:
    """Work a task of the run; whatever comes of it is sent as an event."""
    from turbo_forecast.fleet.executors.dask_host import perform_task

    perform_task(run, key, task)
