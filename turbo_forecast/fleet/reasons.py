"""The reasons of many series in a few lines.

Belongs here: folding texts that differ in their numbers only. Does not belong here: the reasons (`rows.py`, `series_forecaster.py`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

CLAUSES = "; "
"""What parts the reasons of one series."""
_FIGURE = re.compile(
    r"\d{4}-\d{2}-\d{2}(?![\w-])"  # a day
    r"|(?<![\w.-])-?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?(?!\w|\.\d|-\w)"  # a number that is no part of a name
)


@dataclass(slots=True)
class _Fold:
    """One text without its figures: in how many series it occurs, and the figures found at each place."""

    words: list[str]
    series: int = 0
    figures: list[set[str]] = field(default_factory=list)

    def text(self) -> str:
        """The text, each figure as it is, or from the smallest to the largest where series differ."""
        parts = [self.words[0]]
        for found, words in zip(self.figures, self.words[1:], strict=True):
            ordered = sorted(found, key=_size)
            parts += [ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}", words]
        return "".join(parts)


def folded(reasons: Iterable[tuple[str, str, str]]) -> list[tuple[int, str]]:
    """`(series, text)` of each kind of reason, most frequent first; a series with several reasons counts in each.

    reasons: `host_id, resource, reason` of each series that has one, as `series_outcomes` holds them. Texts that
    differ in numbers or days only are one kind, and so are those that differ in the name of their own series.
    """
    folds: dict[tuple[str, ...], _Fold] = {}
    for host, resource, reason in reasons:
        counted = set()
        for clause in reason.replace(f"{host}/{resource}", "this series").split(CLAUSES):
            figures, words = _FIGURE.findall(clause), _FIGURE.split(clause)
            fold = folds.setdefault(tuple(words), _Fold(words, figures=[set() for _ in figures]))
            for found, figure in zip(fold.figures, figures, strict=True):
                found.add(figure)
            if id(fold) not in counted:
                fold.series += 1
                counted.add(id(fold))
    return sorted(((fold.series, fold.text()) for fold in folds.values()), key=lambda item: (-item[0], item[1]))


def _size(figure: str) -> tuple[float, str]:
    """By size; days by their order, as their text is."""
    return (0.0, figure) if figure.count("-") == 2 and figure[0] != "-" else (float(figure.replace(",", "")), figure)
