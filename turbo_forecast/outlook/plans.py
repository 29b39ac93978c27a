"""What each plan means for each series and group: planned changes, resolved against the fleet as it is known at the cutoff.

Belongs here: whom a plan concerns, by how much, and why it may have no effect. Does not belong here: reading the file
(`storage/plans.py`), and what several changes of one load come to (`loads.py`).

Plans take effect in the order of their days, those of one day in the order of the file. A group is what its hosts' loads
come to, weighted by their capacity: a plan of a host that belongs to it changes it by the host's share.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from turbo_forecast.errors import SettingsError
from turbo_forecast.option_rules import nearest, shown
from turbo_forecast.outlook.rows import BASELINE, GROUP, SERIES
from turbo_forecast.schemas import PLANNED_CHANGES
from turbo_forecast.types import Change

APPLIED = "applied"
TOO_EARLY = "no effect: the day is not after the cutoff"
TOO_LATE = "no effect: the day is after the forecast's last"
NO_FORECAST = "no effect: there is no forecast of the series"
NO_HOST = "no effect: none of the group's hosts is there at the cutoff"
NO_TARGET = "no effect: there is no forecast of the host that the load moves to"
RETIRED = "no effect: retired by then"
TARGET_RETIRED = "no effect: the host that the load moves to is retired by then"
ALL = "*"
"""In the place of a resource, where a plan without effect names none."""

STATED = ("day", "host_id", "group", "resource", "what", "amount", "target")
"""What a row of the file of plans says beside its scenario."""
_STATED_TYPES = {"amount": pl.Float64}

Key = tuple[str, str]
"""A host or group, and a resource."""


@dataclass(slots=True)
class Member:
    """A host's part in a group: the group's name, and the host's capacity in units that the group's hosts share."""

    group: str
    capacity: float


@dataclass(slots=True)
class Fleet:
    """The series that there are, and the groups that they belong to, of one resource each.

    forecasts: whether each series has a forecast; groups_of: a series' groups; hosts_of: a group's hosts and their
    capacities, none where all of them have left.
    """

    forecasts: dict[Key, bool]
    groups_of: dict[Key, list[Member]] = field(default_factory=dict)
    hosts_of: dict[Key, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, series: pl.DataFrame, members: pl.DataFrame | None = None) -> "Fleet":
        """series: host_id, resource and has_forecast; members: rows of GROUP_MEMBERS."""
        forecasts = {
            (host, resource): has for host, resource, has in _rows(series, "host_id", "resource", "has_forecast")
        }
        fleet = cls(forecasts)
        for group, host, resource, capacity, present in (
            _rows(members, "group_name", "host_id", "resource", "capacity", "present") if members is not None else ()
        ):
            hosts = fleet.hosts_of.setdefault((group, resource), {})
            if present and (host, resource) in forecasts:
                fleet.groups_of.setdefault((host, resource), []).append(Member(group, capacity))
                hosts[host] = capacity
        return fleet

    @classmethod
    def of_month(cls, outcomes: pl.DataFrame, champions: pl.DataFrame, members: pl.DataFrame) -> "Fleet":
        """The fleet of a month's tables. outcomes, champions, members: rows of SERIES_OUTCOMES, CHAMPIONS, GROUP_MEMBERS."""
        names = ["host_id", "resource"]
        have = champions.select(*names, has_forecast=pl.lit(True))
        series = outcomes.select(names).join(have, on=names, how="left")
        return cls.of(series.with_columns(pl.col("has_forecast").fill_null(False)), members)


def _rows(frame: pl.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    return frame.select(columns).sort(columns[:-1]).iter_rows()


def scenarios(plans: pl.DataFrame) -> list[str]:
    """The scenarios that plans, or rows of PLANNED_CHANGES, name, but for the baseline, in their order."""
    return [name for name in plans["scenario"].unique(maintain_order=True) if name != BASELINE]


def resolved(
    plans: pl.DataFrame, fleet: Fleet, cutoff: date, horizon_end: date, name: str = "outlook.plans"
) -> pl.DataFrame:
    """Rows of PLANNED_CHANGES of a month: for every scenario, the baseline's plans and its own, in their order.

    plans: as `storage/plans.py` reads them; name: what a message calls their file. Raises SettingsError for a host, group
    or resource that a plan would change within the forecast, and that the fleet does not have.
    """
    require_known(plans, fleet, cutoff, horizon_end, name)
    ordered = list(plans.sort("day", "row").iter_rows(named=True))
    rows: list[tuple[Any, ...]] = []
    for scenario in [BASELINE, *scenarios(plans)]:
        state = _Resolver(fleet, cutoff, horizon_end)
        for plan in ordered:
            if plan["scenario"] in (BASELINE, scenario):
                text = _stated(plan)
                rows.extend((cutoff, scenario, plan["row"], *change, text) for change in state.changes(plan))
    return pl.DataFrame(rows, schema=PLANNED_CHANGES.polars_schema, orient="row")


def _stated(plan: dict[str, Any]) -> str:
    """The row as the file states it, so that a month's plans can be read from its tables, whatever became of the file."""
    return json.dumps(
        {name: str(plan[name]) if name == "day" else plan[name] for name in STATED}, ensure_ascii=False, allow_nan=False
    )


def stated_plans(changes: pl.DataFrame) -> pl.DataFrame | None:
    """`row, day, scenario, host_id, group, resource, what, amount, target` of each row of the file of plans, in its order.

    changes: rows of PLANNED_CHANGES of one month. None where an earlier version made them, which kept no such thing.
    """
    if changes["plan"].null_count():
        return None
    is_baseline = pl.col("scenario") == BASELINE  # whose rows every scenario has too
    first = changes.sort("file_row", ~is_baseline, "scenario").unique("file_row", keep="first", maintain_order=True)
    return (
        first.select(
            pl.col("file_row").alias("row"),
            "scenario",
            pl.col("plan").str.json_decode(pl.Struct({name: _STATED_TYPES.get(name, pl.String) for name in STATED})),
        )
        .unnest("plan")
        .select("row", pl.col("day").str.to_date(), "scenario", *STATED[1:])
    )


def require_known(plans: pl.DataFrame, fleet: Fleet, cutoff: date, horizon_end: date, name: str) -> None:
    """Raises SettingsError, naming the row, for what the fleet does not have; plans of other days may name what is gone."""
    hosts, groups = {host for host, _ in fleet.forecasts}, {group for group, _ in fleet.hosts_of}
    resources = {resource for _, resource in fleet.forecasts}
    for plan in plans.filter(pl.col("day") > cutoff, pl.col("day") <= horizon_end).iter_rows(named=True):
        for column, value, known in (
            ("host_id", plan["host_id"], hosts),
            ("group", plan["group"], groups),
            ("resource", plan["resource"], resources),
            ("move_to", plan["target"], hosts),
        ):
            if value and value not in known:
                near = nearest(value, known)
                hint = f"; did you mean {near}?" if near else "" if known else "; there are none"
                raise SettingsError(f"{name}: row {plan['row']:,}, column {column}: {shown(value)} is not known{hint}")
        own = plan["host_id"] or plan["group"]
        if plan["resource"] and (own, plan["resource"]) not in (fleet.forecasts if plan["host_id"] else fleet.hosts_of):
            raise SettingsError(
                f"{name}: row {plan['row']:,}, column resource: {shown(own)} has no {shown(plan['resource'])}"
            )


class _Resolver:
    """One scenario's plans, taken one after another: what is retired by then, and how large groups are by then."""

    def __init__(self, fleet: Fleet, cutoff: date, horizon_end: date) -> None:
        self._fleet, self._cutoff, self._end = fleet, cutoff, horizon_end
        self._retired: set[Key] = set()
        self._capacity = {key: sum(hosts.values()) for key, hosts in fleet.hosts_of.items()}
        self._hosts = {key: float(len(hosts)) for key, hosts in fleet.hosts_of.items()}
        self._resources: dict[str, list[str]] = defaultdict(list)
        for host, resource in sorted(fleet.forecasts):
            self._resources[host].append(resource)
        self._group_resources: dict[str, list[str]] = defaultdict(list)
        for group, resource in sorted(fleet.hosts_of):
            self._group_resources[group].append(resource)

    def changes(self, plan: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        """A plan's rows after file_row: kind, host_id, resource, other, from_ds, what, amount, effect."""
        what, own, day = Change(plan["what"]), plan["host_id"] or plan["group"], plan["day"]
        resources = [plan["resource"]] if plan["resource"] else None
        if not self._cutoff < day <= self._end:
            kind = SERIES if plan["host_id"] else GROUP
            effect = TOO_EARLY if day <= self._cutoff else TOO_LATE
            yield kind, own, plan["resource"] or ALL, plan["target"], day, what.value, None, effect
        elif what is Change.MOVE_TO:
            for resource in resources or self._resources[own]:
                yield from self._moved(day, own, plan["target"], resource)
        elif plan["host_id"]:
            for resource in resources or self._resources[own]:
                yield from self._changed(day, [own], resource, what, plan["amount"], own_group="")
        else:
            for resource in resources or self._group_resources[own]:
                yield from self._of_group(day, own, resource, what, plan["amount"])

    def _of_group(
        self, day: date, group: str, resource: str, what: Change, amount: float | None
    ) -> Iterator[tuple[Any, ...]]:
        """What is planned for a group as a whole changes each of its hosts alike."""
        key = (group, resource)
        if key in self._retired or not self._fleet.hosts_of[key]:
            effect = RETIRED if key in self._retired else NO_HOST
            yield GROUP, group, resource, "", day, what.value, None, effect
            return
        if what is Change.ADD_HOSTS:
            joining = float(amount or 0)
            remaining = self._hosts[key] / (self._hosts[key] + joining)
            self._hosts[key] += joining
            self._capacity[key] /= remaining
            amount = remaining
        yield GROUP, group, resource, "", day, what.value, amount, APPLIED
        yield from self._changed(day, self._fleet.hosts_of[key], resource, what, amount, own_group=group)
        if what is Change.RETIRE:
            self._retired.add(key)

    def _changed(
        self, day: date, hosts: Iterable[str], resource: str, what: Change, amount: float | None, own_group: str
    ) -> Iterator[tuple[Any, ...]]:
        """The hosts' series, and the other groups that these belong to."""
        points: dict[str, float] = defaultdict(float)
        for host in hosts:
            key = (host, resource)
            if not self._fleet.forecasts[key] or key in self._retired:
                effect = RETIRED if key in self._retired else NO_FORECAST
                yield SERIES, host, resource, "", day, what.value, None, effect
                continue
            yield SERIES, host, resource, "", day, what.value, amount, APPLIED
            if what is Change.RETIRE:
                self._retired.add(key)
            for member in self._groups(key, besides=own_group):
                share = member.capacity / self._capacity[member.group, resource]
                if what is Change.CHANGE:
                    points[member.group] += share * float(amount or 0)
                elif what is Change.RETIRE:
                    yield from self._without_host(day, member, resource, host)
                else:
                    by = share * (float(amount or 0) - 1)
                    yield GROUP, member.group, resource, host, day, Change.SHARE.value, by, APPLIED
        for group, amounts in points.items():
            yield GROUP, group, resource, "", day, Change.CHANGE.value, amounts, APPLIED

    def _without_host(self, day: date, member: Member, resource: str, host: str) -> Iterator[tuple[Any, ...]]:
        """A group that a host leaves: its load falls on the others; where there are none, nothing is left."""
        key = (member.group, resource)
        before, after = self._capacity[key], self._capacity[key] - member.capacity
        self._hosts[key] -= 1
        if self._hosts[key] <= 0 or after <= 0:
            self._retired.add(key)
            yield GROUP, member.group, resource, host, day, Change.RETIRE.value, None, APPLIED
        else:
            self._capacity[key] = after
            yield GROUP, member.group, resource, host, day, Change.FACTOR.value, before / after, APPLIED

    def _moved(self, day: date, host: str, target: str, resource: str) -> Iterator[tuple[Any, ...]]:
        """The whole load of a host goes to another, and to other groups where the two are not in the same ones."""
        source, sink = (host, resource), (target, resource)
        effect = self._obstacle(source, sink)
        if effect:
            yield SERIES, host, resource, target, day, Change.MOVE_TO.value, None, effect
            return
        weight = self._weight(source, sink)
        yield SERIES, host, resource, target, day, Change.MOVE_TO.value, weight, APPLIED
        yield SERIES, target, resource, host, day, Change.MOVE_FROM.value, weight, APPLIED
        shares: dict[str, float] = defaultdict(float)
        for key, by in ((source, -1.0), (sink, weight)):
            for member in self._groups(key):
                shares[member.group] += by * member.capacity / self._capacity[member.group, resource]
        for group, share in shares.items():
            if abs(share) > 1e-12:  # what moves within a group leaves it as it is
                yield GROUP, group, resource, host, day, Change.SHARE.value, share, APPLIED

    def _obstacle(self, source: Key, sink: Key) -> str:
        """Why a load cannot move; empty where it can."""
        for key, retired, missing in ((source, RETIRED, NO_FORECAST), (sink, TARGET_RETIRED, NO_TARGET)):
            if key in self._retired:
                return retired
            if not self._fleet.forecasts.get(key, False):
                return missing
        return ""

    def _weight(self, source: Key, sink: Key) -> float:
        """Points of the sink that a point of the source becomes: their capacities' ratio; 1 where one is not known.

        The file of groups states all capacities in one unit, or none.
        """
        of_source, of_sink = self._fleet.groups_of.get(source), self._fleet.groups_of.get(sink)
        return of_source[0].capacity / of_sink[0].capacity if of_source and of_sink else 1.0

    def _groups(self, key: Key, besides: str = "") -> list[Member]:
        """The groups that a series belongs to by then, but for one."""
        members = self._fleet.groups_of.get(key, [])
        return [each for each in members if each.group != besides and (each.group, key[1]) not in self._retired]
