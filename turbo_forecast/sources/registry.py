"""Which kinds of sources there are, and the sources that settings or an address name.

Belongs here: finding them. Does not belong here: what one does.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from pydantic import ValidationError

from turbo_forecast import option_rules
from turbo_forecast.addresses import is_address
from turbo_forecast.errors import SettingsError
from turbo_forecast.settings import one_sentence
from turbo_forecast.sources.protocol import Source

GROUP = "turbo_forecast.sources"
"""The entry point group of other packages' sources."""
BUILT_IN = {
    "prometheus": "turbo_forecast.sources.prometheus.source:PrometheusSource",
    "sql": "turbo_forecast.sources.sql.source:SQLSource",
    "zabbix": "turbo_forecast.sources.sql.zabbix:ZabbixSource",
}

OF_FILES = ("file", "http", "https", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory")
"""Schemes of folders, object stores and the web: what lies there is files."""


def source_of(name: str, options: Mapping[str, Any]) -> Source:
    """The source of a section of the settings file. Raises SettingsError, naming the source and the option that cannot work."""
    given = dict(options)
    kind = _kind(name, given.pop("kind", None))
    try:
        return kind.configured(name, kind.options.model_validate(given))
    except ValidationError as error:
        raise SettingsError(f"sources.{option_rules.shown_name(name)}: {one_sentence(error)}") from None


def recognised(address: str) -> Mapping[str, Any] | None:
    """The options of the source that an address stands for; None where it is a file's, a folder's or an object store's."""
    if not is_address(address) or _scheme(address) in OF_FILES:  # no driver need be imported for those
        return None
    unusable: SettingsError | None = None
    for kind in kinds():
        try:
            options = _loaded(kind).recognises(address)
        except SettingsError as error:  # a package is not installed, which matters to those alone who mean this kind
            if kind not in BUILT_IN or _scheme(address).partition("+")[0] == kind:
                unusable = error
            continue
        if options is not None:
            return {"kind": kind, **options}
    if unusable:
        raise unusable
    return None


def _scheme(address: str) -> str:
    return address.partition("://")[0].lower()


def kinds() -> list[str]:
    """The kinds there are."""
    return sorted({*BUILT_IN, *_external_kinds()})


def _kind(name: str, kind: object) -> type[Source]:
    where = f"sources.{option_rules.shown_name(name)}"
    if not isinstance(kind, str):
        raise SettingsError(f"{where} has no kind: write kind: and one of {', '.join(kinds())}")
    if kind not in kinds():
        raise SettingsError(f"{where}.kind must be one of {', '.join(kinds())}, not {option_rules.shown(kind)}")
    return _loaded(kind)


@cache
def _external_kinds() -> dict[str, str]:
    return {point.name: point.value for point in entry_points(group=GROUP) if point.name not in BUILT_IN}


@cache
def _loaded(kind: str) -> type[Source]:
    """A kind's class. Raises SettingsError where its package cannot be imported."""
    module, _, name = {**_external_kinds(), **BUILT_IN}[kind].partition(":")
    try:
        found: type[Source] = getattr(import_module(module), name)
    except ImportError as error:
        if kind in BUILT_IN:
            raise SettingsError(
                f"sources of kind {kind} need the package {error.name}, which is not installed: pip install 'turbo-forecast[sources]'"
            ) from None
        raise SettingsError(f"sources of kind {kind} cannot be used: {error}") from None
    except AttributeError as error:
        raise SettingsError(f"sources of kind {kind} cannot be used: {error}") from None
    return found
