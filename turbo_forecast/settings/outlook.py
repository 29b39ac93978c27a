"""The capacity outlook: thresholds, groups of hosts, planned changes. None of these options decides a forecast.

Does not belong here: what the options do.
"""

from pydantic import Field, field_validator, model_validator

from turbo_forecast import option_rules
from turbo_forecast.settings.options import Options

DEFAULT_THRESHOLDS = (70.0, 80.0, 90.0, 95.0)
"""Percent."""
RESERVES = ("hosts", "percent")
"""What a reserve may be stated in."""


class OutlookSettings(Options):
    """What the outlook makes statements about. All of it may be changed, and the outlook made again, without a fit."""

    thresholds: list[float] = Field(
        list(DEFAULT_THRESHOLDS), min_length=1, max_length=20, description="percent, above 0 and at most 100"
    )
    resource_thresholds: dict[str, list[float]] = Field(
        {}, description="per resource: thresholds in the place of `thresholds`"
    )
    host_thresholds: dict[str, dict[str, list[float]]] = Field(
        {},
        description="per host or group, and resource ('*' for all of its resources): thresholds in the place of the others",
    )
    groups: str = Field(
        "",
        description="a CSV or Parquet file: host_id, group, optional resource and capacity (the host's weight in the group)",
    )
    reserve: dict[str, float] = Field(
        {}, description="what a group must do without: {hosts: 1} its largest host (N+1), {percent: 20} of its capacity"
    )
    group_reserves: dict[str, dict[str, float]] = Field(
        {}, description="per group: a reserve in the place of `reserve`"
    )
    plans: str = Field(
        "",
        description="a CSV or Parquet file of dated changes: date, host_id or group, resource, and change, factor, move_to, "
        "retire or add_hosts, each with an optional scenario",
    )

    @field_validator("thresholds")
    @classmethod
    def _thresholds(cls, value: list[float]) -> list[float]:
        return _ascending(value)

    @field_validator("resource_thresholds")
    @classmethod
    def _of_resources(cls, value: dict[str, list[float]]) -> dict[str, list[float]]:
        return {name: _ascending(each) for name, each in value.items()}

    @field_validator("host_thresholds")
    @classmethod
    def _of_hosts(cls, value: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, list[float]]]:
        return {host: {name: _ascending(each) for name, each in own.items()} for host, own in value.items()}

    @field_validator("reserve")
    @classmethod
    def _reserve(cls, value: dict[str, float]) -> dict[str, float]:
        return _possible(value)

    @model_validator(mode="after")
    def _consistent(self) -> "OutlookSettings":
        for name, value in self.group_reserves.items():
            try:
                _possible(value)
            except ValueError as error:
                raise ValueError(f"group_reserves: {option_rules.shown(name)}: {error}") from None
        return self

    def thresholds_of(self, host: str, resource: str) -> list[float]:
        """The thresholds of a series or group, percent, ascending."""
        own = self.host_thresholds.get(host, {})
        return own.get(resource) or own.get("*") or self.resource_thresholds.get(resource) or self.thresholds

    def reserve_of(self, group: str) -> dict[str, float]:
        """The reserve of a group; empty for none."""
        return self.group_reserves.get(group, self.reserve)


def _ascending(value: list[float]) -> list[float]:
    """The thresholds in order. Raises ValueError for one that nothing can reach or that everything has, or that comes twice."""
    if not value:
        raise ValueError("give at least one threshold")
    wrong = next((each for each in value if not 0 < each <= 100), None)
    if wrong is not None:
        raise ValueError(f"a threshold must be above 0 and at most 100 percent, not {wrong:g}")
    if len(set(value)) < len(value):
        raise ValueError(f"a threshold is listed twice: {', '.join(f'{each:g}' for each in value)}")
    return sorted(value)


def _possible(value: dict[str, float]) -> dict[str, float]:
    """The reserve, if it is one. Raises ValueError."""
    if not value:
        return value
    if len(value) > 1 or next(iter(value)) not in RESERVES:
        raise ValueError(f"a reserve is stated in {' or '.join(RESERVES)}, not {option_rules.shown(', '.join(value))}")
    ((unit, amount),) = value.items()
    if unit == "hosts" and (amount < 0 or amount != int(amount)):
        raise ValueError(f"a reserve of hosts must be a whole number from 0, not {amount:g}")
    if unit == "percent" and not 0 <= amount < 100:
        raise ValueError(f"a reserve in percent must be from 0 and below 100, not {amount:g}")
    return value
