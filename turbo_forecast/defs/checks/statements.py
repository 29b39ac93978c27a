"""The checks' SQL, which lies in files: `sql/<check>.sql` for what one check asks, `sql/shared/<name>.sql` for what several do.

Belongs here: finding a file and its statements. Does not belong here: what fills the {names} of a
statement (`sql_context.py`), and running it (`expectations.py`).
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

KINDS = ("prepared", "total", "failing_rows", "metrics")
"""What a check's file may hold, each under a line `-- name: <kind>`; `Expectation` says what each is."""

_SQL = files("turbo_forecast.defs.checks") / "sql"
_NAMED = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def statements(name: str) -> Mapping[str, str]:
    """The statements of a check's file by their kind. Raises FileNotFoundError, and ValueError for an unknown kind."""
    _, *parts = _NAMED.split((_SQL / f"{name}.sql").read_text(encoding="utf-8"))
    found = dict(zip(parts[::2], (text.strip() for text in parts[1::2]), strict=True))
    if unknown := set(found) - set(KINDS):
        raise ValueError(f"{name}.sql holds {', '.join(sorted(unknown))}, which is no kind of statement")
    return found


@cache
def shared(name: str) -> str:
    """A table expression that several checks use. Raises KeyError where there is no such file: it is no name of `sql_context.py`."""
    try:
        return (_SQL / "shared" / f"{name}.sql").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise KeyError(name) from None
