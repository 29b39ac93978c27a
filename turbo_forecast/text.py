"""Text that others chose (names, messages, addresses), made safe for the place where it is shown.

Belongs here: what a log line, a chart, Markdown, Slack, a spreadsheet and a reader without permission must not be given
as it is. Does not belong here: quoting for SQL (`storage/telemetry/sql.py`), and which paths can be used (`paths.py`).
"""

import re

LONGEST_SHOWN = 200
"""Characters of one name or message in a table of the UI; files hold the whole of it."""

_JOINERS = "\u200c\u200d"  # invisible, but part of how Persian and some emoji are written
_CHARACTER_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", " ": "&#32;"}
_MARKDOWN = re.compile(r"[\\`*_{}\[\]()#!|~$^@]|(?<=\w):(?=//)|(?<=www)\.|^[-+=]", re.IGNORECASE)
_NUMBERED = re.compile(r"^(\s*[0-9]+)([.)])(?=\s|$)")
_URL = re.compile(r"(?<![A-Za-z0-9])([A-Za-z][A-Za-z0-9+.-]*)://[^\s'\"<>`]*")
_CLOSING = ".,:;)]}"  # what a sentence puts after an address

# Invisible characters and quotes are passed over: spreadsheets pass over some of them, and no name needs them in front.
_PASSED_OVER = r"[\s\p{C}\p{Z}\"'`´‘’‚‛“”„‟«»]*"
SPREADSHEET_FORMULA = rf"^(?:[\t\r\n]|{_PASSED_OVER}[=+\-@＝＋－＠﹦﹢﹣﹫])"
"""What a spreadsheet may execute when a cell begins so, for Polars: OWASP's "CSV Injection", and full-width forms."""
SPREADSHEET_FORMULA_WITHIN = rf"([;,|\t\r\n]{_PASSED_OVER})([=@＝＠﹦﹫]|[+\-＋－﹢﹣]\p{{L}})"
"""The same after a character at which a spreadsheet may begin another cell, whatever our own separator is."""
PLAIN_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?%?$"
"""A number as text, for Polars: harmless, and it must stay a number."""


def printable(text: str) -> str:
    r"""The text with every character that cannot be seen written as Python writes it (`\x1f`, `\n`, `\u202e`)."""
    if text.isprintable():  # nearly all are: a page writes some hundred
        return text
    return "".join(
        char if char.isprintable() or char in _JOINERS else char.encode("unicode_escape").decode() for char in text
    )


def shortened(text: str, longest: int) -> str:
    """The text, which ends in an ellipsis where it has more than `longest` characters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def one_line(text: str, longest: int) -> str:
    """A message as one line of visible characters, `longest` of them at most, its URLs as `shown_message` has them."""
    return shortened(printable(" ".join(shown_message(text).split())), longest)


def slack_text(text: str) -> str:
    """The text for a Slack message: none of its characters begins a link, a mention or a character reference."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def markdown_text(text: str, longest: int = LONGEST_SHOWN) -> str:
    """A name or message for Markdown, on one line, showing just its characters: no table, link, tag or emphasis.

    Longer ones end in an ellipsis after `longest` characters.
    """
    shown = shortened(printable(text), longest)
    escaped = _NUMBERED.sub(r"\1\\\2", _MARKDOWN.sub(lambda found: f"\\{found[0]}", shown))
    return re.sub(r"[&<>]|^ +| +$|(?<= ) ", lambda found: _CHARACTER_REFERENCES[found[0][0]] * len(found[0]), escaped)


def shown_location(location: str) -> str:
    """A place telemetry comes from as it may be shown: a URL without user, password, query and fragment.

    Signed URLs carry a key in the query. A path of this machine is returned as it is.
    """
    scheme, separator, rest = location.partition("://")
    if not separator or not _URL.fullmatch(f"{scheme}://") or scheme.lower() == "file":
        return location
    authority, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def shown_message(message: str) -> str:
    """A message in which every URL is shown as `shown_location` shows it."""

    def shown(found: re.Match[str]) -> str:
        url = found[0].rstrip(_CLOSING)
        return shown_location(url) + found[0][len(url) :]

    return _URL.sub(shown, message)
