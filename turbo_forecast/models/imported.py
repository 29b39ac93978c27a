"""Entrants of other packages, named `package.module:function`: what such a name must be, and what it must lead to.

Belongs here: importing what a person wrote, with one sentence for everything that can go wrong with it, before any work.
Does not belong here: the package's own entrants (`registry.py`).
"""

import inspect
import re
import sys
import typing
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from turbo_forecast.errors import SettingsError
from turbo_forecast.models.former_names import METHOD, with_forecast
from turbo_forecast.models.protocol import Entrant
from turbo_forecast.option_rules import nearest, shown
from turbo_forecast.settings import ForecastSettings

Build = Callable[[ForecastSettings], Entrant]
_NAME = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<function>[^\W\d]\w*)")
_MANNER = "it must be package.module:function"


def imported_builder(name: str) -> Build:
    """The function (or class) of that name, which builds an entrant of the settings.

    Raises SettingsError, with one sentence, if the name is none, its module cannot be imported, or what it names is
    nothing that builds an entrant. The builder itself is not called: that is done once in each worker.
    """
    found = _NAME.fullmatch(name)
    if not found:
        raise SettingsError(f"entrants: {shown(name)} is not a name that can be imported: {_MANNER}")
    module = _module(name, found["module"])
    try:
        build = getattr(module, found["function"])
    except AttributeError:
        near = nearest(found["function"], [each for each in dir(module) if not each.startswith("_")])
        meant = f"; did you mean {near}?" if near else ""
        raise SettingsError(f"entrants: {shown(name)}: its module has no {found['function']}{meant}") from None
    fault = _fault(build)
    if fault:
        raise SettingsError(f"entrants: {shown(name)} builds no entrant: {fault}")
    return lambda settings: with_forecast(build(settings))


def _module(name: str, module: str) -> ModuleType:
    if module == "__main__":
        raise SettingsError(f"entrants: {shown(name)}: workers cannot see a script; put the entrant into a module")
    try:
        return import_module(module)
    except SettingsError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # whatever a module does on import, SystemExit even, becomes a sentence about the option
        raise SettingsError(f"entrants: {shown(name)} cannot be imported: {_described(error)}") from None


def _described(error: BaseException) -> str:
    """An error of somebody's module in a line."""
    if isinstance(error, SyntaxError):
        return f"its module has a syntax error in line {error.lineno}: {error.msg}"
    if isinstance(error, SystemExit):
        return "its module ends the program when it is imported"
    if isinstance(error, RecursionError):
        return "its module calls itself without end"
    text = " ".join(str(error).split())[:160]
    return text if isinstance(error, ImportError) else f"its module raised {type(error).__name__}: {text}"


def _fault(build: Any) -> str | None:
    """Why this cannot build an entrant of the settings; None if it may."""
    if not callable(build):
        return f"it is {type(build).__name__}, not a function"
    is_named = isinstance(build, type) or inspect.isroutine(build)  # other callables have their class's module
    if is_named and (build.__module__ or "builtins").partition(".")[0] in sys.stdlib_module_names:
        return "it is a function of Python's own library"
    made = build if isinstance(build, type) else _returned(build)
    if isinstance(made, type) and not any(callable(getattr(made, name, None)) for name in ("forecast", METHOD)):
        return f"{made.__name__} has no method forecast"
    try:
        inspect.signature(build).bind(ForecastSettings())
    except TypeError:
        return "it must take one argument, the settings"
    except ValueError:  # a function of C that does not say what it takes
        return None
    return None


def _returned(build: Any) -> Any:
    """The class a function says it returns, None if it says none."""
    try:
        made = typing.get_type_hints(build).get("return")
    except Exception:  # hints name what is not imported: they say nothing then
        return None
    return None if made is Entrant else made
