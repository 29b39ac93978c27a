"""A profile of each resource's values, counted before anything is validated.

Belongs here: the counts. Does not belong here: what follows from them (`units`, `validation`).
"""

from dataclasses import dataclass

import duckdb

from turbo_forecast.storage.telemetry.sql import rendered

FRACTION_OVERSHOOT = 1.05
"""A fraction's overshoot is like a percentage's: a little above 1 is still a fraction."""
FAR_OVER = 2.0
"""Values beyond this many times the overshoot limit are far above capacity."""


@dataclass(frozen=True, slots=True)
class ResourceProfile:
    """Counts of one resource's values. Field names are the columns of profile.sql."""

    resource: str | None
    cells: int
    """All values, usable or not."""
    not_numbers: int
    in_the_future: int
    usable: int
    """Without any reason against them; duplicates are not known yet."""
    measured: int
    """Finite and not negative; the next four are of these."""
    positive: int
    above_fraction: int
    """As found, above FRACTION_OVERSHOOT."""
    above: int
    """In percent, above the overshoot limit."""
    far_above: int
    """In percent, above FAR_OVER times that."""
    off_midnight: int
    """Of all, at moments other than midnight (UTC's for instants)."""

    @property
    def name(self) -> str:
        """The resource's name, for messages too."""
        return self.resource or ""


def profiled(con: duckdb.DuckDBPyConnection, overshoot_percent: float) -> list[ResourceProfile]:
    """One profile per resource of the view `telemetry_values`, by name; one pass that keeps nothing else."""
    statement = rendered(
        "profile",
        fraction=repr(FRACTION_OVERSHOOT),
        overshoot=repr(overshoot_percent),
        far=repr(overshoot_percent * FAR_OVER),
    )
    return [ResourceProfile(*row) for row in con.execute(statement).fetchall()]
