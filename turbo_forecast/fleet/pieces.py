"""The files in which workers leave what they have made of some neighbouring series, and how these are read again.

Belongs here: formats. Rows are stored as one entry per series, entrant and window, whose days follow from the window.
Does not belong here: which series are one task and what is finished (`chunks.py`), who computes what.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa

from turbo_forecast.errors import StorageError, writing
from turbo_forecast.fleet.series_forecaster import Result
from turbo_forecast.storage.arrow_arrays import arrow_array, empty_table, table_of_rows
from turbo_forecast.windows import FORECAST

DAILY_VALUES = pa.large_list(pa.float32())
ROWS = pa.schema(
    [
        ("series", pa.int32()),
        ("model", pa.int16()),
        ("window", pa.int8()),
        ("yhat", DAILY_VALUES),
        ("yhat_lower", DAILY_VALUES),
        ("yhat_upper", DAILY_VALUES),
    ]
)
"""Entries sorted by series, model (its place in the field), window (oldest first); one value for each day of the window."""
ERRORS = pa.schema([("series", pa.int32()), ("model", pa.int16()), ("window", pa.int8()), ("error", pa.float64())])
"""Mean absolute errors of the windows that have been observed: what the weighted combination learns from."""
RUNS = pa.schema(
    [
        ("series", pa.int32()),
        ("model", pa.string()),
        ("window", pa.int8()),
        ("status", pa.string()),
        ("solver", pa.string()),
        ("iterations", pa.int64()),
        ("note", pa.string()),
        ("error_class", pa.string()),
        ("error_message", pa.string()),
        ("milliseconds", pa.float64()),
    ]
)
OUTCOMES = pa.schema(
    [
        ("series", pa.int32()),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("error_class", pa.string()),
        ("error_message", pa.string()),
        ("observations", pa.int64()),
        ("first_ds", pa.int32()),
        ("last_ds", pa.int32()),
        ("unobserved_weekdays", pa.string()),
        ("unobserved_months", pa.string()),
        ("unobserved_stretches", pa.string()),
        ("fits", pa.int64()),
        ("milliseconds", pa.float64()),
        ("fit_seconds", pa.float64()),
        ("predict_seconds", pa.float64()),
    ]
)
FORECAST_PIECES = {"rows": ROWS, "errors": ERRORS, "runs": RUNS, "outcomes": OUTCOMES}
"""What the first map leaves of a chunk; the last of them is renamed into place last and says that all are there."""
FORECAST_LAST = "outcomes"
"""That one."""


def write_forecast(folder: Path, stem: str, results: Sequence[Result], models: Sequence[str]) -> None:
    """Write what became of a chunk's series, each file by rename; a crash leaves nothing that looks complete.

    models: the field of entrants, in its order. Raises StorageError, naming the file.
    """
    make: dict[str, Callable[[], pa.Table]] = {
        "rows": lambda: _rows_table(results, models),
        "errors": lambda: _errors_table(results, models),
        "runs": lambda: table_of_rows(_runs(results), RUNS),
        "outcomes": lambda: table_of_rows(map(_outcome, results), OUTCOMES),
    }
    for kind in FORECAST_PIECES:
        write_piece(folder, stem, kind, make[kind]())


def piece(folder: Path, stem: str, kind: str) -> Path:
    """The file of one kind of a span's results."""
    return folder / f"{stem}.{kind}.arrow"


def write_piece(folder: Path, stem: str, kind: str, table: pa.Table) -> None:
    """Publish one file of a span by rename. Raises StorageError, naming it."""
    path = piece(folder, stem, kind)
    beside = path.with_suffix(f".{os.getpid()}-{uuid4().hex[:8]}.tmp")  # machines that share a disk share numbers too
    try:
        with writing(path):
            with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table.combine_chunks())
            os.replace(beside, path)
    except StorageError:  # half a piece on a full disk is room that the next attempt needs
        beside.unlink(missing_ok=True)
        raise


def read_piece(folder: Path, stem: str, kind: str) -> pa.Table:
    """One file of a span, memory-mapped. Raises StorageError, naming it."""
    path = piece(folder, stem, kind)
    try:
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except (OSError, pa.ArrowException) as error:
        cause = " ".join(str(error).split())[:80]
        raise StorageError(f"{path} cannot be read: {cause}; run the month again") from None


def rows_table(entries: Iterable[tuple[int, int, int, np.ndarray, np.ndarray, np.ndarray]]) -> pa.Table:
    """A table of ROWS: each entry is series, model, window, yhat, lower, upper."""
    listed = list(entries)
    if not listed:
        return empty_table(ROWS)
    series, model, window, *values = zip(*listed, strict=True)
    offsets = arrow_array(np.concatenate([[0], np.cumsum([each.size for each in values[0]])]).astype(np.int64))
    lists = [
        pa.LargeListArray.from_arrays(offsets, arrow_array(np.concatenate(each).astype(np.float32))) for each in values
    ]
    numbers: list[np.ndarray] = [np.array(series, np.int32), np.array(model, np.int16), np.array(window, np.int8)]
    return pa.table([*map(arrow_array, numbers), *lists], schema=ROWS)


def _rows_table(results: Sequence[Result], models: Sequence[str]) -> pa.Table:
    place = {name: number for number, name in enumerate(models)}
    return rows_table(
        (result.series.index, place[rows.model], rows.window, rows.yhat, rows.lower, rows.upper)
        for result in results
        for rows in sorted(result.rows, key=lambda rows: (place[rows.model], -rows.window))
    )


def _errors_table(results: Sequence[Result], models: Sequence[str]) -> pa.Table:
    found = [(result.series.index, rows) for result in results for rows in result.rows if rows.window != FORECAST]
    return table_of_rows(
        (
            {"series": series, "model": models.index(rows.model), "window": rows.window, "error": rows.error}
            for series, rows in found
        ),
        ERRORS,
    )


def _runs(results: Sequence[Result]) -> Iterable[dict[str, object]]:
    for result in results:
        for run in result.runs:
            yield {"series": result.series.index, **{name: getattr(run, name) for name in RUNS.names[1:]}}


def _outcome(result: Result) -> dict[str, object]:
    error_class, error_message = result.error
    days, unobserved = result.series.days, result.unobserved
    return {
        "series": result.series.index,
        "outcome": result.outcome.value,
        "reason": result.reason,
        "error_class": error_class,
        "error_message": error_message,
        "observations": days.size,
        "first_ds": int(days[0]) if days.size else None,
        "last_ds": int(days[-1]) if days.size else None,
        "unobserved_weekdays": ", ".join(unobserved.weekdays) or None,
        "unobserved_months": ", ".join(unobserved.months) or None,
        "unobserved_stretches": ", ".join(unobserved.stretches) or None,
        "fits": result.fits,
        "milliseconds": result.seconds * 1000,
        "fit_seconds": result.fit_seconds,
        "predict_seconds": result.predict_seconds,
    }
