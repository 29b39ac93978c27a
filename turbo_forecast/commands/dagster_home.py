"""Where Dagster keeps its runs and their events: DAGSTER_HOME, or the folder `dagster_home` of a checkout.

Belongs here: finding it. Does not belong here: opening it (`defs/instance.py`).
"""

import os
from pathlib import Path

from turbo_forecast.errors import SettingsError

VARIABLE = "DAGSTER_HOME"
FOLDER, FILE = "dagster_home", "dagster.yaml"
CHECKOUT = Path(__file__).resolve().parents[2]
"""The folder that holds the package: that of a checkout, where it was installed from one to be edited."""


def set_dagster_home() -> None:
    """Make sure that DAGSTER_HOME names a folder, absolute: Dagster reads it from the environment, and wants it so.

    Where it is not set, it is the folder `dagster_home` with a `dagster.yaml` of the current folder, or of the checkout that the
    package is in; which of them, is printed. Raises SettingsError where there is none.
    """
    named = os.environ.get(VARIABLE)
    home = Path(named).resolve() if named else _of_checkout()
    if not home.is_dir():
        raise SettingsError(f"{VARIABLE} {home} is not a folder: it names the folder of {FILE}")
    if not named:
        print(f"{VARIABLE} is not set: runs are recorded in {home}", flush=True)
    os.environ[VARIABLE] = str(home)


def _of_checkout() -> Path:
    found = [folder / FOLDER for folder in (Path.cwd(), CHECKOUT)]
    home = next((each for each in found if (each / FILE).is_file()), None)
    if home is None:
        raise SettingsError(
            f"{VARIABLE} is not set, and there is no folder {FOLDER} with a {FILE} here: it names the folder in which Dagster keeps "
            f"its runs, with a {FILE} (the project's own is {FOLDER})"
        )
    return home
