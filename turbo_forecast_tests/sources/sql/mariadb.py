"""A MariaDB of a test's own: its data in a folder of its own, on loopback, ended by its process.

Belongs here: making, starting, stopping it. Does not belong here: what is stored in it.
"""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest

from reference.servers.loopback import free_port, server_in_memory, wait_for_answer

USER, DATABASE = "turbo", "monitoring"
PASSWORD = "p/w:d@%?#& '"
"""What an address of a database does not take as it is."""
PATIENCE_SECONDS = 60.0


def program(name: str) -> str:
    """A program of MariaDB, or a skip that says how to get it."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if not found:
        pytest.skip("these tests need MariaDB, which is not here: apt-get install mariadb-server")
    return found


class MariaDB:
    """A server that can be stopped and started. Its only user but root may read the database."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        user = pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:  # it does not like to be root
            user = next(entry.pw_name for entry in pwd.getpwall() if entry.pw_name in ("mysql", "nobody"))
            shutil.chown(folder, user)
        self._options = ["--no-defaults", f"--datadir={folder}/data", f"--user={user}"]
        subprocess.run(
            [
                program("mariadb-install-db"),
                *self._options,
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
            ],
            check=True,
            capture_output=True,
        )
        self.start()
        secret = PASSWORD.replace("'", "''")
        self.execute(
            f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4",
            f"CREATE USER {USER}@'%' IDENTIFIED BY '{secret}'",
            f"GRANT SELECT ON {DATABASE}.* TO {USER}@'%'",
        )

    def start(self) -> None:
        """Returns when it answers."""
        settings = [f"--port={self.port}", f"--socket={self.socket}", "--bind-address=127.0.0.1", "--skip-name-resolve"]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program("mariadbd"), *self._options, *settings, "--innodb-flush-log-at-trx-commit=0"],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for_answer(self._process, self.folder / "server.log", self._answers, PATIENCE_SECONDS)

    def _answers(self) -> bool:
        try:
            pymysql.connect(unix_socket=str(self.socket), user="root").close()
        except pymysql.Error:
            return False
        return True

    def stop(self, *, immediately: bool = False) -> None:
        """As an administrator does, or as in a crash."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL if immediately else signal.SIGTERM)
            self._process.wait(timeout=PATIENCE_SECONDS)
            self._process = None

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    def execute(self, *statements: str, rows: list[tuple[object, ...]] | None = None) -> None:
        """As root, in UTC; rows: what the last statement is executed with, one by one."""
        there = pymysql.connect(unix_socket=str(self.socket), user="root", autocommit=True)
        with there, there.cursor() as cursor:
            cursor.execute("SET time_zone = '+00:00'")
            cursor.execute(f"SHOW DATABASES LIKE '{DATABASE}'") and cursor.execute(f"USE {DATABASE}")
            for statement in statements[: None if rows is None else -1]:
                cursor.execute(statement)
            if rows is not None:
                cursor.executemany(statements[-1], rows)


@contextmanager
def mariadb_running() -> Iterator[MariaDB]:
    """A server with an empty database, gone with its folder at the end."""
    program("mariadbd"), program("mariadb-install-db")
    with server_in_memory("my", MariaDB) as server:
        yield server
