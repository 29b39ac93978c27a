"""Where telemetry, results and the settings file are, and the first month: environment variables, or a command's arguments.

Belongs here: the environment variables that configure Dagster's processes (`dagster dev`), and the values that take their
place where a command was given arguments. Does not belong here: the settings file's options.

Definitions are built when their modules are imported, so their environment cannot be passed as an argument: they call
`current_environment()`. A command sets it once, around all that it does (`use_environment`); every other process reads its
environment variables.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from turbo_forecast.addresses import is_address, parsed
from turbo_forecast.settings.reading import Settings, load_settings

TELEMETRY = "TURBO_FORECAST_TELEMETRY"
DATA = "TURBO_FORECAST_DATA"
CONFIG = "TURBO_FORECAST_CONFIG"
FIRST_MONTH = "TURBO_FORECAST_FIRST_MONTH"
UI_URL = "TURBO_FORECAST_UI_URL"
"""Where readers reach Dagster's UI: what alerts and the dashboard link runs to; without it they name them."""
DEFAULT_DATA = "data"


@dataclass(frozen=True, slots=True)
class Environment:
    """telemetry: a file, folder, glob, URI or DuckDB file; data: the folder of results; config: the settings file.

    first_month: YYYY-MM, the first month that has a partition. store: where results lie on object storage, an address, if
    they do: then data is this machine's working copy of it. What is empty, the settings file says, or nobody.
    """

    data: Path = Path(DEFAULT_DATA)
    telemetry: str = ""
    config: Path | None = None
    first_month: str = ""
    store: str = ""

    @classmethod
    def of_variables(cls) -> "Environment":
        """What the environment's variables say now. Raises SettingsError for an address of results that cannot be used."""
        config = os.environ.get(CONFIG)
        data, store = data_place(os.environ.get(DATA) or DEFAULT_DATA, DATA)
        return cls(
            data=data,
            store=store,
            telemetry=os.environ.get(TELEMETRY, ""),
            config=Path(config) if config else None,
            first_month=os.environ.get(FIRST_MONTH, ""),
        )

    @property
    def place(self) -> str:
        """Where results are, as it was named: the store's address, or the folder."""
        return self.store or str(self.data)

    def variables(self) -> dict[str, str]:
        """The same as environment variables, for processes that are started with them."""
        config = str(self.config) if self.config else ""
        return {DATA: self.place, TELEMETRY: self.telemetry, CONFIG: config, FIRST_MONTH: self.first_month}

    def settings(self) -> Settings:
        """The settings file's content, with the telemetry that is named here. Raises SettingsError."""
        settings = load_settings(self.config)
        named = self.telemetry or settings.telemetry.telemetry
        return settings.model_copy(update={"telemetry": settings.telemetry.model_copy(update={"telemetry": named})})


def data_place(text: str, what: str) -> tuple[Path, str]:
    """The folder that runs work in, and the store's address where the text is one, else nothing. Raises SettingsError.

    what: how the sentence of a refusal begins.
    """
    if not is_address(text):
        return Path(text), ""
    address = parsed(text, what)
    return address.working_folder, str(address)


_IN_USE: list[Environment] = []


def current_environment() -> Environment:
    """This process's environment: the innermost `use_environment` block's, else that of the environment variables. Raises SettingsError."""
    return _IN_USE[-1] if _IN_USE else Environment.of_variables()


@contextmanager
def use_environment(environment: Environment) -> Iterator[None]:
    """In the block, `current_environment()` is this."""
    _IN_USE.append(environment)
    try:
        yield
    finally:
        _IN_USE.pop()
