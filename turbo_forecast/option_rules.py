"""What single options must look like (time zones, sizes), and the plain sentence for any that does not.

Belongs here: rules that need more than a bound, pydantic's errors in words, the option that was probably meant.
Does not belong here: which options there are and their bounds (`settings.py`).
"""

import re
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from turbo_forecast.text import printable

SHOWN = 40
"""Characters of a value that are shown."""
CLAUSES = 3
"""Mistakes that are reported at once, as far as a sentence holds them."""
SENTENCE = 200
"""Characters of several mistakes together; where they are reported, a file's name comes before them."""
SMALLEST_MEMORY = 100e6
"""Bytes; DuckDB cannot read a fleet's telemetry in less."""
_UNIT_BYTES = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?([kmgt]i?)b", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_OFFSET = re.compile(r"[+-](0\d|1[0-3]):?([0-5]\d)?|[+-]14:?(00)?")
_UTC = {"z", "utc", "gmt", "etc/utc", "zulu"}
MEANT = {
    **dict.fromkeys(
        ("n_jobs", "jobs", "processes", "num_workers", "n_workers", "max_workers", "threads", "cores", "num_cpus"),
        "workers",
    ),
    **dict.fromkeys(("horizon", "periods", "h", "steps", "forecast_months", "months_ahead"), "horizon_months"),
    **dict.fromkeys(("models", "model", "forecasters", "names"), "entrants"),
    **dict.fromkeys(("external_models", "outside_models"), "external"),
    **dict.fromkeys(("samples", "n_samples", "num_samples", "draws"), "uncertainty_samples"),
    **dict.fromkeys(("confidence", "level", "interval", "coverage"), "interval_width"),
    **dict.fromkeys(("random_state", "random_seed"), "seed"),
    **dict.fromkeys(("n_windows", "n_folds", "n_splits", "cv"), "folds"),
    **dict.fromkeys(("test_months", "validation_months", "holdout_months"), "backtest_months"),
    **dict.fromkeys(("training_months",), "train_months"),
    **dict.fromkeys(("timeout", "series_timeout"), "series_timeout_seconds"),
    **dict.fromkeys(("batch_size", "chunksize"), "chunk_size"),
    **dict.fromkeys(("worker_memory", "memory_per_worker", "max_worker_memory", "memory_mb"), "worker_memory_mb"),
    **dict.fromkeys(("backend", "solver", "stan_backend"), "engine"),
    **dict.fromkeys(("carrying_capacity",), "cap"),
    **dict.fromkeys(("yearly_seasonality",), "yearly_order"),
    **dict.fromkeys(("tz", "zone", "time_zone"), "timezone"),
    **dict.fromkeys(("agg", "aggregation", "aggregate"), "statistic"),
    **dict.fromkeys(("path", "file", "files", "source", "input"), "telemetry"),
    **dict.fromkeys(("max_memory", "memory"), "memory_limit"),
}
"""What other tools call an option of ours."""
RENAMED = {"outside": "external"}
"""What options of ours were called before."""
EXPLAINED = {
    **dict.fromkeys(
        ("months_of_history", "history_months", "history"),
        "the history is train_months and backtest_months together; set these",
    ),
    **dict.fromkeys(("freq", "frequency"), "there is nothing to set: series have one value a day"),
    **dict.fromkeys(
        ("mcmc_samples", "holidays", "changepoints", "weekly_seasonality", "daily_seasonality"),
        "a fleet's Prophet has no such option; TurboProphet, for one series, does",
    ),
}
"""What other tools let one set and this one does not, with what holds instead."""


def time_zone(name: str) -> str:
    """The name, if it is empty, UTC, an offset or a zone of the IANA database. Raises ValueError otherwise."""
    zone = name.strip()
    if not name or zone.lower() in _UTC or _OFFSET.fullmatch(zone):
        return name
    known = zoneinfo.available_timezones() - {"localtime", "Factory"}
    if zone in known:
        return name
    exact = {each.lower(): each for each in known}
    near = exact.get(zone.lower()) or next(iter(get_close_matches(zone, sorted(known), n=1, cutoff=0.75)), None)
    meant = f"did you mean {near}?" if near else "give one such as UTC, Europe/Berlin or +02:00"
    raise ValueError(f"{shown(name)} is not a zone; {meant}")


def memory_size(text: str) -> str:
    """The size, if it is one that DuckDB can read a fleet in. Raises ValueError otherwise."""
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{shown(text)} is not a size such as 2GB or 500MB")
    size = float(found[1]) * _UNIT_BYTES[found[2].lower()]
    if not SMALLEST_MEMORY <= size <= 1e15:
        raise ValueError(f"must be from 100MB to 1000TB, not {shown(text)}")
    return text


def shown(value: object) -> str:
    """A value in a sentence: as Python writes it, cut where it is long."""
    try:
        text = repr(value)
    except Exception:  # a number of 5,000 digits has no text
        return f"a {type(value).__name__} that is too long to show"
    text = printable(" ".join(text.split()))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def shown_name(name: str) -> str:
    """An option's name in a sentence, as it is written; cut where it is long, with quotes where it is no word."""
    text = printable(name[: 2 * SHOWN])
    text = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return text if text.strip() else repr(text)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, None if there is none like it."""
    known = list(known)
    plain = {each.lower().replace("_", ""): each for each in known}
    same = plain.get(name.lower().replace("_", "").replace("-", ""))
    meant = MEANT.get(name.lower())
    close = get_close_matches(name.lower(), known, n=1, cutoff=0.7)
    return same or (meant if meant in known else None) or (close[0] if close else None)


def unknown_option(name: str, known: Iterable[str], elsewhere: Mapping[str, Iterable[str]] | None = None) -> str:
    """The sentence for an option that is not known; elsewhere: other sections' options."""
    known = list(known)
    if name in RENAMED and RENAMED[name] in known:
        return f"is called {RENAMED[name]} now; write {RENAMED[name]} in its place"
    if name.lower() in EXPLAINED:
        return f"is no option: {EXPLAINED[name.lower()]}"
    for section, options in (elsewhere or {}).items():
        if name in options:
            return f"is no option here; it belongs under {section}"
    near = nearest(name, known)
    for section, options in (elsewhere or {}).items():
        near = near or (f"{section}.{found}" if (found := nearest(name, options)) else None)
    return f"is no option; did you mean {near}?" if near else "is no option"


_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of sensible size",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping of names to values",
    "model_type": "a mapping of options to values",
    "model_attributes_type": "a mapping of options to values",
}
_BOUNDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than_equal": lambda context: f"at least {context['ge']:,}",
    "greater_than": lambda context: f"more than {context['gt']:,}",
    "less_than_equal": lambda context: f"at most {context['le']:,}",
    "less_than": lambda context: f"less than {context['lt']:,}",
}


def wrong(error: ErrorDetails) -> str:
    """What is wrong with one option's value, to follow its name. The error is one of pydantic's."""
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    if kind in _WANTED:
        hint = "; put it in quotes" if kind == "string_type" and isinstance(value, int | float) else ""
        hint = "; leave the quotes out" if kind in ("int_type", "float_type") and _reads_as_number(value) else hint
        return f"must be {_WANTED[kind]}, not {_given(value)}{hint}"
    if kind in _BOUNDS:
        return f"must be {_BOUNDS[kind](context)}, not {shown(value)}"
    if kind == "literal_error":
        return f"must be one of {_list(str(context['expected']))}, not {_given(value)}"
    if kind == "too_short":
        return f"must name at least {context['min_length']}"
    if kind in ("too_long", "string_too_long"):
        return f"must have at most {context['max_length']}"
    return str(error["msg"]).removeprefix("Value error, ")


def _given(value: object) -> str:
    return "nothing" if value is None else shown(value)


def _reads_as_number(value: object) -> bool:
    return isinstance(value, str) and bool(_NUMBER.fullmatch(value))


def _list(expected: str) -> str:
    """pydantic's "'a', 'b' or 'c'" without quotes, unless what they hold are no words."""
    choices = re.findall(r"'([^']*)'|\"([^\"]*)\"", expected)
    plain = [one or other for one, other in choices]
    return ", ".join(plain) if all(re.search(r"\w", each) for each in plain) else expected.replace(" or ", ", ")
