"""What unit each resource is in, and the refusal to guess it.

Belongs here: capacity, fractions, resources that cannot be percent.
Does not belong here: single values out of bounds; those are rejected one by one (`validation`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import duckdb

from turbo_forecast.errors import SettingsError, TelemetryError
from turbo_forecast.settings import TelemetrySettings
from turbo_forecast.storage.telemetry.profile import ResourceProfile
from turbo_forecast.storage.telemetry.sql import literal
from turbo_forecast.storage.telemetry.wording import LONGEST_REPEATED, fitting, names, rounded, shown

ENOUGH_VALUES = 10
"""Fewer values between 0 and 1 may well be percent of an idle host."""
MAX_ABOVE_FRACTION = 0.001
"""A fraction column with a few wild values is still one: up to this share may be above 1.05."""
MAX_FAR_OVER_SHARE = 0.01
"""A resource is in another unit, too, if over 1 % of its values are far above capacity: links in KB/s that are
mostly idle pass for percent most of the time, while real percentages overshoot only a little."""


def percent(number: str, resource: str, settings: TelemetrySettings) -> str:
    """A DuckDB expression: `number` of `resource` in percent of capacity, as settings say."""
    default = _converted(number, settings.units.get("*", "percent"))
    cases = [(name, _converted(number, unit)) for name, unit in settings.units.items() if name != "*"]
    cases += [(name, f"{number} / {limit!r} * 100") for name, limit in settings.capacity.items()]
    whens = " ".join(f"WHEN {literal(name)} THEN {expression}" for name, expression in cases)
    return f"CASE {resource} {whens} ELSE {default} END" if whens else default


def _converted(number: str, unit: str) -> str:
    return f"{number} * 100" if unit == "fraction" else number


def for_each(
    resources: Mapping[str, str], settings: TelemetrySettings, elsewhere: Collection[str] = ()
) -> TelemetrySettings:
    """Settings whose per-resource options are given for full names: one for the full name wins over its base name's.

    `resources` maps full names (disk:sda) to base names (disk). Raises SettingsError for an option about a resource
    that neither these have nor other telemetry does (`elsewhere`), or that contradicts another.
    """
    refuse_unknown([*resources.values(), *resources, *elsewhere], settings)
    capacity, units, statistics = {}, {"*": settings.units["*"]} if "*" in settings.units else {}, {}
    for full, base in resources.items():
        name = full if full in settings.capacity or full in settings.units else base
        if name in settings.capacity:
            capacity[full] = settings.capacity[name]
        if name in settings.units:
            units[full] = settings.units[name]
        statistic = settings.statistics.get(full, settings.statistics.get(base))
        if statistic:
            statistics[full] = statistic
    return settings.model_copy(update={"capacity": capacity, "units": units, "statistics": statistics})


def refuse_unknown(resources: Iterable[str], settings: TelemetrySettings) -> None:
    """SettingsError for an option about none of these resources, or that contradicts another."""
    known = dict.fromkeys(resources)
    for option in ("capacity", "units", "statistics"):
        for name in getattr(settings, option):
            if name != "*" and name not in known:
                raise SettingsError(
                    f"{option}: telemetry has no resource {shown(name)}; its resources are {names(known, 8)}"
                )
    for name in settings.capacity:
        if name in settings.units:
            raise SettingsError(f"capacity.{name} and units.{name} are both set: capacity says what 100 percent is")


def refuse_unconfirmed_fractions(profile: Sequence[ResourceProfile], settings: TelemetrySettings) -> None:
    """TelemetryError for resources that look like fractions of 1 when nobody said what they are."""
    doubtful = [row.name for row in profile if looks_like_fraction(row, settings)]
    if doubtful:
        confirmed = names((f"{shown(name, LONGEST_REPEATED)}: fraction" for name in doubtful), 3, longest=60)
        raise TelemetryError(
            f"values of {names(doubtful)} all lie between 0 and 1 and could be fractions: set units "
            f"({{{confirmed}}} to multiply by 100, or percent if they are percent already)"
        )


def looks_like_fraction(row: ResourceProfile, settings: TelemetrySettings) -> bool:
    """Whether a resource that nobody has said anything of may be in fractions of 1."""
    name = row.name
    if name in settings.capacity or name in settings.units or "*" in settings.units:
        return False
    mostly_below_one = row.above_fraction <= MAX_ABOVE_FRACTION * row.measured
    return row.measured >= ENOUGH_VALUES and row.positive > 0 and mostly_below_one


def refuse_other_units(
    con: duckdb.DuckDBPyConnection, profile: Sequence[ResourceProfile], settings: TelemetrySettings
) -> None:
    """TelemetryError naming every resource too many of whose values are above capacity, and how far."""
    wrong = [row.name for row in profile if is_far_over(row, settings)]
    if not wrong:
        return
    query = f"""
        SELECT resource, avg(CAST(percent > {settings.overshoot_percent!r} AS INTEGER)), max(percent)
        FROM telemetry_values
        WHERE isfinite(percent) AND percent >= 0 AND resource IN (SELECT unnest(?))
        GROUP BY resource ORDER BY resource
    """
    found = con.execute(query, [wrong]).fetchall()
    figures = [
        f"{shown(name, LONGEST_REPEATED)}: {100 * share:.1f} % of values above {settings.overshoot_percent:g}, "
        f"maximum {rounded(most)}"
        for name, share, most in found
    ]
    given = [name for name in wrong if name in settings.capacity]
    hint = f" (the capacity given for {names(given, 3, longest=0, each=12)} is too small)" if given else ""
    example = f", such as {{{shown(min(wrong), LONGEST_REPEATED)}: 125000}}," if not given else ""
    raise TelemetryError(
        fitting(
            *(
                f"{names(sorted(wrong), longest=longest, each=LONGEST_REPEATED)} cannot be percent of capacity{hint}: "
                f"{'; '.join(figures[:most])}; set capacity to what 100 percent is in the telemetry's unit{shown_example} "
                "or list them in ignore_columns"
                for longest in (100, 45, 0)
                for most in (2, 1)
                for shown_example in (example, "")
            )
        )
    )


def is_far_over(row: ResourceProfile, settings: TelemetrySettings) -> bool:
    """Whether too many of a resource's values are above capacity for it to be percent."""
    too_many = row.above > settings.max_over_capacity_share * row.measured
    return too_many or row.far_above > MAX_FAR_OVER_SHARE * row.measured
