"""The configured sources: those of the settings file, and the one whose address stands where files could.

Belongs here: their names, and the refusal of what cannot be one. Does not belong here: kinds of sources (`sources/registry.py`), and
what is done with them.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from turbo_forecast.errors import SettingsError
from turbo_forecast.option_rules import shown, shown_name
from turbo_forecast.settings import Environment, TelemetrySettings, load_settings
from turbo_forecast.sources.protocol import Source
from turbo_forecast.sources.registry import recognised, source_of
from turbo_forecast.storage.telemetry.zones import stated_zone, zone_name
from turbo_forecast.text import shown_location

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_READABLE = 60
_DIGEST_BYTES = 4


@dataclass(frozen=True, slots=True)
class TelemetrySources:
    """Where telemetry comes from. sources: by name; files: a file, folder, glob or URI beside them, or nothing."""

    sources: Mapping[str, Source]
    files: str

    @property
    def is_empty(self) -> bool:
        """Whether there is no telemetry at all."""
        return not self.sources and not self.files


def configured(environment: Environment) -> TelemetrySources:
    """The sources that the environment and the settings file configure. Nothing is connected to, and nothing written.

    Raises SettingsError for a source whose name or options cannot work, for two of one name or that ask the same, and for a settings file
    that cannot be used.
    """
    settings = environment.settings()
    calendar, sections = calendar_of(settings.telemetry), {name: dict(each) for name, each in settings.sources.items()}
    sources = {name: named_source(name, options, calendar) for name, options in sections.items()}
    files = ""
    for location in dict.fromkeys([environment.telemetry, load_settings(environment.config).telemetry.telemetry]):
        options = recognised(location) if location else None
        if options is None:
            files = files or location
            continue
        name = name_of(str(options["kind"]), location)
        if name in sources:
            raise SettingsError(
                f"{shown_location(location)} and sources.{name} of the settings file are both called {name}: give one of them"
            )
        sections[name], sources[name] = dict(options), source_of(name, options)
    _require_different(sections)
    return TelemetrySources(sources, files)


def _require_different(sections: Mapping[str, Mapping[str, object]]) -> None:
    """Raises SettingsError for two sources of the same options: both would land each series, and no base table can be made of two.

    All options count, not what is asked alone: who asks may decide what there is, as where a user's name is a tenant's.
    """
    names = list(sections)
    for index, name in enumerate(names):
        other = next((before for before in names[:index] if sections[before] == sections[name]), None)
        if other is not None:
            raise SettingsError(f"sources {other} and {name} ask the same of the same place: give one of them")


def named_source(name: str, options: Mapping[str, object], calendar: str) -> Source:
    """The source of a section of the settings file. calendar: the zone whose days land.

    Raises SettingsError, also for a name that no folder can have, and for values of another zone's days: each would be counted as one
    of the day before or after.
    """
    if not _NAME.fullmatch(name) or name.endswith(".parquet"):
        raise SettingsError(
            f"sources.{shown_name(name)}: a source's name is that of its folder: letters, digits, . _ and -, at most 80, the first of "
            "them a letter or digit, and not ending in .parquet"
        )
    source = source_of(name, options)
    own = getattr(source, "zone", "")
    if own and zone_name(own) != calendar:
        raise SettingsError(
            f"sources.{name}.zone is {own}, but what lands is of the days of {calendar}, the telemetry's timezone: leave zone out, or "
            "set both to the same zone"
        )
    return source


def name_of(kind: str, address: str) -> str:
    """What a source is called that was given by its address: its kind, host, port and path, the same each time, and no credentials.

    Raises SettingsError where what looks like a path may be the rest of a password that holds a slash.
    """
    parts = urlsplit(address)
    if parts.netloc and "@" in parts.path + parts.query + parts.fragment:
        raise SettingsError(
            f"the address of a source of kind {kind} has an @ after its host: an address holds no password (the settings file names "
            "where one is), and @ in a path is written as %40"
        )
    try:
        port = parts.port
    except ValueError:
        raise SettingsError(f"{shown_location(address)} has a port that is no number from 0 to 65535") from None
    where = f"{parts.hostname or ''}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
    name = "-".join([kind, *re.findall(r"[a-z0-9._]+", where.lower())])
    if len(name) <= _READABLE:
        return name
    digest = hashlib.blake2b(where.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{name[:_READABLE]}-{digest}"


def source_named(telemetry: TelemetrySources, name: str) -> Source:
    """The source of that name. Raises SettingsError, which lists those that there are."""
    if name not in telemetry.sources:
        known = (
            f"there are {', '.join(sorted(telemetry.sources))}" if telemetry.sources else "the settings file names none"
        )
        raise SettingsError(f"there is no source {shown(name)}: {known}")
    return telemetry.sources[name]


def calendar_of(settings: TelemetrySettings) -> str:
    """The zone whose calendar landed months are of: the telemetry's, UTC where none is set.

    Raises SettingsError for a zone that no base table can be made by: what landed would be of no use, and the source may have
    forgotten it by the time that somebody notices.
    """
    return stated_zone(settings.timezone) if settings.timezone else "UTC"
