"""What a fault is given, and how what it did is judged.

Belongs here: the fleet of the drill, runs of it that can be watched and hurt, and the verdict on them. Does not belong here: any
fault (`process_faults.py`, `cluster_faults.py`), and what is printed (`__main__.py`).
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from benchmarks.faults.entrants import HOW, NAME, ONCE, PACE, WHERE
from benchmarks.series import demo_rows
from turbo_forecast.fleet.chunks import finished_spans
from turbo_forecast.fleet.executors.descendants import descendants, end_all
from turbo_forecast.fleet.store import write_store
from turbo_forecast.library.forecast import series_table
from turbo_forecast.settings import ForecastSettings, forecast_settings
from turbo_forecast.windows import run_windows

ROOT = Path(__file__).resolve().parents[2]
CUTOFF = date(2025, 12, 31)
PATIENCE = 900.0
"""Seconds in which any run of the drill ends, on any machine."""
LOOK_SECONDS = 0.01


class DrillError(Exception):
    """A fault could not be brought about, or a run did not end as it must; the message says what was seen."""


class Fault(Protocol):
    """Something that goes wrong."""

    @property
    def name(self) -> str:
        """Its line in the table."""
        ...

    @property
    def is_short(self) -> bool:
        """Whether the short drill has it."""
        ...

    @property
    def guilty(self) -> bool:
        """Whether its series is recorded as failed, so that only the others' rows can be the same."""
        ...

    def obstacle(self) -> str | None:
        """Why it cannot be tried on this machine; None where it can."""
        ...

    def happen(self, trial: "Trial") -> None:
        """Start runs on the trial and hurt them; returns when the last one has come to its end. Raises DrillError."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the table. lost: series without an outcome, or failed without guilt; twice: series with two outcomes, and
    rows that are there twice; seconds: what the fault cost beside the undisturbed run."""

    fault: str
    lost: int
    twice: int
    seconds: float
    equal: str
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, nothing was doubled, and the bytes are those of the undisturbed run."""
        return not self.lost and not self.twice and self.equal.startswith("yes")


@dataclass
class Trial:
    """A place for the runs of one fault: they share a scratch folder, as the attempts of one month do.

    options: settings of all its runs; environment: of all its runs. shared: the address of the object store through which
    they share their files, if there is one. process: the run that was started last.
    """

    store: Path
    place: Path
    options: dict[str, Any]
    series: str
    environment: dict[str, str] = field(default_factory=dict)
    shared: str = ""
    process: "subprocess.Popen[str] | None" = None
    said: list[str] = field(default_factory=list)

    @property
    def scratch(self) -> Path:
        """The folder of what is unfinished."""
        return self.place / "run" / "scratch"

    def misbehave(self, how: str, *, once: bool) -> None:
        """Have the entrant of the drill do this at its series (`entrants.py`), the first time only, or whenever it is asked."""
        self.environment |= {HOW: how, WHERE: self.series, ONCE: str(self.place / "done") if once else ""}

    def start(self, **options: Any) -> "subprocess.Popen[str]":
        """Start a run; what it says is collected in `said`."""
        self.place.joinpath("run").mkdir(parents=True, exist_ok=True)
        asked = json.dumps({**self.options, **options})
        paths = [str(path) for path in (self.store, self.scratch, self.place / "result.json")]
        command = [sys.executable, "-m", "benchmarks.faults.one_run", *paths, CUTOFF.isoformat(), asked, self.shared]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=lambda: self.said.extend(process.stdout or ()), daemon=True).start()
        self.process = process
        return process

    def finish(self, code: int = 0) -> None:
        """Wait for the run's end. Raises DrillError when that is another than it must be."""
        process = self._running()
        try:
            got = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise DrillError(f"the run did not end within {PATIENCE:g} s; {self._last_words()}") from None
        if got != code:
            raise DrillError(f"the run ended with code {got}, not {code}; {self._last_words()}")

    def chunks(self) -> int:
        """Chunks of the first map that are finished."""
        return sum(len(finished_spans(path, "outcomes")) for path in self.scratch.glob("run-*/forecast"))

    def workers(self) -> list[int]:
        """The worker processes of the run."""
        found = []
        for pid in sorted(descendants([self._running().pid])):
            with suppress(OSError):
                if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Look at the run until the condition holds. Raises DrillError when the run ends before."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if self._running().poll() is not None or time.monotonic() > deadline:
                raise DrillError(f"the run ended before {what}; {self._last_words()}")
            time.sleep(LOOK_SECONDS)

    def until_mid_map(self, chunks: int = 3) -> None:
        """Until some chunks are finished and workers are at others."""
        self.until(lambda: self.chunks() >= chunks and bool(self.workers()), "it was in the middle of its first map")

    def end(self) -> None:
        """End whatever still runs."""
        if self.process is not None and self.process.poll() is None:
            end_all([self.process.pid])
            self.process.wait()

    def _running(self) -> "subprocess.Popen[str]":
        if self.process is None:
            raise DrillError("no run was started")
        return self.process

    def _last_words(self) -> str:
        return f"its last words: {''.join(self.said[-5:]).strip() or 'none'}"


class Stage:
    """The fleet of the drill, the run that nobody disturbs, and trials on the same series. Chunks are small: many to be lost.

    entrants: beside the one that misbehaves; the default field when None. pace: seconds that each forecast of that one takes.
    timed: whether anybody asks how long a fault delays a run, for which a run before the undisturbed one warms up.
    """

    def __init__(
        self,
        folder: Path,
        hosts: int,
        workers: int,
        entrants: list[str] | None = None,
        pace: float = 0.0,
        *,
        timed: bool = True,
    ) -> None:
        self._folder, self._count, self._pace = folder, 0, pace
        field = entrants or list(ForecastSettings.model_fields["entrants"].get_default())
        self.options: dict[str, Any] = {"entrants": [*field, NAME], "workers": workers, "chunk_size": 4}
        rows = demo_rows(hosts)
        series = series_table(rows, run_windows(CUTOFF, forecast_settings(**self.options)).history_start)
        self.store = write_store(series, folder / "series.arrow")
        self.series = [
            f"{host}/{resource}"
            for host, resource in zip(series["host_id"].to_pylist(), series["resource"].to_pylist(), strict=True)
        ]
        if timed:
            with self.trial() as trial:
                trial.start()
                trial.finish()  # compiled kernels and warm files are no fault's doing
        with self.trial() as trial:
            began = time.perf_counter()
            trial.start()
            trial.finish()
            self.seconds = time.perf_counter() - began
            self._undisturbed = self._result(trial)

    @contextmanager
    def trial(self) -> Iterator[Trial]:
        """A new place for runs, which ends with the block and all that still runs in it."""
        self._count += 1
        place = self._folder / f"trial-{self._count}"
        place.mkdir()
        outcomes = getattr(self, "_undisturbed", {}).get("outcomes", {})
        live = [name for name in self.series if outcomes.get(name, ["forecast"]) == ["forecast"]]
        trial = Trial(self.store, place, dict(self.options), live[len(live) // 2], {PACE: str(self._pace)})
        try:
            yield trial
        finally:
            trial.end()
            shutil.rmtree(place, ignore_errors=True)

    def verdict(self, fault: Fault) -> Verdict:
        """Let the fault happen, and compare what the run makes in spite of it. Raises DrillError."""
        with self.trial() as trial:
            began = time.perf_counter()
            fault.happen(trial)
            seconds = time.perf_counter() - began
            result = self._result(trial)
        guilty = {trial.series} if fault.guilty else set()
        return self.judged(fault.name, result, guilty, seconds - self.seconds)

    def judged(self, name: str, result: Mapping[str, Any], guilty: set[str], seconds: float) -> Verdict:
        """The verdict on a run's result (`one_run.noted`); guilty: series that must be recorded as failed."""
        own, outcomes = self._undisturbed, result["outcomes"]
        failed = {series for series, each in outcomes.items() if "failed" in each}
        before = {series for series, each in own["outcomes"].items() if "failed" in each}
        lost = (set(self.series) - set(outcomes)) | (failed - before - guilty)
        twice = sum(len(each) > 1 for each in outcomes.values()) + int(result["rows_twice"])
        note = "" if guilty <= failed else "the guilty series is not recorded"
        if not guilty:
            equal = "yes" if result["whole"] == own["whole"] else "NO"
        else:
            same = all(
                result["by_series"].get(each) == own["by_series"].get(each) for each in set(self.series) - guilty
            )
            equal = f"yes, of the {len(self.series) - len(guilty)} others" if same and not note else "NO"
        return Verdict(name, len(lost), twice, max(seconds, 0.0), equal, note)

    def _result(self, trial: Trial) -> dict[str, Any]:
        path = trial.place / "result.json"
        if not path.exists():
            raise DrillError("the last run left no result")
        return dict(json.loads(path.read_text()))
