"""`turbo-forecast ui`: Dagster's UI; its processes get what was typed as environment variables.

Does not belong here: what the UI is started with (`defs/ui.py`).
"""

import os
from dataclasses import replace
from pathlib import Path

from turbo_forecast.commands.dagster_home import make_dagster_home, set_dagster_home
from turbo_forecast.commands.run import data_folder
from turbo_forecast.settings import Environment
from turbo_forecast.settings.environment import data_place


def ui(data: str, telemetry: str, config: str, port: int) -> int:
    """2: it cannot start; else the process becomes Dagster's. Raises SettingsError."""
    set_dagster_home()
    given = Environment.of_variables()
    environment = replace(
        given,
        data=data_folder(data),
        store=data_place(data, "--data")[1],
        telemetry=telemetry or given.telemetry,
        config=Path(config).resolve() if config else given.config,
    )
    environment.settings()  # what is refused leaves no folder behind
    make_dagster_home()
    os.environ.update(environment.variables())
    from turbo_forecast.defs.ui import main

    return main(["--port", str(port)])
