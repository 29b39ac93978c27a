"""The names of one part's rows, and whether the parts' ids are of one kind.

Belongs here: raw keys made names. Does not belong here: how one name is cleaned (`name_cleaning`).
"""

import re
from dataclasses import dataclass, field
from typing import Any

from turbo_forecast.errors import TelemetryError
from turbo_forecast.storage.telemetry.content import is_numeric, is_text
from turbo_forecast.storage.telemetry.layout import Layout
from turbo_forecast.storage.telemetry.messages import brief
from turbo_forecast.storage.telemetry.name_cleaning import (
    EXACT_IN_DOUBLE,
    EXACT_IN_FLOAT,
    LostDigitsError,
    clean,
    of_file,
    of_whole_number,
)
from turbo_forecast.storage.telemetry.parts import Part
from turbo_forecast.storage.telemetry.wording import names as listed_names
from turbo_forecast.storage.telemetry.wording import quoted

FRACTION = re.compile(r"-?\d+\.\d*[1-9]\d*")
LEADING_ZERO = re.compile(r"0\d+")


@dataclass(slots=True)
class PartNames:
    """The names of a part's distinct keys; the lists are as long as there are keys."""

    part: Part
    hosts: list[str | None] = field(default_factory=list)
    resources: list[str | None] = field(default_factory=list)
    """Without resource columns; None where no column names it."""
    labels: list[tuple[str | None, ...]] = field(default_factory=list)
    suffixes: list[str | None] = field(default_factory=list)
    """What resource columns add to the resource's name; None where one holds a control character."""
    changed: set[tuple[str, str]] = field(default_factory=set)
    """Texts as found, with the names they became."""
    as_they_stand: bool = True
    """Whether every name is its raw value as text."""

    @classmethod
    def of(cls, part: Part, layout: Layout, rows: list[tuple[Any, ...]]) -> "PartNames":
        """Names for a part's distinct keys. Raises TelemetryError for an id that has lost digits or is a measurement."""
        own = cls(part)
        columns = [name for name in (layout.host, layout.resource, *layout.labels) if name]
        if layout.hosts_in_files:
            columns = ["", *columns]
        cleaned = [own._column(name, [row[place] for row in rows]) for place, name in enumerate(columns)]
        nothing: list[str | None] = [None] * len(rows)
        has_host = bool(layout.host or layout.hosts_in_files)
        own.hosts = cleaned.pop(0) if has_host else list(nothing)
        own.resources = cleaned.pop(0) if layout.resource else list(nothing)
        own.labels = list(zip(*cleaned, strict=True)) if cleaned else [()] * len(rows)
        raw_labels = [row[len(row) - len(cleaned) :] for row in rows] if cleaned else [()] * len(rows)
        own.suffixes = [_suffix(raw, labels) for raw, labels in zip(raw_labels, own.labels, strict=True)]
        own.as_they_stand = own.as_they_stand and not layout.labels and not layout.hosts_in_files
        return own

    def _column(self, column: str, values: list[Any]) -> list[str | None]:
        """One column's names. An empty column name is the file's."""
        dtype = self.part.columns.get(column, "VARCHAR")
        exact = EXACT_IN_FLOAT if dtype == "FLOAT" else EXACT_IN_DOUBLE
        texts = [value for value in values if isinstance(value, str)]
        are_numbers = not any(FRACTION.fullmatch(text.strip()) for text in texts)
        cache: dict[Any, str | None] = {}
        for value in dict.fromkeys(values):
            try:
                name = clean(of_file(value) if not column else value, exact)
                if name is not None and column and isinstance(value, str) and are_numbers:
                    name = of_whole_number(name)
            except LostDigitsError as error:
                raise TelemetryError(
                    f"column {listed_names([column])} of {brief(self.part.names[0])} holds {quoted(error)}, an id whose "
                    "digits a number format has cut off: export ids as text or whole numbers"
                ) from None
            if isinstance(value, float) and value == value and not value.is_integer() and abs(value) != float("inf"):
                raise TelemetryError(
                    f"column {listed_names([column])} of {brief(self.part.names[0])} holds {value:.6g}, a measurement "
                    "rather than a name: choose another column"
                )
            cache[value] = name
            if name is not None and str(value) != name and column:
                self.as_they_stand = False
                if isinstance(value, str):
                    self.changed.add((value, name))
            elif name is None and value is not None:
                self.as_they_stand = False
        return [cache[value] for value in values]


def _suffix(raw: tuple[Any, ...], labels: tuple[str | None, ...]) -> str | None:
    """':sda' and the like; nothing for labels that say nothing, None where one cannot be a name."""
    for found, name in zip(raw, labels, strict=True):
        if name is None and isinstance(found, str) and clean(found + "x") is None:
            return None
    return "".join(f":{name}" for name in labels if name is not None)


def refuse_two_kinds_of_ids(named: list[PartNames], layout: Layout) -> None:
    """TelemetryError where host ids are text in one part and numbers in another, and nothing shows they are the same."""
    if not layout.host:
        return
    numeric = [own for own in named if is_numeric(own.part.columns.get(layout.host, ""))]
    text = [own for own in named if is_text(own.part.columns.get(layout.host, ""))]
    numbers = {host for own in numeric for host in own.hosts if host is not None}
    words = {host for own in text for host in own.hosts if host is not None}
    if not numbers or not words:
        return
    zeros = sorted(word for word in words if LEADING_ZERO.fullmatch(word))
    strange = sorted(word for word in words if not word.lstrip("-").isdigit())
    if zeros or (strange and not numbers & words):
        raise TelemetryError(
            f"column {listed_names([layout.host])} holds names such as {quoted((zeros or strange)[0])} in "
            f"{brief(text[0].part.names[0])} but numbers such as {min(numbers)} in {brief(numeric[0].part.names[0])}, "
            "which cannot be matched: export it as text everywhere"
        )
