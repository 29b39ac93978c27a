"""Queries for a piece, and for its parts where a server's limits refuse the whole; several pieces side by side.

Belongs here: sizes of queries, learnt from answers and refusals. Does not belong here: HTTP (`client.py`).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import TypeVar

from turbo_forecast.errors import SourceError
from turbo_forecast.sources.prometheus import presets
from turbo_forecast.sources.prometheus.answers import Answer, answer
from turbo_forecast.sources.prometheus.client import Client
from turbo_forecast.sources.prometheus.cutting import Piece, Run
from turbo_forecast.sources.prometheus.refusals import RefusedError, TooLargeError
from turbo_forecast.sources.prometheus.settings import PrometheusOptions

ANSWER_VALUES = 100_000
"""Values of one answer, about. One is 30 bytes of JSON, and 200 as Python's objects until it lies in arrays."""
COUNT_EVALUATIONS = 4
"""Evaluations by which series are counted beforehand."""
MIN_SPANS_TO_COUNT = 10 * COUNT_EVALUATIONS
"""Spans from which on that costs little beside asking for all of them."""
ASSUMED_SERIES = 10_000
"""Where they cannot be counted."""
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass
class Sizes:
    """What is known of each resource's queries, by its name; it is kept from one window to the next.

    series: the most series that were seen; longest: spans of a query that was not refused; most_hosts: hosts of one.
    Threads set them without a lock: a figure that is overwritten costs a query that is refused, and is learnt again.
    """

    series: dict[str, int] = field(default_factory=dict)
    longest: dict[str, int] = field(default_factory=dict)
    most_hosts: dict[str, int] = field(default_factory=dict)


class Querier:
    """Sends queries to one server. where: the source, as sentences name it."""

    def __init__(self, where: str, options: PrometheusOptions, client: Client, sizes: Sizes) -> None:
        self._where, self._options, self._client, self._sizes = where, options, client, sizes

    def pieces(self, runs: list[Run]) -> Iterator[Piece]:
        """All that is to be asked, in order of time for each resource, in pieces whose answers are small enough to hold."""
        for resource in self._options.resources:
            for run in runs:
                yield from Piece(resource, run).shorter(self._longest(resource, run))

    def _longest(self, resource: str, run: Run) -> int:
        """Spans of one query. Series are counted anew for each long run: a fleet may have grown since the last one."""
        series = self._sizes.series.get(resource, 0)
        if run.count > (MIN_SPANS_TO_COUNT if series else COUNT_EVALUATIONS):
            series = self._counted(resource, _count_run(run))
        return min(self._options.max_points, max(1, ANSWER_VALUES // max(1, series)))

    def _counted(self, resource: str, run: Run) -> int:
        """The most series that a resource has at a few times; many where the server refuses to count them."""
        try:
            return max(self.counts(resource, run).values(), default=0)
        except TooLargeError:
            return ASSUMED_SERIES

    def counts(self, resource: str, run: Run) -> dict[int, int]:
        """The number of series by time of evaluation, where there are any. Raises SourceError, and TooLargeError for a limit."""
        query = f"count({self._text(Piece(resource, Run(run.first, self._options.step_seconds, 1)))})"
        try:
            found = answer(Piece(resource, run), self._client.matrix(resource, query, run))
        except TooLargeError:
            if run.count == 1:
                raise
            return {
                time: number
                for half in run.parts(-(-run.count // 2))
                for time, number in self.counts(resource, half).items()
            }
        except RefusedError as error:
            raise SourceError(f"{self._where}: {resource}: {error}") from None
        return {int(time): int(number) for time, number in zip(found.times, found.values, strict=True)}

    def answers(self, piece: Piece) -> list[Answer]:
        """A piece's answers, in order of time. Raises SourceError where no part of it is small enough for the server."""
        longest, most = self._sizes.longest.get(piece.resource), self._sizes.most_hosts.get(piece.resource)
        if longest and piece.run.count > longest:
            return self._all(piece.shorter(longest))
        if most and not piece.hosts:
            return self._all(self._named(piece).of_fewer_hosts(most))
        try:
            result = self._client.matrix(piece.resource, self._text(piece), piece.run)
            found = answer(piece, result)
        except TooLargeError as refused:
            return self._all(self._parts(piece, refused))
        except RefusedError as error:
            raise SourceError(f"{self._where}: {piece.resource}: {error}") from None
        if not piece.hosts:
            self._sizes.series[piece.resource] = max(self._sizes.series.get(piece.resource, 0), len(found.labels))
        return [found]

    def _all(self, pieces: list[Piece]) -> list[Answer]:
        return [each for piece in pieces for each in self.answers(piece)]

    def _parts(self, piece: Piece, refused: TooLargeError) -> list[Piece]:
        """Two smaller pieces, or more. Raises SourceError where there are none."""
        can_be_parted = presets.can_be_parted(self._options.resources[piece.resource])
        if can_be_parted and (refused.of_series or piece.run.count == 1):
            named = self._named(piece)
            if len(named.hosts) > 1:
                self._sizes.most_hosts[piece.resource] = most = -(-len(named.hosts) // 2)
                return named.of_fewer_hosts(most)
        if piece.run.count > 1:
            longest = -(-piece.run.count // 2)
            if not refused.of_time:  # which another hour may have more of
                self._sizes.longest[piece.resource] = longest
            return piece.shorter(longest)
        advice = (
            "" if can_be_parted else "; write $hosts into the selectors of its query, to ask for some hosts at a time"
        )
        where = f"{self._where}: {piece.resource}"
        raise SourceError(f"{where}: {refused}, for the shortest span that can be asked for{advice}")

    def _named(self, piece: Piece) -> Piece:
        """The piece with the names of its hosts."""
        if piece.hosts:
            return piece
        try:
            return Piece(piece.resource, piece.run, tuple(self._client.hosts(piece.run)))
        except TooLargeError as refused:
            raise SourceError(f"{self._where}: {piece.resource}: hosts cannot be listed: {refused}") from None

    def _text(self, piece: Piece) -> str:
        query, hosts = self._options.resources[piece.resource], presets.any_of(list(piece.hosts))
        return presets.query_text(query, seconds=piece.run.seconds, host_label=self._options.host_label, hosts=hosts)


def _count_run(run: Run) -> Run:
    """A few evaluations of a run, the last one among them."""
    between = run.seconds * (run.count // COUNT_EVALUATIONS)
    return Run(run.end - between * COUNT_EVALUATIONS, between, COUNT_EVALUATIONS)


def in_order(
    work: Callable[[_Item], _Result], items: Iterable[_Item], at_a_time: int, ended: Event
) -> Iterator[_Result]:
    """The result of each item, in their order; some are worked on side by side, and no more than that are held.

    ended: is set when it ends, however it ends.
    """
    pool = ThreadPoolExecutor(at_a_time, thread_name_prefix="prometheus")
    waiting: deque[Future[_Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= at_a_time:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        ended.set()
        # an error is raised now, not after the answers that nobody waits for
        pool.shutdown(wait=False, cancel_futures=True)
