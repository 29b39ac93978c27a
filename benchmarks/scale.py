"""The whole command on a fleet and on one eight times as large: seconds by stage, memory of all processes, disk, workers, bytes.

Belongs here: what a month costs, and how that grows. Does not belong here: single fits (`engines.py`), ways to start (`ways.py`).
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.measuring import table
from turbo_forecast.demo import write_demo_fleet
from turbo_forecast.fleet.executors.descendants import descendants

ROOT = Path(__file__).resolve().parents[1]
MONTH = "2025-12"
SAMPLED_EVERY_SECONDS = 0.25
RERUNS = 10
GOALS = {
    "ratio": "≤ 2.0",
    "checks": "≤ 15 s",
    "memory": "≤ 2.5 / ≤ 6 GB",
    "growth": "within 15 %",
    "workers": "≥ 1.85 ×",
    "disk": "≤ 0.9 GB",
    "reruns": "≤ 1.2 GB",
    "first": "≤ 200 s",
}
_TOTAL = re.compile(r"Seconds of the whole run: ([\d.,]+)")
_CHECKS = re.compile(r"([\d.,]+)\s+\d+ checks")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the command. seconds: from start to end; run: by Dagster's clock; checks: of these; stages: (asset, stage)
    to seconds; memory: largest proportional set size of all its processes together, MiB."""

    seconds: float
    run: float
    checks: float
    stages: dict[tuple[str, str], float]
    memory: float

    @property
    def forecasting(self) -> float:
        """Seconds of the stage that forecasts all series."""
        return self.stages["fleet_forecast", "forecast all series"]

    @property
    def to_master_file(self) -> float:
        """Seconds of all stages from the fleet forecast to the master file."""
        upto = (
            "fleet_forecast",
            "tournament_results",
            "tournament_scores",
            "champions",
            "calibration",
            "forecast_parquet",
        )
        return sum(seconds for (asset, _), seconds in self.stages.items() if asset in upto)


def proportional_set_size(pid: int) -> float:
    """MiB of a process and all that it has started, each shared page counted once."""
    total = 0
    for one in {pid, *descendants([pid])}:
        with suppress(OSError, StopIteration):
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            total += int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return total / 1024


def command(data: Path, telemetry: Path, home: Path, config: str = "") -> Run:
    """Run the month once. config: lines of the settings' `forecast` section. Raises RuntimeError when it fails."""
    options = ["--month", MONTH, "--data", str(data), "--telemetry", str(telemetry)]
    if config:
        file = home / "settings.yaml"
        file.write_text(f"forecast:\n{config}")
        options += ["--config", str(file)]
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "turbo_forecast", *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.extend(process.stdout or ()))
    reader.start()
    memory = 0.0
    while process.poll() is None:
        memory = max(memory, proportional_set_size(process.pid))
        time.sleep(SAMPLED_EVERY_SECONDS)
    reader.join()
    seconds, text = time.perf_counter() - began, "".join(said)
    if process.returncode:
        raise RuntimeError(text[-4000:])
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as con:
        stages = con.execute("SELECT asset, stage, seconds FROM run_audit WHERE clock = 'wall'").fetchall()
    run, checks = (float(found[1].replace(",", "")) for found in (_TOTAL.search(text), _CHECKS.search(text)) if found)
    return Run(seconds, run, checks, {(asset, stage): spent for asset, stage, spent in stages}, memory)


def size_of(folder: Path) -> float:
    """GB on the disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file()) / 1e9


def digest_of(data: Path) -> str:
    """A digest of all files that a month consists of, and of its tables' numbers, without times."""
    found = hashlib.sha256()
    for folder in ("fleet_forecast", "fold_forecast", "tournament", "forecast_parquet"):
        for path in sorted((data / folder).rglob("*.parquet")):
            if path.is_file():
                found.update(f"{path.relative_to(data)}".encode())
                found.update(path.read_bytes())
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as con:
        for name in ("tournament_scores", "champions", "calibration", "tournament_standings", "combination_weights"):
            rows = con.execute(f"SELECT md5(string_agg(row::VARCHAR, '|' ORDER BY row)) FROM {name} AS row").fetchall()
            found.update(str(rows).encode())
    return found.hexdigest()


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder with an instance's home and nothing else."""
    with tempfile.TemporaryDirectory(prefix="turbo-forecast-bench-", dir=os.environ.get("TMPDIR")) as name:
        home = Path(name, "home")
        home.mkdir()
        shutil.copy(ROOT / "dagster_home" / "dagster.yaml", home)
        yield Path(name)


def report(hosts: tuple[int, int], reruns: int, say: Callable[[str], None]) -> str:
    """The section of RESULTS.md. hosts: of the fleet, and of the large one; each has four series."""
    with workplace() as place:
        small, large = (place / f"telemetry-{count}" for count in hosts)
        for folder, count in zip((small, large), hosts, strict=True):
            write_demo_fleet(folder, hosts=count)
        home, data = place / "home", place / "data"
        one_worker = command(place / "one", small, home, "  workers: 1\n")
        say(f"one worker: {one_worker}")
        by_one = digest_of(place / "one")
        other = command(place / "other", small, home, "  workers: 3\n  chunk_size: 7\n")
        say(f"three workers, chunks of 7: {other}")
        same = by_one == digest_of(place / "other")
        command(data, small, home)
        warm = command(data, small, home)
        say(f"warm: {warm}")
        same = same and by_one == digest_of(data)
        disk = size_of(data)
        for _ in range(reruns - 1):
            command(data, small, home)
        again = size_of(data)
        say(f"disk: {disk:.2f} GB, after {reruns} re-runs {again:.2f} GB")
        big = command(place / "large", large, home)
        say(f"large: {big}")
    per_series = [run.run / (4 * count) * 1000 for run, count in zip((warm, big), hosts, strict=True)]
    gain = one_worker.to_master_file / warm.to_master_file
    n, m = (f"{4 * count:,}" for count in hosts)
    rows = [
        [f"whole run, {n} series, telemetry unchanged", f"{warm.run:.1f} s", ""],
        ["of it the stage “forecast all series”", f"{warm.forecasting:.1f} s", ""],
        ["the one ÷ the other", f"{warm.run / warm.forecasting:.2f}", GOALS["ratio"]],
        ["all checks together", f"{warm.checks:.1f} s", GOALS["checks"]],
        [
            f"peak memory of all processes, {n} / {m} series",
            f"{warm.memory / 1024:.2f} / {big.memory / 1024:.2f} GB",
            GOALS["memory"],
        ],
        [f"whole run, {m} series", f"{big.run:.0f} s", ""],
        ["time per series against the smaller fleet", f"{per_series[1] / per_series[0] - 1:+.0%}", GOALS["growth"]],
        ["2 workers against 1, fleet_forecast to master file", f"{gain:.2f} ×", GOALS["workers"]],
        ["disk for a month, warehouse included", f"{disk:.2f} GB", GOALS["disk"]],
        [f"after {reruns} re-runs", f"{again:.2f} GB", GOALS["reruns"]],
        ["bytes for 1, 2 and 3 workers, two chunk sizes", "the same" if same else "NOT the same", "the same"],
    ]
    stages = sorted(warm.stages.items(), key=lambda item: -item[1])[:12]
    return "\n\n".join(
        [
            "## What a month costs, and how that grows",
            table(["what", "measured", "goal"], rows),
            f"The longest stages of the {n} series:",
            table(["asset", "stage", "seconds"], [[asset, stage, f"{spent:.1f}"] for (asset, stage), spent in stages]),
        ]
    )


def first_run(say: Callable[[str], None]) -> str:
    """The section of RESULTS.md on a fresh clone's first `make run`, and its second one."""
    with tempfile.TemporaryDirectory(prefix="turbo-forecast-bench-") as name:
        clone = Path(name, "clone")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        spent = []
        environment = {key: value for key, value in os.environ.items() if key not in ("DAGSTER_HOME", "VIRTUAL_ENV")}
        for _ in range(2):
            began = time.perf_counter()
            subprocess.run(["make", "run"], cwd=clone, env=environment, check=True, capture_output=True)
            spent.append(time.perf_counter() - began)
            say(f"make run in a fresh clone: {spent}")
    rows = [
        ["the first, packages installed and kernels compiled", f"{spent[0]:.0f} s", GOALS["first"]],
        ["the second", f"{spent[1]:.0f} s", ""],
    ]
    return "\n\n".join(["## `make run` in a fresh clone", table(["run", "seconds", "goal"], rows)])
