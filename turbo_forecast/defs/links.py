"""Links within Dagster's UI: it cannot start a check for a month from the check's own page, but a job's launchpad can.

Does not belong here: what the links stand beside.
"""

from urllib.parse import quote

LOCATION = "turbo_forecast"
"""The code location's name, as workspace.yaml and pyproject.toml have it."""
CHECKS_JOB = "monthly_checks"


def checks_of_a_month() -> str:
    """The launchpad of the job that makes all checks of a month; the month is chosen there."""
    return f"/locations/{LOCATION}/jobs/{CHECKS_JOB}/playground"


def described_check(sentence: str) -> str:
    """The description of a month's check, in Markdown: what must hold, and where it can be judged again.

    The address is relative to an asset's page, where descriptions are shown: so it holds behind a path prefix too.
    """
    return (
        f"{sentence}\n\nTo judge a month again, on what is stored: launch the job "
        f"[{CHECKS_JOB}](..{checks_of_a_month()}) with that month as its partition."
    )


def check_again(asset: str, check: str, month: str) -> str:
    """The launchpad, ready to make one check of one month: `Launch Run` is all that is left to click.

    As short as it can be: Dagster shows an address in full, and a long one makes its page too wide for a screen.
    """
    fields = {"tags[0][key]": "dagster/partition", "tags[0][value]": month, "solidSelection[0]": f"{asset}_{check}"}
    query = "&".join(f"{name}={quote(value, safe='/')}" for name, value in fields.items())
    return f"{checks_of_a_month()}/setup?{query}"
