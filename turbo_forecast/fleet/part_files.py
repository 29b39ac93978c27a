"""Blocks of neighbouring series as rows of the tables that a month's datasets hold, and the part files these are stored in.

Belongs here: numbers into names and dates. Does not belong here: what the numbers are; how a folder of part files is
published and read (`storage/datasets.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from turbo_forecast.fleet.blocks import Block, WindowDays
from turbo_forecast.fleet.chunks import Span
from turbo_forecast.models.protocol import Values
from turbo_forecast.storage.arrow_arrays import arrow_array, empty_table, text_array
from turbo_forecast.storage.datasets import part_name
from turbo_forecast.storage.files import write_part_file
from turbo_forecast.tables import Table
from turbo_forecast.types import Phase
from turbo_forecast.windows import BACKTEST, FORECAST

TEXT = pa.dictionary(pa.int32(), pa.string())
PHASES = (Phase.BACKTEST.value, Phase.FORECAST.value)


@dataclass(frozen=True, slots=True)
class Naming:
    """What series and entrants are called: names of series (host_id, resource) from `first` on, of the field, and the cutoff."""

    series: pa.Table
    models: Sequence[str]
    cutoff: date
    first: int = 0


def part_path(folder: Path, span: Span) -> Path:
    """The file of a part."""
    return folder / part_name(span.lo, span.hi)


def write_part(folder: Path, span: Span, table: Table, rows: Iterable[pa.Table]) -> None:
    """Leave a part's rows as one file, by rename, with no rows too. Raises StorageError.

    A run that goes on after a power cut looks at the file again, and the folder is made durable when it is published.
    """
    schema = part_schema(table)
    write_part_file(
        pa.concat_tables([empty_table(schema), *(each.cast(schema) for each in rows)]), part_path(folder, span)
    )


def part_schema(table: Table) -> pa.Schema:
    """The table's columns as a part's rows hold them: text as dictionaries."""
    return pa.schema(
        [
            (field.name, TEXT if pa.types.is_string(field.type) or pa.types.is_large_string(field.type) else field.type)
            for field in table.arrow_schema
        ]
    )


def row_tables(
    blocks: Sequence[Block], actual: Sequence[Values], days: WindowDays, naming: Naming, table: Table
) -> Iterator[pa.Table]:
    """The blocks' rows of FLEET_FORECAST (backtest and forecast) or FOLD_FORECAST (the windows before), as one Arrow table.

    actual: what was observed on each block's days.
    """
    folds = "fold" in table.names
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("series", "model", "window", "ds", "y")}
    values: list[list[np.ndarray]] = [[], [], []]
    for block, y in zip(blocks, actual, strict=True):
        stretches = days.stretches(block.windows)
        own = (stretches.window > BACKTEST) == folds
        count, entrants = int(own.sum()), block.models.size
        columns["series"].append(np.full(count * entrants, block.series))
        columns["model"].append(np.repeat(block.models, count))
        columns["window"].append(np.tile(stretches.window[own], entrants))
        columns["ds"].append(np.tile(stretches.days[own], entrants))
        columns["y"].append(np.tile(y[own], entrants))
        for found, of in zip(values, (block.yhat, block.lower, block.upper), strict=True):
            found.append(of[:, own].ravel())
    merged = {name: np.concatenate(parts) for name, parts in columns.items() if parts}
    if merged and merged["series"].size:
        yield _named(merged, [np.concatenate(parts) for parts in values], naming, folds=folds)


def _named(numbers: dict[str, np.ndarray], values: Sequence[np.ndarray], naming: Naming, *, folds: bool) -> pa.Table:
    window, first = numbers["window"], int(numbers["series"][0])
    series = numbers["series"] - first
    names = naming.series.slice(first - naming.first, int(series[-1]) + 1).combine_chunks()
    when = {"fold": arrow_array(window.astype(np.int32))} if folds else {"phase": _text(window == FORECAST, PHASES)}
    columns = {
        **{name: _text(series, names.column(name)) for name in ("host_id", "resource")},
        "model": _text(numbers["model"], naming.models),
        **when,
        "cutoff": arrow_array(np.full(window.size, naming.cutoff, dtype="datetime64[D]")),
        "ds": arrow_array(numbers["ds"].astype("datetime64[D]")),
        "y": arrow_array(numbers["y"], nan_to_null=True),  # NaN, a day without a value, is stored as null
    }
    return pa.table(
        {**columns, **dict(zip(("yhat", "yhat_lower", "yhat_upper"), map(arrow_array, values), strict=True))}
    )


def _text(place: np.ndarray, names: Sequence[str] | pa.ChunkedArray) -> pa.DictionaryArray:
    """Names by their place among `names`, each once in the dictionary: else Parquet would spell out every row's."""
    listed = names.to_pylist() if isinstance(names, pa.ChunkedArray) else list(names)
    codes = {name: code for code, name in enumerate(dict.fromkeys(listed))}
    code = np.array([codes[name] for name in listed], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(arrow_array(code[place.astype(np.int64)]), text_array(list(codes)))
