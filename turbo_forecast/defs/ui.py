"""Dagster's UI with daemon, schedule and pools: `python -m turbo_forecast.defs.ui`, which `turbo-forecast ui` runs.

Belongs here: which telemetry and data folder the UI starts with, and saying so. Does not belong here: what it shows.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import dagster as dg

from turbo_forecast.defs.instance import opened_instance, storage_errors_named
from turbo_forecast.defs.partition_migration import migrate_partitions
from turbo_forecast.errors import SettingsError, StorageError, TurboForecastError
from turbo_forecast.month_keys import first_month
from turbo_forecast.settings import Environment, load_settings
from turbo_forecast.settings.environment import TELEMETRY
from turbo_forecast.storage.telemetry.messages import NOT_SET
from turbo_forecast.text import printable, shown_location, shown_message

ADDRESS = ("--host", "127.0.0.1", "--port", "3000")
DG = ("-P", "-m", "dagster_dg_cli.cli")
"""The command `dg`, by its module: its script need not be on the path. Files of the current folder are none of its modules."""
WORKSPACE = Path(__file__).with_name("dagster_files") / "workspace.yaml"
DEMO = "demo-telemetry-*"
"""What `python -m turbo_forecast --demo-hosts` calls its folders; unfinished ones have hidden names."""


def main(arguments: Sequence[str]) -> int:
    """Become the UI; arguments: further ones of `dg dev`. Returns 2 where it cannot start, after saying why."""
    try:
        _prepare()
    except TurboForecastError as error:
        print(f"error: {printable(shown_message(str(error)))}", file=sys.stderr)
        return 2
    return _become_dagster(arguments)


def _prepare() -> None:
    """Set the environment that Dagster's processes read, and make its storage where there is none."""
    if not os.environ.get("DAGSTER_HOME"):
        raise SettingsError(
            "DAGSTER_HOME is not set: it names the folder of dagster.yaml; `turbo-forecast ui` finds or makes one"
        )
    os.environ["DAGSTER_HOME"] = str(Path(os.environ["DAGSTER_HOME"]).resolve())
    environment = Environment.of_variables()
    data = environment.data.resolve()
    telemetry, said = chosen_telemetry(environment)
    environment = replace(environment, data=data, telemetry=telemetry)
    os.environ.update(environment.variables())
    # refused in a sentence here, in many lines by Dagster
    first_month(environment.first_month, environment.settings().deployment.first_month, data)
    with opened_instance() as instance, storage_errors_named():
        _migrate_partitions(instance, data)
    where = f"{environment.store}, with its working copy {data}" if environment.store else str(data)
    log(f"Data folder {where}. {said}")


def _become_dagster(arguments: Sequence[str]) -> NoReturn:
    """No process stays between a terminal's signals and Dagster.

    What it loads is named by a file of the package: in a checkout or beside an installed package, from any folder, it is the same.
    """
    os.execv(sys.executable, [sys.executable, *DG, "dev", "--workspace", str(WORKSPACE), *ADDRESS, *arguments])


def _migrate_partitions(instance: dg.DagsterInstance, data: Path) -> None:
    """Months of former names get those of today, or else stay for the next run: the UI opens where a run is at work, too."""
    try:
        migrate_partitions(instance, data, log)
    except StorageError as error:
        log(f"Months that were materialised as YYYY-MM-01 are not all shown yet: {error}")


def log(line: str) -> None:
    """Print a line that may hold names which others chose."""
    print(printable(shown_message(line)), flush=True)


def chosen_telemetry(environment: Environment) -> tuple[str, str]:
    """The telemetry that runs started in the UI read, unless the launchpad names another; and the sentence that says why.

    The environment's, else the settings file's, files or sources (left there: empty here), else the only demo fleet of the data folder.
    Raises SettingsError for a settings file that cannot be used.
    """
    settings = load_settings(environment.config)
    named, configured = environment.telemetry, settings.telemetry.telemetry
    if named:
        return named, f"Telemetry {shown_location(named)}, as {TELEMETRY} has it."
    if configured:
        return "", f"Telemetry {shown_location(configured)}, as the settings file {environment.config} has it."
    if settings.sources:
        return "", f"Telemetry of {', '.join(settings.sources)}, as the settings file {environment.config} has them."
    demos = sorted(path for path in environment.data.resolve().glob(DEMO) if path.is_dir())
    if len(demos) == 1:
        return str(demos[0]), f"Telemetry {demos[0]}: the demo fleet, since no other is set."
    if demos:
        return (
            "",
            f"There are {len(demos)} demo fleets ({', '.join(path.name for path in demos)}), so none is taken; {NOT_SET}.",
        )
    return "", f"{NOT_SET[0].upper()}{NOT_SET[1:]}."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
