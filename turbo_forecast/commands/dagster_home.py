"""Where Dagster keeps its runs and their events: DAGSTER_HOME, or a folder `dagster_home`.

Belongs here: finding it, and making it for who has no checkout. Does not belong here: opening it (`defs/instance.py`).
"""

import os
import shutil
from importlib.resources import files
from pathlib import Path

from turbo_forecast.errors import SettingsError, writing

VARIABLE = "DAGSTER_HOME"
FOLDER, FILE = "dagster_home", "dagster.yaml"
CHECKOUT = Path(__file__).resolve().parents[2]
"""The folder that holds the package: that of a checkout, where it was installed from one to be edited."""


def set_dagster_home() -> None:
    """Make sure that DAGSTER_HOME names a folder, absolute: Dagster reads it from the environment, and wants it so.

    Where it is not set, it is the folder `dagster_home` with a `dagster.yaml` of the current folder, or of the checkout that the
    package is in; else that of the current folder, which `make_dagster_home` has yet to make. Which of them, is printed. Raises
    SettingsError where the folder cannot be one.
    """
    named = os.environ.get(VARIABLE)
    home = Path(named).resolve() if named else _found()
    if named and not home.is_dir():
        raise SettingsError(f"{VARIABLE} {home} is not a folder: it names the folder of {FILE}")
    if not named:
        print(f"{VARIABLE} is not set: runs are recorded in {home}", flush=True)
    os.environ[VARIABLE] = str(home)


def make_dagster_home() -> None:
    """Make the folder of DAGSTER_HOME, with the project's own `dagster.yaml`, where `set_dagster_home` has found none.

    Apart from finding it, so that what is refused leaves nothing behind; by renaming, so that no other command takes it before the
    file is in it. Raises StorageError where it cannot be written.
    """
    home = Path(os.environ[VARIABLE])
    if home.is_dir():
        return
    content = (files("turbo_forecast.defs") / "dagster_files" / FILE).read_bytes()
    unfinished = home.with_name(f".{home.name}.{os.getpid()}")
    with writing(home):
        unfinished.mkdir()
        try:
            (unfinished / FILE).write_bytes(content)
            unfinished.rename(home)
        except OSError:
            shutil.rmtree(unfinished)
            if not (home / FILE).is_file():  # else another command has made it meanwhile
                raise


def _found() -> Path:
    """The first folder with a `dagster.yaml`, else where one will be made. Raises SettingsError where something else is there."""
    places = [folder / FOLDER for folder in (Path.cwd(), CHECKOUT)]
    found = next((each for each in places if (each / FILE).is_file()), None)
    if found is None and places[0].exists():
        raise SettingsError(
            f"{VARIABLE} is not set, and {places[0]} is there without a {FILE}: {VARIABLE} names the folder in which Dagster keeps "
            f"its runs, with a {FILE}; where there is no {FOLDER}, one is made"
        )
    return found or places[0]
