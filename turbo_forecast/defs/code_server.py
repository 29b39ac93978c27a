"""The code server of a shared installation: `python -m turbo_forecast.defs.code_server`, which becomes `dagster code-server`.

Webserver and daemon ask it for definitions, and runs are processes that it starts.

Belongs here: what happens before Dagster's own command takes the process over, and asking a server to read its code again. Does not
belong here: what becomes of runs whose code server has ended (`orphaned_runs.py`).
"""

import argparse
import fcntl
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from dagster._core.errors import DagsterUserCodeUnreachableError  # what the client raises has no public name
from dagster._grpc.client import DagsterGrpcClient  # no command of Dagster asks a code server to read its code again

from turbo_forecast.defs.instance import opened_instance, storage_errors_named
from turbo_forecast.defs.links import LOCATION
from turbo_forecast.defs.orphaned_runs import end_beside_server, log, orphaned_runs
from turbo_forecast.defs.run_owners import release_dead_runs
from turbo_forecast.errors import SettingsError, StorageError, TurboForecastError
from turbo_forecast.month_keys import first_month
from turbo_forecast.settings import Environment
from turbo_forecast.text import printable, shown_message

MODULE = "turbo_forecast.definitions"
HOST, PORT = "127.0.0.1", 4000
"""As workspace.production.yaml has them."""
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where one reaches, from the same machine, who listens at all addresses."""
RELOAD_SECONDS = 180
LOCK_NAME = ".code-server.lock"


def main(arguments: Sequence[str]) -> int:
    """Become the code server. Returns 2 where it cannot start, after saying why."""
    parser = argparse.ArgumentParser(
        prog="python -m turbo_forecast.defs.code_server",
        description="Ends the runs that a code server left behind, and serves.",
    )
    parser.add_argument("--host", default=HOST, help="the address to listen at (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT, help="the port to listen at (default: %(default)s)")
    parser.add_argument(
        "--reload",
        action="store_true",
        help="let the server that is at work read definitions and settings again; runs go on as they are",
    )
    given = parser.parse_args(arguments)
    try:
        if given.reload:
            return _reload(given.host, given.port)
        left = _prepare()
    except TurboForecastError as error:
        print(f"error: {printable(shown_message(str(error)))}", file=sys.stderr)
        return 2
    end_beside_server(left, LOOPBACK.get(given.host, given.host), given.port)
    return _become_dagster(given.host, given.port)


def _prepare() -> list[str]:
    """Set the environment that runs read; returns the runs that were left, which are to be ended once this server serves."""
    home = os.environ.get("DAGSTER_HOME")
    if not home or not Path(home).is_dir():
        raise SettingsError("DAGSTER_HOME must name the folder of dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(Path(home).resolve())
    environment = Environment.of_variables()
    data = environment.data.resolve()
    os.environ.update({**environment.variables(), "TURBO_FORECAST_DATA": str(data)})
    # refused in a sentence here, in many lines by Dagster
    first_month(environment.first_month, environment.settings().deployment.first_month, data)
    with opened_instance() as instance, storage_errors_named():
        _be_the_only_one(Path(os.environ["DAGSTER_HOME"]))
        release_dead_runs(instance, log)
        return orphaned_runs(instance)


def _be_the_only_one(home: Path) -> None:
    """Hold a lock for as long as this process lives, whatever program it becomes. Raises StorageError where another has it."""
    handle = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise StorageError(f"a code server is at work for DAGSTER_HOME {home} already: end that one first") from None
    os.set_inheritable(handle, True)  # exec closes all others


def _reload(host: str, port: int) -> int:
    """0: the server serves what is there now. Raises StorageError where none answers at that address."""
    try:
        DagsterGrpcClient(host=host, port=port).reload_code(timeout=RELOAD_SECONDS)
    except DagsterUserCodeUnreachableError:
        raise StorageError(f"no code server answers at {host}:{port}") from None
    log("The definitions were read again. Whether they can be loaded, the UI says under Deployment.")
    return 0


def _become_dagster(host: str, port: int) -> NoReturn:
    """No process stays between systemd's signals (or a container's) and Dagster."""
    serve = ("code-server", "start", "--module-name", MODULE, "--location-name", LOCATION)
    command = [sys.executable, "-m", "dagster", *serve, "--host", host, "--port", str(port)]
    os.execv(command[0], [*command, "--use-python-environment-entry-point"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
