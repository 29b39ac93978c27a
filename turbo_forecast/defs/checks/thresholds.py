"""SQL for the thresholds of a series, as the outlook's options state them.

Does not belong here: what the options mean (`settings/outlook.py`, whose `thresholds_of` says the same of one series).
"""

from collections.abc import Mapping, Sequence

from turbo_forecast.settings import OutlookSettings
from turbo_forecast.storage.telemetry.sql import listed, literal


def thresholds_sql(outlook: OutlookSettings) -> str:
    """SQL for the list of thresholds, percent, of the series in the columns host_id and resource."""
    own = _map({host: _lists(each) for host, each in outlook.host_thresholds.items()}, "MAP(VARCHAR, DOUBLE[])")
    of_resource = _lists(outlook.resource_thresholds)
    return (
        f"coalesce({own}[host_id][resource], {own}[host_id]['*'], {of_resource}[resource], {_list(outlook.thresholds)})"
    )


def _lists(thresholds: Mapping[str, Sequence[float]]) -> str:
    return _map({name: _list(each) for name, each in thresholds.items()}, "DOUBLE[]")


def _list(thresholds: Sequence[float]) -> str:
    return f"{listed(repr(float(each)) for each in thresholds)}::DOUBLE[]"


def _map(values: Mapping[str, str], kind: str) -> str:
    """A map from names to SQL of this type; an empty one too, which by itself would have no type."""
    entries = ", ".join(f"{literal(name)}: {value}" for name, value in values.items())
    return f"(MAP {{{entries}}}::MAP(VARCHAR, {kind}))"
