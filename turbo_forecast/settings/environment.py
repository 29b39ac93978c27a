"""What a process is told from outside: where telemetry, results and the settings file are, and from which month on.

Belongs here: the environment variables by which Dagster's processes (`dagster dev`) are told, and the values that take
their place where a command was given arguments. Does not belong here: the settings file's options.

Definitions are built of modules, so what they are built from cannot be handed to each of them: they ask `told()`. A command
says once, around all that it does, what it was told (`telling`); every other process was told by its environment.
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
        """The same as variables, for processes that are to be told by their environment."""
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


_TOLD: list[Environment] = []


def told() -> Environment:
    """What this process was told: by the command that it carries out, else by its environment's variables."""
    return _TOLD[-1] if _TOLD else Environment.of_variables()


@contextmanager
def telling(environment: Environment) -> Iterator[None]:
    """In the block, `told()` is this."""
    _TOLD.append(environment)
    try:
        yield
    finally:
        _TOLD.pop()
