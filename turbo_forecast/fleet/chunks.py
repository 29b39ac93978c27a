"""A chunk: a run of neighbouring series, its results on disk, and what is still to be done after a crash.

Belongs here: the format of chunk files, cutting the work, finding finished chunks.
Does not belong here: who computes a chunk (`tasks.py`), and when (`policy.py`).
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from turbo_forecast.errors import StorageError, writing
from turbo_forecast.fleet.rows import Rows
from turbo_forecast.fleet.series_forecaster import WORKER_DIED, Result
from turbo_forecast.windows import FORECAST

ROWS_SCHEMA = pa.schema(
    [
        ("series", pa.int32()),
        ("model", pa.int16()),
        ("window", pa.int8()),
        ("ds", pa.int32()),
        ("y", pa.float64()),
        ("yhat", pa.float64()),
        ("yhat_lower", pa.float64()),
        ("yhat_upper", pa.float64()),
    ]
)
OUTCOMES_SCHEMA = pa.schema(
    [
        ("series", pa.int32()),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("error_class", pa.string()),
        ("error_message", pa.string()),
        ("solver", pa.string()),
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
        ("costs", pa.map_(pa.string(), pa.float64())),
    ]
)
ERRORS_SCHEMA = pa.schema(
    [("series", pa.int32()), ("model", pa.int16()), ("window", pa.int8()), ("error", pa.float64())]
)
"""Mean absolute errors of the windows that have been observed: what the weighted combination learns from."""
ROWS_SUFFIX, ERRORS_SUFFIX, OUTCOMES_SUFFIX = ".rows.arrow", ".errors.arrow", ".outcomes.arrow"
_HALF_WRITTEN = re.compile(r"\d{8}-\d{8}\.(rows|errors|outcomes)\.\d+\.tmp")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Series lo … hi - 1 of the store: one task."""

    lo: int
    hi: int

    def __len__(self) -> int:
        return self.hi - self.lo

    @property
    def stem(self) -> str:
        """Name of the span's files, so that sorting names sorts series."""
        return f"{self.lo:08d}-{self.hi:08d}"


def cut(spans: Iterable[Span], size: int) -> list[Span]:
    """The same series in spans of at most `size`."""
    return [Span(lo, min(lo + size, span.hi)) for span in spans for lo in range(span.lo, span.hi, size)]


def chunk_size(series: int, workers: int, wanted: int) -> int:
    """Series per task: what was asked for, else some 16 tasks a worker, so that the tail is short, 1 to 64 series."""
    return wanted or max(1, min(64, series // (16 * workers)))


def unfinished(total: int, finished: Sequence[Span]) -> list[Span]:
    """The gaps that finished spans leave in 0 … total - 1."""
    gaps, at = [], 0
    for span in sorted(finished):
        if span.lo > at:
            gaps.append(Span(at, span.lo))
        at = max(at, span.hi)
    return [*gaps, *([Span(at, total)] if at < total else [])]


def finished_spans(folder: Path) -> list[Span]:
    """Spans whose files are all there: the outcomes file is renamed into place last."""
    spans = []
    for path in sorted(folder.glob(f"*{OUTCOMES_SUFFIX}")):
        lo, hi = path.name.removesuffix(OUTCOMES_SUFFIX).split("-")
        spans.append(Span(int(lo), int(hi)))
    return spans


def discard_doubtful(folder: Path) -> None:
    """Remove what an earlier attempt left and this one must not trust.

    Files a power cut left empty or half (renames outlive contents), what killed workers were writing, and series whose
    worker died: that was the circumstances' doing, and may not happen again. The caller owns the folder.
    """
    for path in folder.glob("*.tmp"):
        if _HALF_WRITTEN.fullmatch(path.name):
            path.unlink(missing_ok=True)
    for span in finished_spans(folder):
        try:
            outcomes, rows, errors = read_outcomes(folder, span), read_rows(folder, span), read_errors(folder, span)
            sound = len(outcomes) == len(span) and rows.schema.equals(ROWS_SCHEMA)
            sound = sound and errors.schema.equals(ERRORS_SCHEMA)
            sound = sound and WORKER_DIED not in outcomes.column("error_class").to_pylist()
        except (StorageError, OSError, pa.ArrowException):
            sound = False
        if not sound:
            (folder / f"{span.stem}{OUTCOMES_SUFFIX}").unlink(missing_ok=True)


def write_chunk(folder: Path, span: Span, results: Sequence[Result], models: Sequence[str]) -> None:
    """Write a span's rows and errors, then its outcomes, each by rename; a crash leaves nothing that looks complete.

    Raises StorageError, naming the file.
    """
    _publish(folder / f"{span.stem}{ROWS_SUFFIX}", _rows_table(results, models))
    _publish(folder / f"{span.stem}{ERRORS_SUFFIX}", _errors_table(results, models))
    _publish(folder / f"{span.stem}{OUTCOMES_SUFFIX}", _outcomes_table(results))


def read_rows(folder: Path, span: Span) -> pa.Table:
    """A finished span's rows, memory-mapped. Raises StorageError; so do the next two."""
    return _read(folder / f"{span.stem}{ROWS_SUFFIX}")


def read_errors(folder: Path, span: Span) -> pa.Table:
    """A finished span's errors, memory-mapped."""
    return _read(folder / f"{span.stem}{ERRORS_SUFFIX}")


def read_outcomes(folder: Path, span: Span) -> pa.Table:
    """A finished span's outcomes, memory-mapped."""
    return _read(folder / f"{span.stem}{OUTCOMES_SUFFIX}")


def _read(path: Path) -> pa.Table:
    try:
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except (OSError, pa.ArrowException) as error:
        said = " ".join(str(error).split())[:80]
        raise StorageError(f"{path} cannot be read: {said}; run the month again") from None


def _publish(path: Path, table: pa.Table) -> None:
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        with writing(path):
            with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
            os.replace(beside, path)
    except StorageError:  # half a chunk on a full disk is room that the next attempt needs
        beside.unlink(missing_ok=True)
        raise


def _rows_table(results: Sequence[Result], models: Sequence[str]) -> pa.Table:
    """All rows of a span in the order series, model, window (oldest first), day."""
    parts: list[tuple[int, Rows]] = [
        (result.series.index, rows)
        for result in results
        for rows in sorted(result.rows, key=lambda rows: (models.index(rows.model), -rows.window))
    ]
    if not parts:
        return ROWS_SCHEMA.empty_table()
    sizes = [rows.days.size for _, rows in parts]
    columns = {
        "series": np.repeat(np.array([index for index, _ in parts], dtype=np.int32), sizes),
        "model": np.repeat(np.array([models.index(rows.model) for _, rows in parts], dtype=np.int16), sizes),
        "window": np.repeat(np.array([rows.window for _, rows in parts], dtype=np.int8), sizes),
        "ds": np.concatenate([rows.days for _, rows in parts]).astype(np.int32),
        "y": np.concatenate([rows.y for _, rows in parts]),
        "yhat": np.concatenate([rows.yhat for _, rows in parts]),
        "yhat_lower": np.concatenate([rows.lower for _, rows in parts]),
        "yhat_upper": np.concatenate([rows.upper for _, rows in parts]),
    }
    arrays = {name: pa.array(column) for name, column in columns.items()}
    arrays["y"] = pa.array(columns["y"], from_pandas=True)  # NaN, a day without a value, is stored as null
    return pa.table(arrays, schema=ROWS_SCHEMA)


def _errors_table(results: Sequence[Result], models: Sequence[str]) -> pa.Table:
    rows = [
        {
            "series": result.series.index,
            "model": models.index(rows.model),
            "window": rows.window,
            "error": rows.error,
        }
        for result in results
        for rows in result.rows
        if rows.window != FORECAST
    ]
    return pa.Table.from_pylist(rows, schema=ERRORS_SCHEMA)


def _outcomes_table(results: Sequence[Result]) -> pa.Table:
    rows = [
        {
            "series": result.series.index,
            "outcome": result.outcome,
            "reason": "; ".join(result.reasons) or None,
            "error_class": result.error_class,
            "error_message": result.error_message,
            "solver": "; ".join(result.solvers) or None,
            "observations": result.series.days.size,
            "first_ds": int(result.series.days[0]) if result.series.days.size else None,
            "last_ds": int(result.series.days[-1]) if result.series.days.size else None,
            "unobserved_weekdays": ", ".join(result.unobserved.weekdays) or None,
            "unobserved_months": ", ".join(result.unobserved.months) or None,
            "unobserved_stretches": ", ".join(result.unobserved.stretches) or None,
            "fits": result.fits,
            "milliseconds": result.seconds * 1000,
            "fit_seconds": result.fit_seconds,
            "predict_seconds": result.predict_seconds,
            "costs": list(result.costs.items()),
        }
        for result in results
    ]
    return pa.Table.from_pylist(rows, schema=OUTCOMES_SCHEMA)
