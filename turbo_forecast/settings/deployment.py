"""How Dagster is set up for the product: what decides no number, and is the same for all runs of a deployment.

Does not belong here: what the options do.
"""

import re
from typing import Literal

from pydantic import Field, field_validator

from turbo_forecast import option_rules
from turbo_forecast.deep_links import DEFAULT_ADDRESS
from turbo_forecast.settings.options import Options

OWNER = re.compile(r"team:[A-Za-z0-9_]+|[^@\s]+@[^@\s]+\.[^@\s]+")
"""What Dagster takes for an owner."""


class DeploymentSettings(Options):
    """How the code location presents itself and runs. Read when Dagster loads it, not at each launch."""

    first_month: str = Field(
        "",
        description="the first month (YYYY-MM) that can be materialised; empty: 36 months ago, or the earliest month in "
        "the data folder, whichever is earlier",
    )
    executor: Literal["in_process", "multiprocess"] = Field(
        "in_process",
        description="in_process: all steps of a run in its own process; multiprocess: a process per step, some 3 s each",
    )
    owners: list[str] = Field(
        ["team:capacity_planning"], description="who answers for the assets: team:NAME, or an e-mail address"
    )
    dashboard_url: str = Field(
        DEFAULT_ADDRESS,
        description="where readers reach the dashboard (turbo-forecast dashboard): what Dagster and the month's report link to",
    )
    keep_runs_days: int = Field(
        400,
        ge=1,
        le=36_500,
        description="how many days Dagster keeps a run that has ended, its events and what it printed, once the schedule "
        "remove_old_runs_daily is switched on; what the UI shows of a month's latest state stays in any case",
    )

    @field_validator("first_month")
    @classmethod
    def _first_month(cls, value: str) -> str:
        if value and not re.fullmatch(r"(19[7-9]\d|2\d{3})-(0[1-9]|1[0-2])", value):
            raise ValueError(f"first_month must be a month YYYY-MM from 1970-01, not {option_rules.shown(value)}")
        return value

    @field_validator("dashboard_url")
    @classmethod
    def _dashboard_url(cls, value: str) -> str:
        if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
            raise ValueError(f"dashboard_url must be an address http://… or https://…, not {option_rules.shown(value)}")
        return value

    @field_validator("owners")
    @classmethod
    def _owners(cls, value: list[str]) -> list[str]:
        wrong = next((owner for owner in value if not OWNER.fullmatch(owner)), None)
        if wrong is not None:
            raise ValueError(
                f"owners must be team:NAME (letters, digits, _) or e-mail addresses, not {option_rules.shown(wrong)}"
            )
        return value
