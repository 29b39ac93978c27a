"""A settings file's text as plain values: mappings, lists, text, numbers, true, false and nothing.

Belongs here: the part of YAML that settings need, and a sentence for every other. Does not belong here: which options
there are. What YAML 1.1 guesses at is not guessed here: a date stays text, 010 is ten, 1e-3 is a number, and what stands
before a colon is always a name.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from turbo_forecast import option_rules
from turbo_forecast.errors import SettingsError
from turbo_forecast.text import printable

MAX_BYTES = 250_000
MAX_DEPTH = 6
"""Settings are sections of options, of which some are mappings: three levels."""
MAX_NUMBER = 40
"""Characters of the longest number that is read."""
WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **{form: True for word in ("true", "yes", "on") for form in (word, word.title(), word.upper())},
    **{form: False for word in ("false", "no", "off") for form in (word, word.title(), word.upper())},
    **{sign + form: math.inf for sign in ("", "+") for form in (".inf", ".Inf", ".INF")},
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
"""What a word without quotes means, as YAML defines it; `yes`, `no`, `on` and `off` too, as people write them."""
_WHOLE = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")

OptionPath = tuple[str, ...]


@dataclass(slots=True)
class Content:
    """What a file says, and the line (from 1) of each of its options by its path."""

    values: Any
    lines: dict[OptionPath, int] = field(default_factory=dict)


def read_yaml(path: Path) -> Content:
    """The one document of a YAML file; None for an empty one.

    Raises SettingsError, naming the file and where it is cheap the line, for what is no text file, no YAML, or YAML that
    settings have no use for: keys given twice, tags, aliases, several documents, deep nesting.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise SettingsError(f"{path}: is longer than {MAX_BYTES:,} bytes, which no settings file is")
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read as a settings file ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: is not a text file in UTF-8") from None
    except ValueError:
        raise SettingsError(f"{option_rules.shown(str(path))} is no path of a settings file") from None
    try:
        return _Reader(text).document()
    except _Refused as error:
        raise SettingsError(f"{path}: {error}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: is not YAML ({_problem(error)})") from None
    except (ValueError, OverflowError):  # the parser makes a character of whatever number an escape has
        raise SettingsError(f"{path}: holds an escape \\U or \\u of a character that does not exist") from None


class _Refused(Exception):
    """YAML, but none that settings have a use for."""


def _problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem or error.context}"
    if isinstance(error, yaml.reader.ReaderError):
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return f"the character U+{code:04X} at position {error.position} cannot be in a text"
    return " ".join(str(error).split())[:200]


class _Reader:
    """Builds values from YAML's events, so that every key has its line and nothing is built that is refused."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._lines: dict[OptionPath, int] = {}

    def document(self) -> Content:
        """The only document."""
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return Content(None)
        values = self._value(next(self._events), ())
        next(self._events)  # the document's end
        following = next(self._events)
        if not isinstance(following, yaml.StreamEndEvent):
            raise _Refused(f"line {_line(following)}: a second document begins; a settings file has one")
        return Content(values, self._lines)

    def _value(self, event: Any, path: OptionPath) -> Any:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent):
            raise _Refused(f"line {line}: *{str(event.anchor)[:40]} is an alias; write the value itself")
        if event.tag is not None:
            raise _Refused(f"line {line}: the tag {printable(event.tag[:80])} has no meaning in a settings file")
        if len(path) > MAX_DEPTH:
            raise _Refused(f"line {line}: values are nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return event.value if event.style else _plain(event.value, line)

    def _mapping(self, path: OptionPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            line = _line(event)
            if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
                raise _Refused(f"line {line}: what stands before a colon must be a name")
            key = event.value
            here = (*path, key)
            if key in values:
                name = ".".join(map(option_rules.shown_name, here))
                raise _Refused(f"{name} is given twice, in line {self._lines[here]} and in line {line}")
            self._lines[here] = line
            values[key] = self._value(next(self._events), here)
        return values

    def _sequence(self, path: OptionPath) -> list[Any]:
        values: list[Any] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            values.append(self._value(event, (*path, str(len(values)))))
        return values


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _plain(text: str, line: int) -> Any:
    """What a word without quotes means."""
    if text in WORDS:
        return WORDS[text]
    if not _NUMBER.fullmatch(text):
        return text
    if len(text) > MAX_NUMBER:
        raise _Refused(f"line {line}: a number of {len(text):,} characters; the longest that is read has {MAX_NUMBER}")
    return int(text) if _WHOLE.fullmatch(text) else float(text)
