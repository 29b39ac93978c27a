"""`make bench`: every figure of speed, side by side with stock Prophet in one run, into RESULTS.md."""

import argparse
import os
import sys
from pathlib import Path

from benchmarks import carriers, dashboard, engines, fits, fleet, prometheus_source, scale, sql, telemetry, ways
from benchmarks.measuring import machine
from benchmarks.series import demo_rows, samples

RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> int:
    """Run the benchmarks; --small is a trial of the benchmark itself, and writes nothing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a few series only; prints, writes no file")
    parser.add_argument(
        "--section",
        choices=[
            "engines",
            "fits",
            "fleet",
            "scale",
            "first",
            "ways",
            "dashboard",
            "carriers",
            "prometheus",
            "telemetry",
            "sql",
        ],
        help="one section only; prints, writes no file",
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="of the section dashboard: a folder in which months are published; without, one is made",
    )
    options = parser.parse_args()
    small, section = options.small, options.section
    rows = demo_rows(23 if small else 2000)
    many = samples(rows, 40 if small else 2000)
    few = many[:: max(1, len(many) // (3 if small else 40))]
    sizes = (20, 80) if small else (1_000, 8_000, 64_000)
    workers = len(os.sched_getaffinity(0))
    parts = [f"# Results\n\n{machine()}. Written by `make bench`."]
    if section in (None, "engines"):
        parts.append(engines.report(many, few, workers, _say))
    if section in (None, "fits"):
        parts.append(fits.report(rows, 20 if small else 1000, _say))
    if section in (None, "fleet"):
        parts.append(fleet.report(rows, 6 if small else 50, sizes, _say))
    if section in (None, "scale"):
        parts.append(scale.report((6, 24) if small else (2_000, 16_000), 2 if small else scale.RERUNS, _say))
    if section == "first" or (section is None and not small):
        parts.append(scale.first_run(_say))
    if section in (None, "ways"):
        parts.append(ways.report(3 if small else 25, ["seasonal_naive"] if small else None, _say))
    if section in (None, "dashboard"):
        parts.append(dashboard.report(options.data, 6 if small else 2_000, 20 if small else dashboard.PAGES, _say))
    if section in (None, "carriers"):
        parts.append(carriers.report(rows, *((40, 80) if small else (64_000, 256_000)), _say))
    if section in (None, "prometheus"):
        parts.append(prometheus_source.report(*((50, 4) if small else (2_000, 36)), _say))
    if section in (None, "telemetry"):
        parts.append(telemetry.report(rows, _say))
    if section in (None, "sql"):
        parts.append(sql.report(*((40, 3) if small else (8_000, 36)), _say))
    text = "\n\n".join(parts)
    print(text)
    if not (small or section):
        RESULTS.write_text(text + "\n")
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
