"""Who may take part, by name. To add an entrant: one file beside this one, and one line in ENTRANTS.

An entrant of one's own, from another package, takes part as `package.module:function`, with that as its name.

Does not belong here: a forecaster's code, or an import of one (each worker imports only who takes part).
"""

from collections.abc import Callable
from importlib import import_module

from turbo_forecast.errors import SettingsError
from turbo_forecast.models.protocol import Entrant, Say
from turbo_forecast.settings import ForecastSettings

ENTRANTS = {
    "prophet": "turbo_forecast.models.prophet:build",
    "seasonal_naive": "turbo_forecast.models.seasonal_naive:build",
}
NEVER_FAIL = ("seasonal_naive",)
"""Entrants that have an answer for any window of at least one observation."""


Build = Callable[[ForecastSettings], Entrant]


def builder(name: str) -> Build:
    """What builds the entrant of that name. Raises SettingsError, with the names there are, if there is none."""
    module, colon, function = ENTRANTS.get(name, name).partition(":")
    if not colon:
        raise SettingsError(f"entrants: there is no entrant {name!r}; there are {', '.join(sorted(ENTRANTS))}")
    try:
        build: Build = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"entrants: {name!r} cannot be imported: {error}") from None
    return build


def module_of(name: str) -> str:
    """The module that holds the entrant of that name."""
    return ENTRANTS.get(name, name).partition(":")[0]


def build_entrant(name: str, settings: ForecastSettings) -> Entrant:
    """The entrant of that name, at the run's settings."""
    return builder(name)(settings)


def check_entrants(settings: ForecastSettings) -> None:
    """Raises SettingsError if a name in `entrants` is nobody's, or the fallback is one that may fail."""
    for name in settings.field_of_entrants:
        builder(name)
    if settings.fallback not in NEVER_FAIL:
        raise SettingsError(
            f"fallback: must be one that never fails ({', '.join(NEVER_FAIL)}), not {settings.fallback!r}"
        )


def prepare_entrants(settings: ForecastSettings, say: Say) -> None:
    """Once, in the parent, before workers start: an entrant's module may have a `prepare(settings, say)`."""
    for name in settings.field_of_entrants:
        prepare = getattr(import_module(builder(name).__module__), "prepare", None)
        if prepare is not None:
            prepare(settings, say)
