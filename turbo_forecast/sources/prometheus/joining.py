"""Answers as rows: which host and resource a series is of, and one value at a moment where a host's series changes its labels.

Belongs here: hosts, labels, handovers, values that are no numbers. Does not belong here: asking.

A pod with a new name or an agent that was installed anew gives a new series, and the old one ends: both are of one host and
resource, and are joined. Where they overlap for one step (the server looks back over the step, or five minutes), that is a
handover, and the newer one counts. Where they overlap for longer they are two things, and nobody can say which is meant.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from turbo_forecast.errors import SourceError
from turbo_forecast.option_rules import shown_name
from turbo_forecast.sources.prometheus.answers import Answer, labels_json, labels_shown
from turbo_forecast.sources.prometheus.presets import resource_labels, resource_name
from turbo_forecast.sources.prometheus.settings import PrometheusOptions
from turbo_forecast.sources.protocol import ROWS

MICROSECONDS = 1_000_000
_PORT = re.compile(r"(?P<host>\[[^\]]+\]|[^:]+):[0-9]{1,5}")

Key = tuple[str, str]
"""Host and resource."""


@dataclass(frozen=True, slots=True)
class Series:
    """A series of an answer. labels: as JSON; index: its place there; rows: of its finite values."""

    labels: str
    raw_host: str
    index: int
    rows: npt.NDArray[np.int64]


@dataclass(slots=True)
class LatestSeries:
    """Whose value was the last of a host and resource. overlap: the last moment at which there were two, if it was the last of all."""

    labels: str
    overlap: int | None = None


class Joiner:
    """Makes rows of answers, which come in order of time for each resource. where: the source, as sentences name it."""

    def __init__(self, where: str, options: PrometheusOptions) -> None:
        self._where, self._options = where, options
        self._latest: dict[Key, LatestSeries] = {}
        self._named_by: dict[str, str] = {}
        self.no_numbers: Counter[str] = Counter()
        """How many values were NaN or infinite, by resource as the options name it."""

    def rows(self, answer: Answer) -> Iterator[pa.RecordBatch]:
        """The rows of an answer, none where it has no number. Raises SourceError."""
        finite = np.isfinite(answer.values)
        self.no_numbers[answer.piece.resource] += int(finite.size - finite.sum())
        kept = finite.copy()
        groups = self._groups(answer, finite)
        for key, several in groups.items():
            self._join(key, several, answer, kept)
        if kept.any():
            yield self._batch(groups, answer, kept)

    def _groups(self, answer: Answer, finite: npt.NDArray[np.bool_]) -> dict[Key, list[Series]]:
        """The series with numbers, by host and resource."""
        found: dict[Key, list[Series]] = defaultdict(list)
        for index, labels in enumerate(answer.labels):
            begin, end = answer.edges[index], answer.edges[index + 1]
            rows = begin + np.flatnonzero(finite[begin:end])
            if rows.size:
                key = self._host(answer.piece.resource, labels), self._resource(answer.piece.resource, labels)
                raw_host = labels[self._options.host_label]
                found[key].append(Series(labels_json(labels), raw_host, index, rows))
        return found

    def _host(self, resource: str, labels: Mapping[str, str]) -> str:
        label = self._options.host_label
        raw = labels.get(label, "")
        port = _PORT.fullmatch(raw) if self._options.strips_port else None
        host = port["host"].strip("[]") if port else raw
        if not host.strip():
            raise SourceError(
                f"{self._where}: {shown_name(resource)}: there is a series without a host, for it has no label {label}: "
                f"{labels_shown(labels_json(labels))}; keep that label, as by ($host) does, or set host_label"
            )
        return host

    def _resource(self, resource: str, labels: Mapping[str, str]) -> str:
        missing = next((label for label in resource_labels(resource) if not labels.get(label)), None)
        if missing:
            raise SourceError(
                f"{self._where}: {shown_name(resource)}: there is a series without the label {missing}, which the resource's name "
                f"needs: {labels_shown(labels_json(labels))}"
            )
        name = resource_name(resource, labels)
        other = self._named_by.setdefault(name, resource)
        if other != resource:
            two = f"{shown_name(other)} and {shown_name(resource)}"
            raise SourceError(
                f"{self._where}: the queries of {two} both give a resource {shown_name(name)}: give them other names"
            )
        return name

    def _join(self, key: Key, several: list[Series], answer: Answer, kept: npt.NDArray[np.bool_]) -> None:
        """Remember whose value is the last; where two have one at a moment, keep the newer one's only. Raises SourceError."""
        latest = self._latest.get(key)
        if len(several) == 1:
            self._latest[key] = LatestSeries(several[0].labels)
            return
        several.sort(key=lambda each: _age(each, answer, latest))  # the newest is the last
        times = np.concatenate([answer.times[each.rows] for each in several])
        rank = np.repeat(np.arange(len(several)), [each.rows.size for each in several])
        rows = np.concatenate([each.rows for each in several])
        order = np.lexsort((rank, times))
        times, rank, rows = times[order], rank[order], rows[order]
        older = np.flatnonzero(times[:-1] == times[1:])
        moments = np.unique(times[older])
        kept[rows[older]] = False
        step = answer.piece.run.seconds
        overlaps = moments if latest is None or latest.overlap is None else np.concatenate([[latest.overlap], moments])
        lasting = np.flatnonzero(np.diff(overlaps) <= step)
        if lasting.size:
            moment = int(overlaps[lasting[0] + 1])
            two = [several[i] for i in rank[times == moment]][:2]
            raise self._conflict(key, two, int(overlaps[lasting[0]]) - step)
        last = int(times[-1])
        self._latest[key] = LatestSeries(
            several[rank[-1]].labels, last if moments.size and moments[-1] == last else None
        )

    def _conflict(self, key: Key, two: list[Series], begin: int) -> SourceError:
        host, resource = map(shown_name, key)
        when = f"from {datetime.fromtimestamp(begin, UTC):%Y-%m-%d %H:%M} UTC on"
        if two[0].raw_host != two[1].raw_host:
            named = " and ".join(shown_name(each.raw_host) for each in two)
            return SourceError(
                f"{self._where}: {resource}: the hosts {named} are both named {host} without their ports, and have values at the "
                f"same time {when}: set strip_port: false"
            )
        named = " and ".join(labels_shown(each.labels) for each in two)
        return SourceError(
            f"{self._where}: {resource}: host {host} has two series with values at the same time {when}: {named}; make one of "
            "them, as max by ($host) (…) does, or name what tells them apart in the resource, as disk:$mountpoint does"
        )

    def _batch(self, groups: dict[Key, list[Series]], answer: Answer, kept: npt.NDArray[np.bool_]) -> pa.RecordBatch:
        hosts, resources, labels = ([""] * len(answer.labels) for _ in range(3))
        for (host, resource), several in groups.items():
            for each in several:
                hosts[each.index], resources[each.index], labels[each.index] = host, resource, each.labels
        series = pa.array(np.repeat(np.arange(len(answer.labels)), np.diff(answer.edges))[kept])
        begins = (answer.times[kept] - answer.piece.run.seconds) * MICROSECONDS
        columns = [
            pa.array(hosts, pa.string()).take(series),
            pa.array(resources, pa.string()).take(series),
            pa.array(begins).cast(ROWS.field("timestamp").type),
            pa.array(answer.values[kept]),
            pa.array(labels, pa.string()).take(series),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=ROWS)


def _age(series: Series, answer: Answer, latest: LatestSeries | None) -> tuple[bool, int, int, str]:
    """By what the newer of two series is found: it is not the one before, began later, ends later; else, what sorts last."""
    times = answer.times[series.rows]
    return latest is None or series.labels != latest.labels, int(times[0]), int(times[-1]), series.labels
