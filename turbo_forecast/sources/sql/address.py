"""Addresses of databases: which system, where, as whom; never with a password.

Belongs here: what an address says, and why one is refused. Does not belong here: connecting.
"""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

System = Literal["postgresql", "mysql", "sqlite", "duckdb"]
SCHEMES: dict[str, System] = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite",
    "duckdb": "duckdb",
}
PORTS = {"postgresql": 5432, "mysql": 3306}
FORMS = "postgresql://user@host:5432/database, mysql://user@host:3306/database, sqlite:///path or duckdb:///path"
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HOST = re.compile(r"\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._%~-]*")


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """Where a database is. user, host and database as they are, not as an address writes them; path: of a database that is a file."""

    system: System
    user: str = ""
    host: str = ""
    port: int = 0
    database: str = ""
    path: str = ""

    @property
    def location(self) -> str:
        """Where it is, whoever asks."""
        return f"{self.system}:{self.path}" if self.path else f"{self.system}://{self.host}:{self.port}/{self.database}"

    def __str__(self) -> str:
        if self.path:
            return self.path
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.database} on {host or 'this machine'}{f':{self.port}' if host else ''}"


def scheme_of(text: str) -> str:
    """What stands before `://`, in lower case; empty where nothing does."""
    found = _ADDRESS.fullmatch(text)
    return found[1].lower() if found else ""


def database_address(text: str) -> DatabaseAddress:
    """The database that an address names. Raises ValueError, which never shows what may be a password."""
    found, scheme = _ADDRESS.fullmatch(text), scheme_of(text)
    if found is None or scheme not in SCHEMES:
        raise ValueError(f"is no address of a database that is known: write {FORMS}")
    system, rest = SCHEMES[scheme], found[2]
    return _file(system, scheme, rest) if system in ("sqlite", "duckdb") else _server(system, scheme, rest)


def _file(system: System, scheme: str, rest: str) -> DatabaseAddress:
    path = unquote(rest[1:])
    if not rest.startswith("/") or not path:
        raise ValueError(
            f"names no file: write {scheme}:/// and a path, which begins with a fourth / where it is absolute"
        )
    return DatabaseAddress(system, path=path)


def _server(system: System, scheme: str, rest: str) -> DatabaseAddress:
    user, at_sign, location = rest.rpartition("@")
    if ":" in user:
        raise ValueError(
            "has a password in it: write user@host alone, and name where the password is in password_env (a variable of the "
            "environment) or password_file"
        )
    if re.search(r"[?#]", location):
        raise ValueError(
            "has ? or # in it: what follows them is set by options (sslmode, ca_file, time_zone and others)"
        )
    where, _, database = location.partition("/")
    host, colon, port = (where, "", "") if where.endswith("]") else _host_and_port(where)
    if not _HOST.fullmatch(host) or (colon and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65_536)):
        raise ValueError(f"names no host and port: write {scheme}://user@host:{PORTS[system]}/database")
    if not database or "/" in database:
        raise ValueError(f"names no database: write {scheme}://user@host:{PORTS[system]}/database")
    if (at_sign and not user) or (not host and system != "postgresql"):
        raise ValueError(
            f"names no {'user' if at_sign and not user else 'host'}: write {scheme}://user@host:{PORTS[system]}/database"
        )
    return DatabaseAddress(
        system, unquote(user), unquote(host.strip("[]")), int(port or PORTS[system]), unquote(database)
    )


def _host_and_port(where: str) -> tuple[str, str, str]:
    host, colon, port = where.rpartition(":")
    return (host, colon, port) if colon else (port, "", "")
