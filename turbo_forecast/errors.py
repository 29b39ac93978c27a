"""Errors of input, settings and storage, whose message is one sentence for the user.

Belongs here: the errors whose message is the whole story (no stack trace needed).
Does not belong here: defects of the program; those stay ordinary exceptions.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class TurboForecastError(Exception):
    """A run cannot go on, and the message alone says why and what to do."""


class TelemetryError(TurboForecastError):
    """The telemetry cannot be read as it is: names the file, the column or the series."""


class SourceError(TurboForecastError):
    """A source of telemetry cannot be asked, or its answer cannot be used: names the source, and no secret."""


class SettingsError(TurboForecastError):
    """An option has a value that cannot work: names the option."""


class StorageError(TurboForecastError):
    """A file or the warehouse cannot be read or written: names it."""


class BaseTableReplacedError(StorageError):
    """The base table is not the one a month (or a run) was made of: names the month and the run that replaced it."""


class PartitionError(TurboForecastError):
    """The month asked for cannot be forecast from the base table: names the month."""


class WebhookError(TurboForecastError):
    """An alert could not be handed over: says why, and nothing of the receiver's address, which is a secret."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the system refuses in the block (a full disk, a read-only folder) is a StorageError that names `path`."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {refusal(error)}") from error


def refusal(error: OSError) -> str:
    """The system's own words for an error; libraries wrap them in theirs, in many lines."""
    return os.strerror(error.errno) if error.errno else " ".join((error.strerror or str(error)).split())
