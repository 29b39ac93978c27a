"""A PostgreSQL of a test's own: its data in a folder of its own, on loopback, ended by its process.

Belongs here: making, starting, stopping it. Does not belong here: what is stored in it.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from reference.servers.loopback import free_port, server_in_memory, wait_for_answer

PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian keeps them, a folder for each version."""
USER, DATABASE = "turbo", "turbo_forecast"
PASSWORD = "p/w:d@%?#& '"
"""What an address of a database does not take as it is."""
AUTHENTICATION = "md5"
"""Dagster connects for every event of a run, thousands of times: scram-sha-256 takes four times as long on the client's side."""
PATIENCE_SECONDS = 60.0


def programs() -> Path:
    """The folder of the newest version's programs, or a skip that says how to get it."""
    found = sorted(PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name.split(".")[0]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if not on_path:
        pytest.skip("these tests need PostgreSQL, which is not here: apt-get install postgresql")
    return Path(on_path).resolve().parent


class Postgres:
    """A server that can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._programs, self._process = programs(), None
        self._as_user = _as_another_user(folder)
        (folder / "password").write_text(PASSWORD)
        made = [self._programs / "initdb", "--pgdata", folder / "data", "--username", USER, "--auth", AUTHENTICATION]
        subprocess.run(
            [*self._as_user, *made, "--pwfile", folder / "password", "--no-sync", "--encoding", "UTF8"],
            check=True,
            capture_output=True,
        )
        self.start()
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")

    _process: "subprocess.Popen[bytes] | None"

    @property
    def url(self) -> str:
        return self._address(DATABASE)

    @property
    def variables(self) -> dict[str, str]:
        """What dagster.production.yaml takes from the environment."""
        parts = {"HOST": "127.0.0.1", "PORT": str(self.port), "USER": USER, "PASSWORD": PASSWORD, "DB": DATABASE}
        return {f"TURBO_FORECAST_PG_{name}": value for name, value in parts.items()}

    def _address(self, database: str) -> str:
        return f"postgresql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{database}?connect_timeout=10"

    def start(self) -> None:
        """Returns when it answers."""
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.folder), "fsync": "off"}
        settings = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._as_user,
                    self._programs / "postgres",
                    *("-D", self.folder / "data", "-p", str(self.port)),
                    *settings,
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for_answer(self._process, self.folder / "server.log", self._answers, PATIENCE_SECONDS)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._address("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, *, immediately: bool = False) -> None:
        """As `pg_ctl stop -m fast` does: sessions are ended, nothing that was committed is lost. Or as -m immediate: as in a crash."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if immediately else signal.SIGINT)
            self._process.wait(timeout=PATIENCE_SECONDS)
            self._process = None

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement).fetchall()  # type: ignore[call-overload, no-any-return]

    def program(self, name: str, *arguments: object) -> "subprocess.CompletedProcess[bytes]":
        """One of PostgreSQL's own commands, on this database."""
        return subprocess.run(
            [self._programs / name, *map(str, arguments), "--dbname", self.url], check=True, capture_output=True
        )


def _as_another_user(folder: Path) -> list[str]:
    """What goes before a command: PostgreSQL refuses to be run by root."""
    if os.geteuid() != 0:
        return []
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    user = next((name for name in ("postgres", "nobody") if name in names), None)
    setpriv = shutil.which("setpriv")
    if user is None or setpriv is None:
        pytest.skip("PostgreSQL does not run as root, and this machine has no setpriv or no other user for it")
    entry = pwd.getpwnam(user)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return [setpriv, f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]


@contextmanager
def postgres_running() -> Iterator[Postgres]:
    """A server with an empty database, gone with its folder at the end."""
    if sys.platform != "linux":
        pytest.skip("PostgreSQL is started as on Linux")
    programs()
    with server_in_memory("pg", Postgres) as server:
        yield server
