"""What a message may show of a source's address and of DuckDB's own errors.

Belongs here: names without secrets, long lists cut short, DuckDB errors as one plain sentence.
Does not belong here: how single values are quoted (`wording`), and when anything is an error.
"""

import re
from collections.abc import Sequence

import duckdb

from turbo_forecast.number_words import counted
from turbo_forecast.storage.objects.telemetry_copies import shown_name, with_shown_names
from turbo_forecast.storage.telemetry.wording import LONGEST_QUOTE, quoted, shown
from turbo_forecast.text import shown_location

UNREADABLE = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException)
"""What DuckDB raises for bad files; its other errors are defects of ours and stay what they are."""
NOT_SET = (
    "telemetry is not set: name a file, a folder, a glob or a URI in the environment variable TURBO_FORECAST_TELEMETRY, as "
    "`telemetry: {telemetry: …}` in the settings file (TURBO_FORECAST_CONFIG), or in the launchpad as "
    "`resources: {telemetry: {config: {telemetry: …}}}`. To try a demo fleet: "
    "`turbo-forecast run --month 2025-12 --demo-hosts 50`"
)
"""All the places where telemetry can be named, for whoever has found none of them."""

LONGEST_NAME = 60
LONGEST_ERROR = 150
"""Characters; a sentence that holds a name, an error and advice stays below 300."""
LISTED = 12
LONGEST_LIST = 80

CSV_ERRORS = (
    ("unterminated quote", "a quote is opened and not closed as CSV wants it"),
    ("not utf-8|invalid unicode", "it is not UTF-8 text: set encoding, such as latin-1 or utf-16"),
    ("maximum line size", "a line (or a quoted text) is longer than 2,000,000 characters"),
    ("invalid state|RFC 4180", "it does not keep to CSV: mixed line ends, or text after a closing quote"),
)
PARQUET_ERRORS = (
    ("no magic bytes|too small|footer", "it is cut off, or no Parquet at all"),
    ("encrypt", "it is encrypted"),
    ("outside file|out of range|prefetch|corrupt|thrift|decompress", "it is damaged"),
)


def brief(name: str, longest: int = LONGEST_NAME) -> str:
    """A source's shown name, cut in the middle where it is too long for a sentence; the end differs between files."""
    name = "".join(character if character.isprintable() else "?" for character in shown_location(shown_name(name)))
    return name if len(name) <= longest else f"{name[:10]}…{name[-(longest - 11) :]}"


def enumerated(names: Sequence[str], longest: int = LONGEST_LIST) -> str:
    """Names, of files too, in a list that says how many more there are, short enough for a sentence."""
    few: list[str] = []
    for name in (brief(name, LONGEST_QUOTE) for name in names[:LISTED]):
        if few and sum(map(len, few)) + len(name) > longest:
            break
        few.append(name)
    more = len(names) - len(few)
    return ", ".join(few) + (f" and {more:,} more" if more else "")


def shortened(error: Exception, longest: int = LONGEST_ERROR) -> str:
    """A DuckDB message as one short line, with the CSV line it is about, without secrets and DuckDB's own advice."""
    text = with_shown_names(str(error))
    if found := re.search(r"CSV Error on Line: (\d+)\s*\n(?:Original Line: ?(.*?)\n)?", text):
        return _csv_error(text, found)
    for pattern, meaning in CSV_ERRORS:
        if "CSV" in text and re.search(pattern, text, re.IGNORECASE):
            return meaning
    if extension := re.search(r"required extension '(\w+)", text):
        return f"DuckDB needs its extension {extension[1]} for it, which could not be installed or loaded"
    if "parquet" in text.lower():
        for pattern, meaning in PARQUET_ERRORS:
            if re.search(pattern, text, re.IGNORECASE):
                return meaning
    said = " ".join(re.split(r"Possible |\n\n|\nLINE \d|Did you mean|See also|\|\|", text)[0].split())
    said = re.sub(r"^[A-Z][\w -]{0,40}Error: ", "", _without_secrets(said)).rstrip(" .!:,")
    said = "".join(character if character.isprintable() else "?" for character in said)
    return said if len(said) <= longest else said[: longest - 1] + "…"


def reason(error: Exception) -> str:
    """Why Python could not read a file, without the file's name."""
    if isinstance(error, UnicodeDecodeError):
        return f"{error.reason} at byte {error.start:,}"
    return shown(getattr(error, "strerror", None) or str(error))


def unreadable(name: str, error: Exception) -> str:
    """The sentence for a source that DuckDB cannot read, where the error does not name the file itself."""
    said = shortened(error)
    return said if said.startswith("line ") else f"{brief(name)} cannot be read: {said}"


def _csv_error(text: str, found: re.Match[str]) -> str:
    """What DuckDB says of one line of a CSV file, whatever it quotes of it."""
    file = re.search(r"^\s*file = (.+)$", text, re.MULTILINE)
    where = f"line {int(found[1]):,}" + (f" of {brief(file[1])}" if file else "")
    fields = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    if fields:
        return (
            f"{where} has {counted(int(fields[2]), 'field')} where the header has {fields[1]}: {quoted(found[2] or '')}"
        )
    for pattern, meaning in CSV_ERRORS:
        if re.search(pattern, text, re.IGNORECASE):
            return f"{where}: {meaning}"
    return f"{where} cannot be understood: {quoted(found[2] or '')}"


def _without_secrets(text: str) -> str:
    text = re.sub(r"[a-z][a-z0-9+.-]*://[^\s'\"]+", lambda url: shown_location(url[0]), text)
    return re.sub(r"\?[\w.%~-]+=[^\s'\"]*", "", text)
