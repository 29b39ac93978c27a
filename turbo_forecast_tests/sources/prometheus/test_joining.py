"""Series of one host and resource: which value counts where one hands over to the next, and when they are refused."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest

from turbo_forecast.errors import SourceError
from turbo_forecast.sources.prometheus.answers import Answer
from turbo_forecast.sources.prometheus.cutting import Piece, Run
from turbo_forecast.sources.prometheus.joining import Joiner
from turbo_forecast.sources.prometheus.settings import PrometheusOptions
from turbo_forecast.sources.protocol import ROWS

HOUR = 3600
Values = Mapping[int, float]
"""By the number of the hour at whose end they are evaluated."""


def answer(first: int, count: int, *series: tuple[str, Values]) -> Answer:
    """Hours [first, first + count) of series of one host, which a label `pod` tells apart."""
    labels = [{"instance": "a:9100", "pod": pod} for pod, _ in series]
    times = [np.array([(hour + 1) * HOUR for hour in values], np.int64) for _, values in series]
    numbers = [np.array(list(values.values()), float) for _, values in series]
    edges = np.cumsum([0, *(each.size for each in times)])
    return Answer(
        Piece("cpu", Run(first * HOUR, HOUR, count)), labels, edges, np.concatenate(times), np.concatenate(numbers)
    )


def joined(*answers: Answer) -> list[tuple[int, float]]:
    """Hour and value of all rows, by hour."""
    joiner = Joiner("sources.fleet", PrometheusOptions(address="http://a", preset="node_exporter"))
    table = pa.Table.from_batches([batch for each in answers for batch in joiner.rows(each)], ROWS)
    hours = [int(time.timestamp()) // HOUR for time in table["timestamp"].to_pylist()]
    return sorted(zip(hours, table["value"].to_pylist(), strict=True))


def test_a_new_series_goes_on_where_the_old_one_ends() -> None:
    assert joined(answer(0, 4, ("a", {0: 1, 1: 2}), ("b", {2: 30, 3: 40}))) == [(0, 1), (1, 2), (2, 30), (3, 40)]


def test_where_both_have_a_value_the_newer_one_counts() -> None:
    assert joined(answer(0, 3, ("b", {0: 1, 1: 2}), ("a", {1: 20, 2: 30}))) == [(0, 1), (1, 20), (2, 30)]


def test_the_newer_one_is_known_across_pieces() -> None:
    pieces = [
        answer(0, 1, ("z", {0: 1})),
        answer(1, 1, ("z", {1: 2}), ("a", {1: 20})),
        answer(2, 1, ("a", {2: 30})),
    ]
    assert joined(*pieces) == [(0, 1), (1, 20), (2, 30)]


def test_of_two_that_begin_at_once_the_one_that_goes_on_counts() -> None:
    assert joined(answer(0, 2, ("z", {0: 1}), ("a", {0: 10, 1: 20}))) == [(0, 10), (1, 20)]


def test_three_in_one_hour_are_a_handover_too() -> None:
    assert joined(answer(0, 3, ("a", {0: 1, 1: 2}), ("b", {1: 20}), ("c", {1: 200, 2: 300}))) == [
        (0, 1),
        (1, 200),
        (2, 300),
    ]


def test_series_that_take_turns_hand_over_each_time() -> None:
    taken = joined(answer(0, 6, ("a", {0: 1, 1: 2, 4: 5, 5: 6}), ("b", {1: 20, 2: 30, 3: 40, 4: 50})))
    assert taken == [(0, 1), (1, 20), (2, 30), (3, 40), (4, 50), (5, 6)]


@pytest.mark.parametrize("cut", [False, True], ids=["in one piece", "across pieces"])
def test_two_hours_with_two_values_are_refused(cut: bool) -> None:
    whole = [answer(0, 3, ("a", {0: 1, 1: 2, 2: 3}), ("b", {1: 20, 2: 30}))]
    parts = [answer(0, 2, ("a", {0: 1, 1: 2}), ("b", {1: 20})), answer(2, 1, ("a", {2: 3}), ("b", {2: 30}))]
    with pytest.raises(
        SourceError, match="host a has two series with values at the same time from 1970-01-01 01:00 UTC on"
    ):
        joined(*(parts if cut else whole))


def test_a_value_that_is_no_number_is_no_second_value() -> None:
    nan = float("nan")
    assert joined(answer(0, 2, ("a", {0: 1, 1: 2}), ("b", {0: nan, 1: nan}))) == [(0, 1), (1, 2)]


@pytest.mark.parametrize(
    ("instance", "host"),
    [
        ("web1:9100", "web1"),
        ("web1.example", "web1.example"),
        ("10.0.0.7:9100", "10.0.0.7"),
        ("[fe80::1]:9100", "fe80::1"),
        ("fe80::1", "fe80::1"),
        ("web1:metrics", "web1:metrics"),
    ],
)
def test_a_port_is_no_part_of_a_hosts_name(instance: str, host: str) -> None:
    joiner = Joiner("sources.fleet", PrometheusOptions(address="http://a", preset="node_exporter"))
    one = Answer(
        Piece("cpu", Run(0, HOUR, 1)), [{"instance": instance}], np.array([0, 1]), np.array([HOUR]), np.array([5.0])
    )
    (batch,) = joiner.rows(one)
    assert batch.to_pylist()[0]["host_id"] == host
    assert batch.to_pylist()[0]["labels"] == f'{{"instance":"{instance}"}}'
