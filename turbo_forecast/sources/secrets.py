"""Secrets of sources: read where they are used, from the environment or a file, and taken out of what is shown.

Belongs here: reading one, and redaction. Does not belong here: which options name one (the settings of each kind of source).
"""

import base64
import os
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, quote_plus

from turbo_forecast.errors import SettingsError, refusal
from turbo_forecast.option_rules import shown, shown_name

REDACTED = "[secret]"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
LARGEST_BYTES = 65_536
"""Of a secret's file: a token or password is shorter, and a device that never ends is no secret."""


def secret(where: str, *, variable: str = "", file: str = "", suffix: bool = True) -> str | None:
    """What an environment's variable or a file holds, None where neither is named. Read it when it is used, and keep it nowhere.

    where: how the sentence of a refusal begins, such as `sources.fleet: password`; suffix: the option that named the secret is called
    like that, with _env or _file at its end. Spaces and line ends around it are no part of it.
    Raises SettingsError, which names the variable or the file, where there is none, it is empty, or no header can hold it.
    """
    option = f"{where}_{'env' if variable else 'file'}" if suffix else where
    if variable:
        if not _NAME.fullmatch(variable):  # most likely the secret itself, so it is not shown
            raise SettingsError(
                f"{option} names no variable of the environment: it must be letters, digits, _ . and - alone"
            )
        value, named = os.environ.get(variable), f"{option}: the environment's variable {shown_name(variable)}"
        if value is None:
            raise SettingsError(f"{named} is not set")
    elif file:
        value, named = _content(option, file), f"{option}: {shown(file)}"
    else:
        return None
    value = value.strip()
    if not value:
        raise SettingsError(f"{named} is empty")
    if not value.isprintable():
        raise SettingsError(f"{named} holds more than one line, or characters that cannot be seen")
    return value


def _content(option: str, file: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            raise SettingsError(f"{option}: {shown(file)} has more than {LARGEST_BYTES:,} bytes: it is no secret")
        return content.decode()
    except UnicodeDecodeError:
        raise SettingsError(f"{option}: {shown(file)} is no text in UTF-8") from None
    except (OSError, ValueError) as error:
        reason = refusal(error) if isinstance(error, OSError) else "it is no path"
        raise SettingsError(f"{option}: {shown(file)} cannot be read: {reason}") from None


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text without any of the secrets: as they are, as an address writes them, and as Base64 does."""
    forms = {form for each in secrets if each for form in _forms(each)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, REDACTED)
    return text


def _forms(value: str) -> Iterable[str]:
    encoded = base64.b64encode(value.encode()).decode()
    return value, quote(value, safe=""), quote_plus(value), encoded, encoded.rstrip("=")
