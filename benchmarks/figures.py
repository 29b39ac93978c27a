"""One row of a verdict: what was to be shown, the goal, what was measured.

Does not belong here: any goal.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the verdict; holds is None where there is no goal, or nothing to measure."""

    what: str
    goal: str
    got: str
    holds: bool | None = None

    @property
    def cells(self) -> list[str]:
        """The row, with its mark."""
        return [self.what, self.goal, f"{self.got}{'' if self.holds is None else ' ✓' if self.holds else ' ✗'}"]
