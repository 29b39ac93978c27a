"""Spans of neighbouring series: how the work is cut, and which spans are finished.

Belongs here: integers, and the names of the files that say a span is finished. Does not belong here: what is in these
files (`pieces.py`), who works a span (`tasks.py`), and when (`retry_policy.py`).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from turbo_forecast.storage.datasets import PART_SERIES

_STEM = re.compile(r"\d{8}-\d{8}")
"""Of a span's files. What others put beside them (a copy that a synchronised folder keeps, say) is none."""
_HALF_WRITTEN = re.compile(r"\d{8}-\d{8}\.\w+\.\d+(-[0-9a-f]{8})?\.tmp")

FAR_SERIES = 5000
"""Series of a task on another machine at most, while that makes no more tasks than MOST_FAR_TASKS."""
FAR_TASKS, MOST_FAR_TASKS = 500, 10_000
"""Tasks that a map is cut into where workers are on other machines, as a rule and at most: schedulers are rough beyond."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Series lo … hi - 1 of the store: one task."""

    lo: int
    hi: int

    def __len__(self) -> int:
        return self.hi - self.lo

    def meets(self, other: "Span") -> bool:
        """Whether a series lies in both."""
        return self.lo < other.hi and other.lo < self.hi

    @property
    def stem(self) -> str:
        """Name of the span's files, so that sorting names sorts series."""
        return f"{self.lo:08d}-{self.hi:08d}"


def cut(spans: Iterable[Span], size: int) -> list[Span]:
    """The same series in spans of at most `size`."""
    return [Span(lo, min(lo + size, span.hi)) for span in spans for lo in range(span.lo, span.hi, size)]


def parts_of(total: int) -> list[Span]:
    """The parts of a store of so many series."""
    return cut([Span(0, total)] if total else [], PART_SERIES)


def cut_at_parts(span: Span) -> list[Span]:
    """The same series, cut at the borders of parts."""
    first = span.lo // PART_SERIES * PART_SERIES
    return [Span(max(lo, span.lo), min(lo + PART_SERIES, span.hi)) for lo in range(first, span.hi, PART_SERIES)]


def chunk_size(series: int, workers: int, wanted: int) -> int:
    """Series per task: what was asked for, else some 16 tasks a worker, so that the tail is short, 1 to 64 series."""
    return wanted or max(1, min(64, series // (16 * workers)))


def far_chunk_size(series: int, workers: int, wanted: int) -> int:
    """Series per task for workers of other machines: what was asked for, else some eight tasks a worker.

    A task costs the scheduler the same whatever its size, so they grow with the fleet, from 1,000 series to FAR_SERIES;
    a small fleet's are smaller, so that no worker has nothing to do.
    """
    largest = max(1000, min(FAR_SERIES, series // FAR_TASKS))
    return wanted or max(1, min(largest, series // (8 * workers)), series // MOST_FAR_TASKS)


def unfinished(total: int, finished: Sequence[Span]) -> list[Span]:
    """The gaps that finished spans leave in 0 … total - 1."""
    gaps, at = [], 0
    for span in sorted(finished):
        if span.lo > at:
            gaps.append(Span(at, span.lo))
        at = max(at, span.hi)
    return [*gaps, *([Span(at, total)] if at < total else [])]


def finished_spans(folder: Path, last: str) -> list[Span]:
    """Spans whose files are all there; last: the kind of file that is renamed into place last."""
    suffix = f".{last}.arrow"
    stems = [path.name.removesuffix(suffix) for path in sorted(folder.glob(f"*{suffix}"))]
    return [Span(*map(int, stem.split("-"))) for stem in stems if _STEM.fullmatch(stem)]


def discard_doubtful(folder: Path, last: str, is_sound: Callable[[Span], bool]) -> None:
    """Remove what an earlier attempt left and this one must not trust; the caller owns the folder.

    That is: what killed workers were writing, and finished spans that are not sound, such as files that a power cut left
    empty or half (renames outlive contents).
    """
    for path in folder.glob("*.tmp"):
        if _HALF_WRITTEN.fullmatch(path.name):
            path.unlink(missing_ok=True)
    for span in finished_spans(folder, last):
        if not is_sound(span):
            (folder / f"{span.stem}.{last}.arrow").unlink(missing_ok=True)
