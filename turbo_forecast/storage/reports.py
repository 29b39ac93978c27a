"""Where a month's report lies: a file that is made of what is published, and so can be made again at any time.

Does not belong here: what it contains (`report/`).
"""

from pathlib import Path

FOLDER = "month_report"


def report_path(data: Path, month_key: str) -> Path:
    """The report of a month (YYYY-MM) in a data folder."""
    return data / FOLDER / f"{month_key}.html"
