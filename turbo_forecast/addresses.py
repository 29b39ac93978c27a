"""Addresses of object storage, as people write them for DATA and TELEMETRY, and the folders that stand for them on this machine.

Belongs here: what is an address, why one is refused, and where a machine keeps its copy of what lies there. Does not belong
here: how a store is spoken to, and what is copied (`storage/objects/`). It lies on the ground floor because settings say
where results go, and everything above them is to be given a folder.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from turbo_forecast.errors import SettingsError
from turbo_forecast.text import printable, shown_location

WORK = "TURBO_FORECAST_WORK"
"""Environment: the folder of this machine's copies of what lies on object storage; a folder of the user's cache without it."""
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_READ_ONLY = ("http", "https")
_WITHOUT_BUCKET = ("file", "memory")
"""Schemes whose address is a path: a network share, and memory in tests."""
_SLUG = 40


@dataclass(frozen=True, slots=True)
class Address:
    """A place on object storage. scheme: `s3`, say; root: bucket and prefix, as fsspec takes them. It holds no secret."""

    scheme: str
    root: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.root}"

    @property
    def bucket(self) -> str:
        """The first part of the root."""
        return self.root.strip("/").partition("/")[0]

    def at(self, key: str) -> str:
        """The address of an object in it, for messages."""
        return f"{self}/{key}" if key else str(self)

    @property
    def digest(self) -> str:
        """Twelve characters that identify this address in the name of a folder."""
        return hashlib.blake2b(str(self).encode(), digest_size=6).hexdigest()

    @property
    def working_folder(self) -> Path:
        """Where this machine works on what lies there."""
        slug = re.sub(r"[^A-Za-z0-9]+", "-", self.root).strip("-")[-_SLUG:].strip("-")
        return work_root() / "data" / f"{slug or self.scheme}-{self.digest}"


def is_address(text: str) -> bool:
    """Whether a text is meant as an address, not as a path of this machine."""
    return _SCHEME.match(text.strip()) is not None


def is_object_storage(location: str) -> bool:
    """Whether telemetry at this place is copied to this machine before it is read: not where DuckDB fetches it (HTTP), or it is here."""
    found = _SCHEME.match(location)
    return found is not None and found[1].lower() not in (*_READ_ONLY, "file")


def parsed(text: str, what: str, *, writable: bool = True) -> Address:
    """The address in a text. what: how the sentence of a refusal begins, `--data`, say; writable: whether results go there.

    Raises SettingsError, which never shows a secret, for credentials in it, no bucket, or a scheme that nothing here speaks.
    """
    found = _SCHEME.match(text.strip())
    if found is None:
        raise SettingsError(f"{what} {printable(text)} is no address: write scheme://bucket/prefix")
    scheme, rest, named = found[1].lower(), found[2], printable(shown_location(text.strip()))
    authority = rest.partition("/")[0]
    if "@" in authority:
        raise SettingsError(
            f"{what} {named} has credentials in it: they belong into the environment (AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or a profile), where no log shows them"
        )
    if text != text.strip() or not text.isprintable():
        raise SettingsError(f"{what} {named} has a space at one of its ends, or a character that cannot be seen, in it")
    if writable and re.search(r"[?#*\[\]]", rest):
        raise SettingsError(f"{what} {named} has one of ? # * [ ] in it: name a bucket and a prefix alone")
    if writable and scheme in _READ_ONLY:
        raise SettingsError(
            f"{what} {named} cannot be written to: results need a folder, or object storage such as s3://"
        )
    parts = rest.strip("/").split("/")
    if not parts[0] or (scheme not in _WITHOUT_BUCKET and rest.startswith("/")):
        raise SettingsError(f"{what} {named} names no bucket: write {scheme}://bucket/prefix")
    if scheme == "file" and not rest.startswith("/"):
        raise SettingsError(f"{what} {named} is no path from the root of the file system: write file:///folder")
    if any(part in ("", ".", "..") for part in parts):
        raise SettingsError(
            f"{what} {named} has an empty part, or one that is only dots: write {scheme}://bucket/prefix"
        )
    _require_driver(scheme, f"{what} {named}")
    return Address(scheme, rest.rstrip("/"))


def _require_driver(scheme: str, named: str) -> None:
    """Raises SettingsError unless a package is here that speaks the scheme."""
    try:
        import fsspec  # type: ignore[import-untyped]  # slow: only who has an address waits for it

        fsspec.get_filesystem_class(scheme)
    except ValueError:
        raise SettingsError(f"{named} begins with {scheme}://, which no package here knows; s3:// is known") from None
    except ImportError as error:
        package = "turbo-forecast[storage]" if scheme in ("s3", "s3a") else error.name or f"the driver of {scheme}"
        raise SettingsError(
            f"{named} needs a package that is not installed: pip install '{package}' (the extra `storage` speaks s3://)"
        ) from None


def work_root() -> Path:
    """The folder of this machine's copies."""
    named = os.environ.get(WORK)
    if named:
        return Path(named).absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "turbo-forecast"
