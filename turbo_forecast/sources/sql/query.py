"""A query as a person writes it, and as it is sent to a database: with a window's times in the place of `:start` and `:end`.

Belongs here: telling parameters from what only looks like one (in strings, names, comments, casts), times and text as literals.
Does not belong here: running queries.

Times are put in as literals that are made here from a window, because PostgreSQL's COPY, which streams, takes no parameters.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from turbo_forecast import option_rules
from turbo_forecast.sources.protocol import Window
from turbo_forecast.sources.sql.address import System

_FORMS = ("", "_local", "_epoch", "_epoch_ms")
PARAMETERS = tuple(f"{edge}{form}" for form in _FORMS for edge in ("start", "end"))
_BEGINS = ("SELECT", "WITH", "VALUES", "TABLE", "FROM", "(")
_WORD = r"[^\W\d]\w*"
_BACKSLASHED = r"'(?:[^'\\]|\\.|'')*'"
_DOLLARS = r"(?P<dollars>\$(?:[^\W\d]\w*)?\$).*?(?P=dollars)"
_LINE_COMMENT = r"--[^\n]*"
_QUOTED: dict[System, tuple[str, ...]] = {
    "postgresql": (_LINE_COMMENT, rf"[eE]{_BACKSLASHED}", r"'(?:[^']|'')*'", r'"(?:[^"]|"")*"', _DOLLARS),
    "duckdb": (_LINE_COMMENT, rf"[eE]{_BACKSLASHED}", r"'(?:[^']|'')*'", r'"(?:[^"]|"")*"', _DOLLARS),
    "mysql": (r"--(?=\s|\Z)[^\n]*", r"#[^\n]*", _BACKSLASHED, r'"(?:[^"\\]|\\.|"")*"', r"`(?:[^`]|``)*`"),
    "sqlite": (_LINE_COMMENT, r"'(?:[^']|'')*'", r'"(?:[^"]|"")*"', r"`(?:[^`]|``)*`", r"\[[^\]]*\]"),
}
_OPENS = {"postgresql": "'\"", "duckdb": "'\"", "mysql": "'\"`", "sqlite": "'\"`["}
_AFTER_A_VALUE = re.compile(r"""[\w\])}'"`:]""")
"""After such a character a colon begins no parameter: `a[1:n]`, `{'key':value}`, `value::date`."""
_TOKENS = {
    system: re.compile(
        rf"(?P<quoted>{'|'.join(quoted)})|(?P<comment>/\*)|(?P<cast>::)|:(?P<name>{_WORD})|(?P<word>{_WORD}(?:\$\w*)*)"
        r"|(?P<space>\s+)|(?P<other>.)",
        re.DOTALL,
    )
    for system, quoted in _QUOTED.items()
}


@dataclass(frozen=True, slots=True)
class Query:
    """A query, cut at its parameters: text, name, text, name, …, text."""

    pieces: tuple[str, ...]

    @classmethod
    def of(cls, text: str, system: System) -> "Query":
        """Raises ValueError where it is no single query, or does not ask for a window."""
        pieces, first = [""], ""
        for kind, token in _tokens(text, system):
            if kind == "name":
                pieces += [_require_parameter(token), ""]
                continue
            pieces[-1] += token
            if kind not in ("space", "comment") and not first:
                first = token.upper()
        if first not in _BEGINS:
            raise ValueError("must begin with SELECT or WITH: a source is only read")
        query = cls(tuple(pieces))
        for edge in ("start", "end"):
            if not any(name in (f"{edge}{form}" for form in _FORMS) for name in query.names):
                raise ValueError(
                    f"has no :{edge}: it is asked for one window of time after another, so it must heed both edges"
                )
        return query

    @property
    def names(self) -> tuple[str, ...]:
        """Of its parameters, in order."""
        return self.pieces[1::2]

    def bound(self, window: Window, system: System, zone: str) -> str:
        """With a window's times in their places. zone: of local times, IANA name."""
        values = literals(window, system, zone)
        return "".join(values[piece] if index % 2 else piece for index, piece in enumerate(self.pieces))


def _tokens(text: str, system: System) -> Iterator[tuple[str, str]]:
    """Kind and text of each token; of a parameter the name alone. A `;` at the end is left out, one within is refused."""
    position, text = 0, text.strip().rstrip(";").rstrip()
    while position < len(text):
        found = _TOKENS[system].match(text, position)
        assert found is not None  # the last alternative takes any character
        kind, token = str(found.lastgroup), found[0]
        kind = "quoted" if kind == "dollars" else kind
        if kind == "comment":
            token = _comment(text, position, nested=system in ("postgresql", "duckdb"))
        elif kind == "name":
            if position and _AFTER_A_VALUE.match(text[position - 1]):
                kind, token = "other", ":"
        elif kind == "quoted" and token[:1] in "-#":
            kind = "comment"
        elif kind == "other" and token in _OPENS[system]:
            raise ValueError(f"has a {token} that is not closed")
        elif kind == "other" and token == ";":
            raise ValueError("has a ; within: give one query alone")
        position += len(token)
        yield kind, token[1:] if kind == "name" else token


def _comment(text: str, position: int, *, nested: bool) -> str:
    """The comment that begins at a position."""
    depth = 0
    for edge in re.compile(r"/\*|\*/").finditer(text, position):
        if edge[0] == "/*":
            depth = depth + 1 if nested else 1
        else:
            depth -= 1
            if depth == 0:
                return text[position : edge.end()]
    raise ValueError("has a /* that is not closed")


def _require_parameter(name: str) -> str:
    if name not in PARAMETERS:
        known = ", ".join(f":{each}" for each in PARAMETERS)
        raise ValueError(f"has :{option_rules.shown_name(name)}, which is no parameter: there are {known}")
    return name


def literals(window: Window, system: System, zone: str) -> Mapping[str, str]:
    """Each parameter's SQL. Where an edge lies within a second, its whole seconds are rounded up: a row of whole seconds is then on the
    same side of both."""
    values = {}
    for edge, moment in (("start", window.start), ("end", window.end)):
        utc, seconds = moment.astimezone(UTC), moment.timestamp()
        values[edge] = _instant(utc, system)
        values[f"{edge}_local"] = _wall_clock(utc.astimezone(ZoneInfo(zone or "UTC")), system)
        values[f"{edge}_epoch"] = str(math.ceil(seconds))
        values[f"{edge}_epoch_ms"] = str(math.ceil(seconds * 1000))
    return values


def _instant(utc: datetime, system: System) -> str:
    """MySQL and SQLite know no literal with a zone: their sessions are in UTC."""
    if system in ("postgresql", "duckdb"):
        return f"TIMESTAMPTZ '{_written(utc)}+00'"
    return _wall_clock(utc, system)


def _wall_clock(moment: datetime, system: System) -> str:
    return f"'{_written(moment)}'" if system == "sqlite" else f"TIMESTAMP '{_written(moment)}'"


def _written(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(sep=" ")


def text_literal(text: str, system: System) -> str:
    """A text as a literal, whatever characters it holds. PostgreSQL's session must have standard_conforming_strings on."""
    escaped = text.replace("\\", "\\\\") if system == "mysql" else text
    return "'" + escaped.replace("'", "''") + "'"


def identifier(name: str, system: System) -> str:
    """A column's name, whatever characters it holds."""
    return "`" + name.replace("`", "``") + "`" if system == "mysql" else '"' + name.replace('"', '""') + '"'
