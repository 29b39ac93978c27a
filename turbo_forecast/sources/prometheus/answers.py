"""An answer of the API as arrays: the labels of each series, and all times and values one after the other.

Belongs here: reading what a range query gives. Does not belong here: what the labels mean (`joining.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from turbo_forecast.sources.prometheus.cutting import Piece
from turbo_forecast.sources.prometheus.refusals import RefusedError
from turbo_forecast.text import one_line

LONGEST_LABELS = 160


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a piece gave. labels: of each series; edges: series i has times and values[edges[i] : edges[i + 1]].

    times: of evaluation, seconds since 1970; values: as they came, also NaN and infinite ones.
    """

    piece: Piece
    labels: list[Mapping[str, str]]
    edges: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]


def answer(piece: Piece, series: list[Any]) -> Answer:
    """The arrays of a range query's result.

    Raises RefusedError for what is no series of numbers (native histograms), and for evaluations at other times than asked.
    """
    try:
        pairs = [each["values"] for each in series]
    except KeyError:
        raise RefusedError("the query gives histograms: apply histogram_quantile or histogram_avg") from None
    edges = np.concatenate([[0], np.cumsum([len(each) for each in pairs], dtype=np.int64)]).astype(np.int64)
    size = int(edges[-1])
    times = np.fromiter((pair[0] for each in pairs for pair in each), np.float64, size)
    values = np.fromiter((float(pair[1]) for each in pairs for pair in each), np.float64, size)
    _require_asked_times(piece, times)
    return Answer(piece, [each["metric"] for each in series], edges, times.astype(np.int64), values)


def _require_asked_times(piece: Piece, times: npt.NDArray[np.float64]) -> None:
    start, end = piece.run.evaluations
    if times.size and (((times - start) % piece.run.seconds).any() or times.min() < start or times.max() > end):
        raise RefusedError(
            "the server evaluates at other times than it is asked for, as query front ends do that align ranges with steps: "
            "switch that off (Thanos: --query-range.align-range-with-step=false, Mimir: align-queries-with-step), or ask the "
            "querier behind it"
        )


def labels_json(labels: Mapping[str, str]) -> str:
    """The labels as JSON, their names sorted."""
    return orjson.dumps(labels, option=orjson.OPT_SORT_KEYS).decode()


def labels_shown(labels: str) -> str:
    """The labels of labels_json in a sentence."""
    return one_line(labels, LONGEST_LABELS)
