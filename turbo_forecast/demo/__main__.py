"""The command `python -m turbo_forecast.demo`.

Belongs here: arguments in, a few lines of text and an exit code out.
Does not belong here: anything `write_demo_fleet` should do.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from turbo_forecast.demo.folder import GRANULARITIES, write_demo_fleet
from turbo_forecast.errors import TurboForecastError

DESCRIPTION = """\
Write a synthetic fleet's telemetry, as a monitoring system would export it: one Parquet file a month with the columns
host_id, resource, timestamp and value (percent of capacity), of hosts that grow, fill up, move, burst, fall silent and
retire; and a few rows that are wrong on purpose. manifest.json in the folder counts all of it.

The same options give the same bytes. A host is the same in a small fleet as in a large one."""
EPILOG = """\
Hourly telemetry of the whole fleet is 190 million rows: about a minute and 0.7 GB.
Exit code: 0 when the demo is there, written now or before; 2 when it is not, with the reason in one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        report = write_demo_fleet(**vars(options))
    except TurboForecastError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(report.describe())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m turbo_forecast.demo",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("data/demo"), help="the folder to write (default: data/demo)")
    parser.add_argument("--hosts", type=int, default=2000, help="hosts, four series each (default: 2000)")
    parser.add_argument("--months", type=int, default=36, help="calendar months of history (default: 36)")
    parser.add_argument(
        "--end", type=_day, default=date(2025, 12, 31), metavar="DATE", help="last day (default: 2025-12-31)"
    )
    parser.add_argument("--granularity", choices=GRANULARITIES, default="daily", help="(default: daily)")
    parser.add_argument("--seed", type=int, default=0, help="another seed is another fleet (default: 0)")
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace another demo; a folder that holds anything else is renamed to FOLDER.old-1 and kept",
    )
    return parser


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2025-12-31") from None


if __name__ == "__main__":
    raise SystemExit(main())
