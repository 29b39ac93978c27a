"""What can be wrong with what a person gave us, said in one sentence.

Belongs here: the errors whose message is the whole story (no stack trace needed).
Does not belong here: defects of the program; those stay ordinary exceptions.
"""


class TurboForecastError(Exception):
    """A run cannot go on, and the message alone tells its reader why and what to do."""


class TelemetryError(TurboForecastError):
    """The telemetry cannot be read as it is: names the file, the column or the series."""


class SettingsError(TurboForecastError):
    """An option has a value that cannot work: names the option."""


class StorageError(TurboForecastError):
    """A file or the warehouse cannot be read or written: names it."""


class BaseTableReplacedError(StorageError):
    """The base table is not the one a month (or a run) was made of: names the month and the run that replaced it."""


class PartitionError(TurboForecastError):
    """The month asked for cannot be forecast from the base table: names the month."""
