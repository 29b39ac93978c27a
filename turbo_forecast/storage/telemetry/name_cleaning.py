"""Normalising names of hosts and resources: one name for each, however the export writes it.

Belongs here: single names. Does not belong here: which columns they are in (`layout`), and finding them (`survey`).
"""

import re
import unicodedata
from decimal import Decimal
from pathlib import PurePosixPath

from turbo_forecast.storage.telemetry.sql import NULL_STRINGS, WHITE_SPACE

CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"
"""Characters that end lines or drive terminals: nothing a name can hold, and some programs die of them."""
CONTROL_RE2 = r"[\x00-\x1f\x7f-\x{9f}\x{2028}\x{2029}]"
"""The same as a regular expression of DuckDB."""
EXACT_IN_DOUBLE, EXACT_IN_FLOAT = 2**53, 2**24
"""Whole numbers from here on lose digits in a column of floating-point numbers: two hosts could become one."""
FILE_SUFFIX = re.compile(r"\.(csv|tsv|parquet|parq|pq)(\.gz)?$", re.IGNORECASE)
WHOLE_FLOAT = re.compile(r"-?\d+\.0+")
EXPONENT = re.compile(r"(-?)(\d)(?:\.(\d+))?[eE]\+(\d{2,3})")


class LostDigitsError(ValueError):
    """A number that stood for a name, and from which the name cannot be recovered."""


def clean(found: object, exact_below: int = EXACT_IN_DOUBLE) -> str | None:
    """The name that a raw value stands for; None where it stands for none, or holds a control character.

    White space around it does not count, letters are composed (NFC), and whole numbers are the same name in any type:
    101, 101.0 and 1.01E+02 are `101`, but 007 stays `007`. Raises LostDigitsError for a number too great for its type
    or written with fewer digits than it has.
    """
    if found is None:
        return None
    if isinstance(found, float | Decimal):
        return _of_number(found, exact_below)
    text = unicodedata.normalize("NFC", str(found)).strip(WHITE_SPACE)
    if text.lower() in NULL_STRINGS or re.search(CONTROL, text):
        return None
    return text


def of_whole_number(text: str) -> str:
    """The name of a number that a column of floats wrote as text: 101.0 and 1.01E+02 are 101; other texts stay.

    Only exponents with a sign and two digits, as spreadsheets and programs write them: 1e5 may be a name.
    """
    if WHOLE_FLOAT.fullmatch(text):
        whole = text.partition(".")[0]
        if abs(int(whole)) >= EXACT_IN_DOUBLE:
            raise LostDigitsError(text)
        return str(int(whole)) if whole in ("0", "-0") or not whole.lstrip("-").startswith("0") else text
    written = EXPONENT.fullmatch(text)
    if not written:
        return text
    sign, first, rest, exponent = written[1], written[2], written[3] or "", int(written[4])
    if exponent > len(rest) or exponent > 15:
        raise LostDigitsError(text)
    whole, fraction = first + rest[:exponent], rest[exponent:]
    return text if fraction.strip("0") else str(int(sign + whole))


def of_file(path: str) -> str:
    """The name of a file without folder and suffix."""
    return FILE_SUFFIX.sub("", PurePosixPath(path.replace("\\", "/").split("?")[0]).name)


def alike(name: str) -> str:
    """What is left of a name when case, width, invisible characters and leading zeros do not count."""
    seen = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")
    return re.sub(r"^0+(?=\d+$)", "", seen.casefold())


def _of_number(found: float | Decimal, exact_below: int) -> str | None:
    if found != found or abs(found) == float("inf"):
        return None
    if found != int(found):
        return str(found)
    if isinstance(found, float) and abs(found) >= exact_below:
        raise LostDigitsError(f"{found:.17g}")
    return str(int(found))
