"""Which host and resource a series is of, by its name in an export.

Belongs here: the pattern of `series_name`, and names in Prometheus's notation, `cpu{instance="web-1"}`.
Does not belong here: what a name may hold (`name_cleaning`), and which columns are series (a tool's own module).
"""

import re
from dataclasses import dataclass

from turbo_forecast.errors import TelemetryError
from turbo_forecast.settings import SERIES_PLACEHOLDER, TelemetrySettings
from turbo_forecast.storage.telemetry.wording import quoted, shown

BOTH, HOST, RESOURCE = "{host} {resource}", "{host}", "{resource}"
HOST_LABELS = ("host", "hostname", "instance", "node", "nodename", "vm")
RESOURCE_LABELS = ("__name__", "resource", "metric")
LABELLED = re.compile(r"([A-Za-z_:][\w:]*)?\{(.*)\}")
LABEL = re.compile(r'\s*([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"\s*(?:,|$)')


@dataclass(frozen=True, slots=True)
class Series:
    """The host and the resource of a series."""

    host: str
    """Empty where it is in the file's name."""
    resource: str


class SeriesNames:
    """Finds the host and the resource in names of series, by `series_name` or, without it, as tools write them.

    host: the one host of the file, where something else than the series' names states it. labelled: whether names may be in
    Prometheus's notation.
    """

    def __init__(self, settings: TelemetrySettings, where: str, *, host: str = "", labelled: bool = False) -> None:
        self._where = where
        self._host = host
        self._needs_host = not host and settings.host_from != "file name"
        self._resource = settings.resource
        self._is_asked = bool(settings.series_name)
        self._pattern = settings.series_name or self._usual_pattern()
        self._labelled = labelled and not self._is_asked
        self._lazy, self._greedy = (re.compile(_expression(self._pattern, some), re.DOTALL) for some in (".+?", ".+"))

    def series(self, name: str) -> Series:
        """The series of that name. Raises TelemetryError, with the name, where nothing or more than one thing is found."""
        if self._labelled and (labels := _labels(name)) is not None:
            return self._of_labels(name, labels)
        first, last = self._lazy.fullmatch(name), self._greedy.fullmatch(name)
        if first is None or last is None:
            raise TelemetryError(self._unmatched(name))
        if first.groups() != last.groups():
            ways = " or ".join(" and ".join(quoted(part) for part in way.groups()) for way in (first, last))
            raise TelemetryError(
                f"column {quoted(name)} of {self._where} fits {self._shown} in more than one way ({ways}): set "
                "series_name to a pattern with more of the text between them"
            )
        return self._found(name, first.groupdict())

    def _found(self, name: str, parts: dict[str, str]) -> Series:
        host, resource = parts.get("host", self._host), parts.get("resource", self._resource)
        if self._needs_host and not host:
            raise TelemetryError(
                f"column {quoted(name)} of {self._where} names no host: set series_name to a pattern with {{host}}, or "
                "host_from: file name"
            )
        if not resource:
            raise TelemetryError(
                f"column {quoted(name)} of {self._where} names no resource: set resource to what the values are of (such "
                "as resource: cpu), or series_name to a pattern with {resource}"
            )
        return Series(host, resource)

    def _of_labels(self, name: str, labels: dict[str, str]) -> Series:
        hosts = {label: labels[label] for label in HOST_LABELS if labels.get(label)}
        if len(set(hosts.values())) > 1:
            raise TelemetryError(
                f"column {quoted(name)} of {self._where} names a host by its labels {' and '.join(hosts)}, which differ: "
                "set series_name to say which"
            )
        found = {"host": next(iter(hosts.values()))} if hosts and self._needs_host else {}
        named = next((labels[label] for label in RESOURCE_LABELS if labels.get(label)), "")
        return self._found(name, found | ({"resource": named} if named and not self._resource else {}))

    def _unmatched(self, name: str) -> str:
        found = f"column {quoted(name)} of {self._where} does not fit {self._shown}"
        if self._is_asked:
            return f"{found}: correct the pattern, or list the column in ignore_columns"
        alone = ", or resource where all of them are of one (resource: cpu)" if not self._resource else ""
        return f"{found}: set series_name to how hosts and resources are written in such names{alone}"

    @property
    def _shown(self) -> str:
        return f"series_name {quoted(self._pattern)}" if self._is_asked else f"the usual {shown(self._pattern)}"

    def _usual_pattern(self) -> str:
        if self._needs_host:
            return HOST if self._resource else BOTH
        return "{any}" if self._resource else RESOURCE


def _expression(pattern: str, some: str) -> str:
    """A regular expression for a pattern: `some` stands for a placeholder, which takes one character or more.

    Placeholders take as little as they can with `.+?` and as much with `.+`, the first one first. As the two are the
    smallest and the largest of all ways to match, in that order, there is one way alone exactly where they are equal.
    """
    parts, end = [], 0
    for place in SERIES_PLACEHOLDER.finditer(pattern):
        group = f"({some})" if place[1] == "any" else f"(?P<{place[1]}>{some})"
        parts += [re.escape(pattern[end : place.start()]), group]
        end = place.end()
    return "".join([*parts, re.escape(pattern[end:])])


def _labels(name: str) -> dict[str, str] | None:
    """The labels of a name in Prometheus's notation, with the metric as `__name__`; None for any other name."""
    found = LABELLED.fullmatch(name.strip())
    if found is None:
        return None
    labels = {"__name__": found[1]} if found[1] else {}
    at = 0
    while at < len(found[2]):
        label = LABEL.match(found[2], at)
        if label is None:
            return None
        labels[label[1]] = re.sub(r"\\(.)", r"\1", label[2])
        at = label.end()
    return labels
