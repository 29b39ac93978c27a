"""One run over the drill's fleet, in a process of its own, so that it can be killed; leaves what it made in a few lines.

Belongs here: what is noted of a run that came to its end. Does not belong here: faults, and the verdict (`stage.py`).
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from turbo_forecast.addresses import parsed
from turbo_forecast.errors import TurboForecastError
from turbo_forecast.fleet.audit import AuditTimer
from turbo_forecast.fleet.checkpoint import checkpoint_folder
from turbo_forecast.fleet.object_exchange import ObjectExchange
from turbo_forecast.fleet.run import FleetRun, run_fleet
from turbo_forecast.settings import forecast_settings
from turbo_forecast.windows import run_windows

REFUSED = 3
"""Exit code of a run that ended with a sentence."""
COMBINED = ("weighted", "median")


def main(store: Path, scratch: Path, result: Path, cutoff: str, options: dict[str, Any], shared: str = "") -> int:
    """Run, and write to `result` what it made: digests, and how often each series is there. shared: an object store's address."""
    settings = forecast_settings(**options)
    windows = run_windows(date.fromisoformat(cutoff), settings)
    exchange = ObjectExchange(parsed(shared, "the drill's store"), f"{windows.cutoff:%Y-%m}") if shared else None
    try:
        with checkpoint_folder(scratch) as folder:
            made = run_fleet(
                store, windows, settings, checkpoint=folder, timer=AuditTimer(), log=_say, exchange=exchange
            )
            result.write_text(json.dumps(noted(made, windows.cutoff.isoformat())))
    except TurboForecastError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return REFUSED
    return 0


def noted(run: FleetRun, cutoff: str) -> dict[str, Any]:
    """What the drill asks of a run.

    whole: a digest of every file that is published. by_series: of each series, one of the rows that hang on no other series'.
    outcomes: of each series, each outcome. rows_twice: rows whose series, entrant and day occur more than once.
    """
    folders = (run.rows_folder, run.folds_folder, run.results_folder)
    whole = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            whole.update(f"{folder.name}/{path.relative_to(folder)}".encode() + path.read_bytes())
    rows = pl.scan_parquet(run.rows_folder / "**/*.parquet")
    key = ["host_id", "resource", "model", "phase", "ds"]
    twice = rows.group_by(key).len().filter(pl.col("len") > 1).select(pl.len()).collect().item()
    own = rows.filter(~pl.col("model").is_in(COMBINED)).sort(key).collect()
    by_series = {
        f"{host}/{resource}": hashlib.sha256(group.drop("cutoff", strict=False).write_csv().encode()).hexdigest()
        for (host, resource), group in own.group_by("host_id", "resource", maintain_order=True)
    }
    return {
        "whole": whole.hexdigest(),
        "by_series": by_series,
        "outcomes": _outcomes(run.outcomes),
        "rows_twice": twice,
    }


def _outcomes(outcomes: pl.DataFrame) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    named: Iterable[tuple[str, str, str]] = outcomes.select("host_id", "resource", "outcome").iter_rows()
    for host, resource, outcome in named:
        found.setdefault(f"{host}/{resource}", []).append(outcome)
    return found


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    store, scratch, result, cutoff, options, shared = sys.argv[1:]
    sys.exit(main(Path(store), Path(scratch), Path(result), cutoff, json.loads(options), shared))
