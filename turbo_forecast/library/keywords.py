"""A function's options as Python's own tools show them: its signature and its docstring, made of the options' own classes.

Belongs here: how options are listed. Does not belong here: which options there are (`settings/`).
"""

import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel

from turbo_forecast.settings import ExecutorSettings, ForecastSettings, OutlookSettings
from turbo_forecast.settings.keywords import ExecutorOptions, ForecastOptions, OutlookOptions
from turbo_forecast.settings.options import Options

Function = TypeVar("Function", bound=Callable[..., Any])
WIDTH = 116


def taking_forecast_options(function: Function) -> Function:
    """The function itself, whose `**options` are shown one by one where Python is asked: by `help`, Jupyter, `inspect`.

    Its docstring's last section is to be the one on what it raises; options are listed below the whole, and so are the
    fields of its parameters `executor` and `outlook`.
    """
    signature = inspect.signature(function)
    own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    shown = signature.replace(parameters=[*own, *_parameters(ForecastSettings, ForecastOptions)])
    function.__signature__ = shown  # type: ignore[attr-defined]
    listed = [
        *_section("Options", ForecastSettings, ForecastOptions),
        *_section("Fields of executor", ExecutorSettings, ExecutorOptions),
        *_section("Fields of outlook", OutlookSettings, OutlookOptions),
    ]
    function.__doc__ = "\n".join([inspect.cleandoc(function.__doc__ or ""), *listed, ""])
    return function


def _parameters(options: type[Options], hints: type) -> Iterator[inspect.Parameter]:
    annotations = get_type_hints(hints)
    for name, field in options.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        default = default.model_dump() if isinstance(default, BaseModel) else default  # as a person would write it
        yield inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotations.get(name, field.annotation)
        )


def _section(title: str, options: type[Options], hints: type) -> Iterator[str]:
    """A section of a docstring in NumPy's style: each option with its type, default and meaning."""
    yield from ("", title, "-" * len(title))
    for each in _parameters(options, hints):
        yield from _wrapped(f"{each.name} : {inspect.formatannotation(each.annotation)}, default {each.default!r}", "")
        yield from _wrapped(f"{options.model_fields[each.name].description}.", "    ")


def _wrapped(text: str, indent: str) -> list[str]:
    further = indent or "        "
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=further, break_long_words=False, break_on_hyphens=False
    )
