"""Which hosts, groups and resources a month has, and the sentence for a name that it does not have.

Belongs here: names that people type. Does not belong here: what is known of whom they name (`host.py`).
"""

from difflib import get_close_matches
from typing import Literal

import polars as pl

from turbo_forecast.errors import SettingsError, StorageError
from turbo_forecast.option_rules import nearest, shown
from turbo_forecast.outlook.rows import GROUP
from turbo_forecast.schemas import GROUP_MEMBERS, SERIES_OUTCOMES
from turbo_forecast.storage.published.reading import Published, PublishedMonth

Kind = Literal["series", "group"]
"""What a name is the name of: a host, whose series are meant, or a group."""
KINDS: tuple[Kind, ...] = ("series", "group")
NEAR = 3
"""Names that are offered in the place of one that is not known."""


def resources_by_name(month: PublishedMonth, kind: Kind) -> pl.DataFrame:
    """`host_id, resource` of every series of the month, or of every group: host_id is the group's name then."""
    if kind == GROUP:
        members = month.frame(GROUP_MEMBERS) if month.has(GROUP_MEMBERS) else GROUP_MEMBERS.polars_schema.to_frame()
        return members.select(pl.col("group_name").alias("host_id"), "resource").unique().sort("host_id", "resource")
    return month.frame(SERIES_OUTCOMES).select("host_id", "resource")


def names(month: PublishedMonth, kind: Kind) -> list[str]:
    """The month's hosts, or its groups, sorted."""
    return resources_by_name(month, kind)["host_id"].unique().sort().to_list()


def names_like(month: PublishedMonth, text: str, most: int = NEAR) -> list[str]:
    """Hosts and groups that were probably meant: those that hold the text first, then those that are written alike."""
    return written_alike(text, sorted({name for kind in KINDS for name in names(month, kind)}), most)


def written_alike(text: str, known: list[str], most: int = NEAR) -> list[str]:
    """The known names, sorted, that were probably meant by a text."""
    near = nearest(text, known)
    wanted = text.strip().lower()
    holding = [name for name in known if wanted and wanted in name.lower()] if len(wanted) > 1 else []
    alike = get_close_matches(text, known, n=most, cutoff=0.7)
    found = dict.fromkeys([*([near] if near else []), *holding, *alike])
    return list(found)[:most]


def kind_of(published: Published, month: PublishedMonth, name: str, kind: Kind | None = None) -> Kind:
    """What the name is the name of; where both a host and a group have it, the host, unless a kind is asked for.

    Raises StorageError, which offers names that are like it, or names the months that have it, where the month does not.
    """
    for each in (kind,) if kind else KINDS:
        if (resources_by_name(month, each)["host_id"] == name).any():
            return each
    what = "host or group" if kind is None else "group" if kind == GROUP else "host"
    raise StorageError(f"there is no {what} {shown(name)} in {month.key}{_instead(published, month, name)}")


def _instead(published: Published, month: PublishedMonth, name: str) -> str:
    elsewhere = [
        other.key
        for other in published.months()
        if other.key != month.key and any((resources_by_name(other, kind)["host_id"] == name).any() for kind in KINDS)
    ]
    if elsewhere:
        return f"; {', '.join(elsewhere)} {'has' if len(elsewhere) == 1 else 'have'} it"
    like = names_like(month, name)
    return f"; did you mean {' or '.join(map(shown, like))}?" if like else ""


def resources_of(month: PublishedMonth, kind: Kind, name: str, resource: str | None = None) -> list[str]:
    """The resources of a host or group, sorted, or the one that is asked for.

    Raises SettingsError, which names those there are, where it has not the one.
    """
    available = resources_by_name(month, kind).filter(pl.col("host_id") == name)["resource"].sort().to_list()
    if resource is None:
        return available
    if resource not in available:
        raise SettingsError(
            f"{shown(name)} has no resource {shown(resource)}; it has {', '.join(map(shown, available))}"
        )
    return [resource]
