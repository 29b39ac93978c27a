"""From a settings file, or keywords, to options; and from what is wrong with them to a sentence.

Belongs here: the file's sections, and the words for a validation error. Does not belong here: any one option.
"""

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, TypeVar

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from turbo_forecast import option_rules
from turbo_forecast.errors import SettingsError
from turbo_forecast.settings.deployment import DeploymentSettings
from turbo_forecast.settings.executor import ExecutorSettings
from turbo_forecast.settings.forecast import ForecastSettings
from turbo_forecast.settings.options import Options
from turbo_forecast.settings.outlook import OutlookSettings
from turbo_forecast.settings.telemetry import TelemetrySettings
from turbo_forecast.yaml_file import OptionPath, read_yaml


class Settings(Options):
    """The whole settings file: how telemetry is read, how it is forecast, what is said of capacity, how Dagster is set up."""

    telemetry: TelemetrySettings = TelemetrySettings()
    forecast: ForecastSettings = ForecastSettings()
    outlook: OutlookSettings = OutlookSettings()
    deployment: DeploymentSettings = DeploymentSettings()
    sources: dict[str, dict[str, Any]] = Field(
        {}, description="where telemetry is fetched from, by a name of one's own: kind, and the options of that kind"
    )

    @field_validator("*")
    @classmethod
    def _printable(cls, value: object, info: ValidationInfo) -> object:  # type: ignore[override]  # pydantic gives both
        """As of all options; but a source's are looked at by its kind, which knows what may have lines: a query."""
        return value if info.field_name == "sources" else super()._printable(value)


Section = TypeVar("Section", bound=Options)
SECTIONS: dict[str, type[Options]] = {
    "telemetry": TelemetrySettings,
    "forecast": ForecastSettings,
    "outlook": OutlookSettings,
    "deployment": DeploymentSettings,
}
NESTED: dict[str, type[Options]] = {"executor": ExecutorSettings}
"""Options that are a mapping of options themselves."""


def one_sentence(error: ValidationError, section: str = "", lines: Mapping[OptionPath, int] | None = None) -> str:
    """A validation error as 'option: what is wrong' clauses, the first few.

    section: the one whose options were validated, if not the whole file; lines: of the file's options.
    """
    errors = error.errors(include_url=False)
    clauses: list[str] = []
    for item in errors[: option_rules.CLAUSES]:
        path = tuple(map(str, item["loc"]))
        text = option_rules.wrong(item)
        if item["type"] == "extra_forbidden":
            text = _unknown(path[-1], path[-2] if len(path) > 1 else section)
        line = (lines or {}).get(path) if path not in {(name,) for name in SECTIONS} else None
        where = f"{'.'.join(map(option_rules.shown_name, path))}{f' (line {line})' if line else ''}"
        clause = f"{where}: {text}" if path else text
        if clauses and len("; ".join([*clauses, clause])) > option_rules.SENTENCE:
            break
        clauses.append(clause)
    more = len(errors) - len(clauses)
    return "; ".join(clauses) + (f"; and {more} more" if more else "")


def _unknown(name: str, section: str) -> str:
    within = {**SECTIONS, **NESTED}
    known = within[section].model_fields if section in within else SECTIONS
    elsewhere = {other: list(options.model_fields) for other, options in SECTIONS.items() if other != section}
    return option_rules.unknown_option(name, known, elsewhere)


def telemetry_settings(**options: object) -> TelemetrySettings:
    """Telemetry settings from keywords. Raises SettingsError, naming the option that cannot work."""
    return _section(TelemetrySettings, "telemetry", options)


def forecast_settings(**options: object) -> ForecastSettings:
    """Forecast settings from keywords. Raises SettingsError, naming the option that cannot work."""
    return _section(ForecastSettings, "forecast", options)


def stored_forecast_settings(stored: Mapping[str, object]) -> ForecastSettings:
    """Forecast settings as a month has stored them, under former names of options too. Raises SettingsError."""
    return forecast_settings(**{option_rules.RENAMED.get(name, name): value for name, value in stored.items()})


def outlook_settings(**options: object) -> OutlookSettings:
    """Outlook settings from keywords. Raises SettingsError, naming the option that cannot work."""
    return _section(OutlookSettings, "outlook", options)


def _section(kind: type[Section], name: str, options: Mapping[str, object]) -> Section:
    try:
        return kind.model_validate({option: _plain(value) for option, value in options.items()})
    except ValidationError as error:
        raise SettingsError(f"{name} settings: {one_sentence(error, name)}") from None


def _plain(value: object) -> object:
    """A keyword's value as a file would give it: NumPy's numbers, tuples and paths are what people have at hand."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, PurePath):
        return str(value)
    is_numpy = hasattr(value, "dtype") and hasattr(value, "item") and getattr(value, "ndim", None) == 0
    return value.item() if is_numpy else value  # type: ignore[attr-defined]


def load_settings(path: Path | None) -> Settings:
    """Settings from a YAML file (defaults where it is None or silent). Raises SettingsError, naming file and option."""
    if path is None:
        return Settings()
    content = read_yaml(path)
    values = content.values if content.values is not None else {}
    if isinstance(values, dict):  # a section whose options are all commented out is silent too
        values = {
            name: {} if name in Settings.model_fields and section is None else section
            for name, section in values.items()
        }
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(f"{path}: {one_sentence(error, lines=content.lines)}") from None
