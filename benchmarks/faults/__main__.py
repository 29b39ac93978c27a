"""`python -m benchmarks.faults`: each fault, what it cost, and whether the bytes are those of an undisturbed run.

Does not belong here: faults (`process_faults.py`, `cluster_faults.py`), and what they are judged by (`stage.py`).
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.faults.cluster_faults import DASK_FAULTS, STORE_FAULTS
from benchmarks.faults.process_faults import FAULTS as PROCESS_FAULTS
from benchmarks.faults.stage import DrillError, Fault, Stage, Verdict
from benchmarks.measuring import machine, table

ALL_FAULTS: dict[str, Sequence[Fault]] = {
    "processes": PROCESS_FAULTS,
    "dask": DASK_FAULTS,
    "object storage": STORE_FAULTS,
}
"""By executor or storage, in the order of the table."""
HEAD = ["fault", "lost", "twice", "seconds to recover", "bytes equal"]
HOSTS, SHORT_HOSTS = 50, 12
"""Four series each."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where a fault cost what it must not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a small fleet and few faults, half a minute: for CI")
    parser.add_argument(
        "--markdown", action="store_true", help="with a heading, the date and the machine: for the docs"
    )
    parser.add_argument("--only", default="", help="faults whose line holds this text")
    parser.add_argument(
        "--hosts", type=int, help=f"of the fleet, four series each (default {HOSTS}; short {SHORT_HOSTS})"
    )
    options = parser.parse_args(arguments)
    chosen = [
        fault
        for faults in ALL_FAULTS.values()
        for fault in faults
        if options.only in fault.name and (fault.is_short or not options.short or options.only)
    ]
    if not chosen:
        parser.error(f"no fault's line holds {options.only!r}")
    hosts = options.hosts or (SHORT_HOSTS if options.short else HOSTS)
    with tempfile.TemporaryDirectory(prefix="turbo-forecast-drill-", dir=os.environ.get("TMPDIR")) as folder:
        _say(f"the undisturbed run of {4 * hosts} series")
        stage = Stage(Path(folder), hosts, workers=2)
        _say(f"it takes {stage.seconds:.1f} s")
        verdicts, untried = drilled(stage, chosen)
    print(report(verdicts, untried, 4 * hosts, stage.seconds, markdown=options.markdown))
    return int(not all(verdict.holds for verdict in verdicts))


def drilled(stage: Stage, faults: Sequence[Fault]) -> tuple[list[Verdict], list[str]]:
    """The verdict on each fault that can be tried here, and a sentence for each that cannot."""
    verdicts, untried = [], []
    for fault in faults:
        if (obstacle := fault.obstacle()) is not None:
            untried.append(f"Not tried: {fault.name} ({obstacle}).")
            continue
        try:
            verdicts.append(stage.verdict(fault))
        except DrillError as error:
            verdicts.append(Verdict(fault.name, 0, 0, 0.0, "NO", str(error)))
        _say(f"{fault.name}: {verdicts[-1]}")
    return verdicts, untried


def report(
    verdicts: Sequence[Verdict], untried: Sequence[str], series: int, seconds: float, *, markdown: bool = False
) -> str:
    """The table, with what else must be known to read it."""
    rows = [[v.fault, str(v.lost), str(v.twice), f"{v.seconds:.1f}", v.equal] for v in verdicts]
    notes = [f"{v.fault}: {v.note}" for v in verdicts if v.note]
    about = (
        f"{series} series of the demo fleet, all default entrants, 2 workers; the undisturbed run takes {seconds:.1f} s. "
        "Seconds to recover: what the fault cost beside that, all attempts together."
    )
    head = [f"# Faults\n\n{machine()}. Written by `python -m benchmarks.faults --markdown`."] if markdown else []
    return "\n\n".join([*head, about, table(HEAD, rows), *untried, *notes])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
