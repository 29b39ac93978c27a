"""Links that Dagster's UI shows: within it (it cannot start a check for a month from the check's own page, but a job's launchpad
can), and to pages of the dashboard.

Does not belong here: what the links stand beside, and the addresses of the dashboard's pages (`deep_links.py`).
"""

from urllib.parse import quote

from turbo_forecast import deep_links
from turbo_forecast.settings import current_environment
from turbo_forecast.text import markdown_text

LOCATION = "turbo_forecast"
"""The code location's name, as workspace.yaml and pyproject.toml have it."""
CHECKS_JOB = "monthly_checks"


def checks_of_a_month() -> str:
    """The launchpad of the job that makes all checks of a month; the month is chosen there."""
    return f"/locations/{LOCATION}/jobs/{CHECKS_JOB}/playground"


def described_check(sentence: str) -> str:
    """The description of a month's check, in Markdown: what must hold, and where it can be checked again.

    The address is relative to an asset's page, where descriptions are shown: so it holds behind a path prefix too.
    """
    return (
        f"{sentence}\n\nTo check a month again, on what is stored: launch the job "
        f"[{CHECKS_JOB}](..{checks_of_a_month()}) with that month as its partition."
    )


def check_again(asset: str, check: str, month: str) -> str:
    """The launchpad, ready to make one check of one month: `Launch Run` is all that is left to click.

    As short as it can be: Dagster shows an address in full, and a long one makes its page too wide for a screen.
    """
    fields = {"tags[0][key]": "dagster/partition", "tags[0][value]": month, "solidSelection[0]": f"{asset}_{check}"}
    query = "&".join(f"{name}={quote(value, safe='/')}" for name, value in fields.items())
    return f"{checks_of_a_month()}/setup?{query}"


def dashboard_page(path: str, /, **parameters: object) -> str:
    """The whole address of a page of the dashboard, where the settings say that readers reach it. Raises SettingsError."""
    return deep_links.absolute(
        current_environment().settings().deployment.dashboard_url, deep_links.page(path, **parameters)
    )


def link_to_host(host: str, resource: str, kind: str, month: str) -> str:
    """A host's name, or a group's, as a Markdown link to its page of the dashboard; it shows just the name's characters."""
    address = dashboard_page(
        deep_links.HOST_PAGE, host=host, resource=resource, kind=None if kind == "series" else kind, month=month
    )
    return f"[{markdown_text(host)}]({quote(address, safe=_OF_AN_ADDRESS)})"


_OF_AN_ADDRESS = "%/:?&=+,;@!'.~-_[]"
"""What stays as it is in an address in Markdown: brackets and bars, which a settings file may have, would end link or cell."""
