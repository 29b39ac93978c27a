"""Who may take part, by name. To add an entrant: one file beside this one, one line in ENTRANTS, and its words in
`answers/champion_words.py`; it takes part in the runs whose setting `entrants` names it.

An entrant of one's own, from another package, takes part as `package.module:function`, with that as its name; a model
whose forecasts are made elsewhere, under the name it has in the setting `external`.

Does not belong here: a forecaster's code, or an import of one (each worker imports only who takes part).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from importlib import import_module
from textwrap import shorten
from typing import cast

from turbo_forecast.errors import SettingsError
from turbo_forecast.models.imported import Build, imported_builder
from turbo_forecast.models.protocol import Entrant, Log
from turbo_forecast.option_rules import nearest, shown
from turbo_forecast.settings import COMBINATIONS, ForecastSettings

ENTRANTS = {
    "prophet": "turbo_forecast.models.prophet:build",
    "prophet_smooth": "turbo_forecast.models.prophet_tuned:smooth",
    "prophet_linear": "turbo_forecast.models.prophet_tuned:linear",
    "prophet_late": "turbo_forecast.models.prophet_tuned:late",
    "prophet_flexible": "turbo_forecast.models.prophet_tuned:flexible",
    "prophet_stiff": "turbo_forecast.models.prophet_tuned:stiff",
    "prophet_multiplicative": "turbo_forecast.models.prophet_tuned:multiplicative",
    "reverting_level": "turbo_forecast.models.reverting_level:level",
    "reverting_season": "turbo_forecast.models.reverting_level:season",
    "yearly_profile": "turbo_forecast.models.yearly_profile:build",
    "recent_level": "turbo_forecast.models.recent_level:month",
    "recent_quarter": "turbo_forecast.models.recent_level:quarter",
    "seasonal_naive": "turbo_forecast.models.seasonal_naive:build",
    "auto_ets": "turbo_forecast.models.nixtla:auto_ets",
    "optimized_theta": "turbo_forecast.models.nixtla:optimized_theta",
    "auto_arima": "turbo_forecast.models.nixtla:auto_arima",
    "mstl": "turbo_forecast.models.nixtla:mstl",
}
NEVER_FAIL = (
    "seasonal_naive",
    "recent_level",
    "recent_quarter",
    "reverting_level",
    "reverting_season",
    "yearly_profile",
)
"""Entrants that have an answer for any window of at least one observation."""
EXTERNAL_MODULE = "turbo_forecast.models.external"
EXTERNAL_NAME = re.compile(r"\w([\w .+-]{0,62}\w)?")
RESERVED = ("champion",)
"""Names that mean something else in the `model` column."""


def builder(name: str, settings: ForecastSettings | None = None) -> Build:
    """What builds the base model of that name; external models are known from the settings.

    Raises SettingsError, with the name that was probably meant, if there is none, or none that can be imported.
    """
    external = settings.external if settings else {}
    if name in external:
        build: Build = partial(import_module(EXTERNAL_MODULE).build, name)
        return build
    if name in ENTRANTS:
        module, _, function = ENTRANTS[name].partition(":")
        return cast(Build, getattr(import_module(module), function))
    if ":" in name:
        return imported_builder(name)
    near = nearest(name, [*ENTRANTS, *COMBINATIONS, *external])
    others = (
        f"did you mean {near}?"
        if near
        else shorten(f"there are {', '.join(sorted([*ENTRANTS, *COMBINATIONS]))}", 220, placeholder=" …")
    )
    raise SettingsError(f"entrants: there is no entrant {shown(name)}; {others}")


def module_of(name: str) -> str:
    """The module that holds the base model of that name (a name without a module is an external model's)."""
    module, colon, _ = ENTRANTS.get(name, name).partition(":")
    return module if colon else EXTERNAL_MODULE


def sees_all_history(name: str) -> bool:
    """Whether the base model of that name is shown all history: its module says SEES_ALL_HISTORY = True.

    The others are shown the run's history months alone.
    """
    module = module_of(name)
    return module != EXTERNAL_MODULE and bool(getattr(import_module(module), "SEES_ALL_HISTORY", False))


def first_day_needed(settings: ForecastSettings, history_start: date) -> date:
    """The first day whose values anybody is shown: where the run's history months begin, or the first there is."""
    return date.min if any(map(sees_all_history, settings.base_models)) else history_start


def build_entrant(name: str, settings: ForecastSettings) -> Entrant:
    """The base model of that name, at the run's settings."""
    return builder(name, settings)(settings)


def check_entrants(settings: ForecastSettings) -> None:
    """Raises SettingsError if the run cannot be held with these entrants: their names, or an external model's rows."""
    check_entrant_names(settings)
    for name in settings.external:
        import_module(EXTERNAL_MODULE).check(name, settings)


def check_entrant_names(settings: ForecastSettings) -> None:
    """Raises SettingsError for what can be checked without any file.

    That is: a name is nobody's, an external model's name is taken or cannot be one, a combination has fewer than two to
    combine, or the fallback is one that may fail.
    """
    _check_external_names(settings)
    for name in settings.base_models:
        if name != settings.fallback:
            builder(name, settings)
    if settings.fallback not in NEVER_FAIL:
        raise SettingsError(
            f"fallback: must be one that never fails ({', '.join(NEVER_FAIL)}), not {shown(settings.fallback)}"
        )
    combined = [name for name in settings.entrants if name in COMBINATIONS]
    if combined and len(settings.base_models) < 2:
        raise SettingsError(
            f"entrants: {combined[0]!r} combines two others or more; there is only {settings.base_models[0]!r}"
        )


def check_external_files(settings: ForecastSettings) -> None:
    """Raises SettingsError unless every external model's files are there, with the columns they must have."""
    for name in settings.external:
        import_module(EXTERNAL_MODULE).check_columns(name, settings)


def _check_external_names(settings: ForecastSettings) -> None:
    for name in settings.external:
        if name in ENTRANTS or name in COMBINATIONS or name in RESERVED:
            raise SettingsError(f"external: {name!r} is a name that is taken; give the external model another")
        if not EXTERNAL_NAME.fullmatch(name):
            raise SettingsError(
                f"external: {shown(name)} cannot be a name: it must be letters, digits, spaces and - _ . +, 64 at most, "
                "and begin and end with a letter or digit"
            )


def warn_of_missing_origins(settings: ForecastSettings, origins: Sequence[date], log: Log) -> None:
    """Log which external models have no rows at all for an origin of the run: they are out of every series there."""
    for name in settings.external:
        missing = import_module(EXTERNAL_MODULE).missing_origins(name, settings, origins)
        if missing:
            log(
                f"external.{name}: {settings.external[name]} has no rows with origin {', '.join(map(str, missing))}; "
                f"{name} takes no part in series that are forecast from there"
            )


@contextmanager
def preparing(settings: ForecastSettings) -> Iterator[None]:
    """Meanwhile the entrants are prepared in the background, as far as they can be; nothing is left running afterwards.

    For what comes before the run in the same process, reading telemetry, say: `prepare_entrants` then waits for less.
    """
    try:
        for begin in _of_modules("begin", settings):
            begin(settings)
        yield
    finally:
        for abandon in _of_modules("abandon", settings):
            abandon(settings)


def prepare_entrants(settings: ForecastSettings, log: Log) -> None:
    """Once, in the parent, before workers start: an entrant's module may have a `prepare(settings, log)`."""
    with preparing(settings):
        for prepare in _of_modules("prepare", settings):
            prepare(settings, log)


def _of_modules(name: str, settings: ForecastSettings) -> list[Callable[..., None]]:
    """The functions of that name that the entrants' modules have, or those they name in PREPARED_WITH; each once."""
    modules = [import_module(module_of(entrant)) for entrant in settings.base_models]
    found = [getattr(each, name, None) for own in modules for each in getattr(own, "PREPARED_WITH", (own,))]
    return list(dict.fromkeys(each for each in found if each is not None))
