"""Quoting: SQL text put together safely from names that others chose.

Belongs here: quoting, text that stands for no value, and filling the `.sql` files of this package.
Does not belong here: any statement itself.
"""

import re
from collections.abc import Iterable
from pathlib import Path

NULL_STRINGS = ("", "na", "nan", "null", "n/a", "none", "nat", "-", "<na>", "#n/a", "\\n", "<null>", "(null)")
"""What exporters write for no value, in lower case."""
WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
)
"""Unicode's White_Space, and characters of no width: around a name or a number they have no meaning."""

_WHITE = "[" + "".join(f"\\x{{{ord(character):x}}}" for character in WHITE_SPACE) + "]*"
_NULL_PATTERN = f"(?i){_WHITE}({'|'.join(re.escape(word) for word in NULL_STRINGS)}){_WHITE}"


def identifier(name: str) -> str:
    """A column or table name as a DuckDB identifier, whatever characters it holds."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text as a DuckDB string literal, whatever characters it holds."""
    return "'" + value.replace("'", "''") + "'"


def listed(expressions: Iterable[str]) -> str:
    """Expressions as a DuckDB list."""
    return "[" + ", ".join(expressions) + "]"


def trimmed(text: str) -> str:
    """A text expression without white space around it, of any kind that Unicode has."""
    return f"trim({text}, {literal(WHITE_SPACE)})"


def text_or_null(expression: str) -> str:
    """The expression as text; null where the text stands for no value ('', NA, NaN, null, None, n/a)."""
    text = f"CAST({expression} AS VARCHAR)"
    # A regular expression, as DuckDB makes a join of any list of words, on every row, even where nobody asks for it.
    return f"CASE WHEN NOT regexp_full_match({text}, {literal(_NULL_PATTERN)}) THEN {text} END"


def rendered(statement: str, **parts: str) -> str:
    """The package's `statement`.sql with its {names} replaced by `parts`, which must be SQL already."""
    return Path(__file__).with_name(f"{statement}.sql").read_text(encoding="utf-8").format(**parts)
