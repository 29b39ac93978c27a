"""How SQL text is put together safely from names that others chose.

Belongs here: quoting, text that means nothing, and filling the `.sql` files of this package.
Does not belong here: any statement itself.
"""

import re
from collections.abc import Iterable
from pathlib import Path

NOTHING = ("", "na", "nan", "null", "n/a", "none", "nat", "-")
"""What exporters write for no value, in lower case."""


def identifier(name: str) -> str:
    """A column or table name as a DuckDB identifier, whatever characters it holds."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text as a DuckDB string literal, whatever characters it holds."""
    return "'" + value.replace("'", "''") + "'"


def listed(expressions: Iterable[str]) -> str:
    """Expressions as a DuckDB list."""
    return "[" + ", ".join(expressions) + "]"


def told(expression: str) -> str:
    """The expression as text; null where the text says that there is nothing ('', NA, NaN, null, None, n/a)."""
    tokens = ", ".join(literal(token) for token in NOTHING)
    text = f"CAST({expression} AS VARCHAR)"
    return f"CASE WHEN lower(trim({text})) NOT IN ({tokens}) THEN {text} END"


def rendered(statement: str, **parts: str) -> str:
    """The package's `statement`.sql with its {places} filled by `parts`, which must be SQL already."""
    return Path(__file__).with_name(f"{statement}.sql").read_text(encoding="utf-8").format(**parts)


def shortened(error: Exception) -> str:
    """A DuckDB message as one line, with the file it is about, without its advice on DuckDB's own options."""
    said = " ".join(str(error).split("Possible ")[0].split("\n\n")[0].split()).rstrip(" .")
    file = re.search(r"^\s*file = (.+)$", str(error), re.MULTILINE)
    return f"{said} (in {file[1]})" if file else said
