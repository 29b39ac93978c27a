"""What end-to-end tests share: the command as a person types it, in a process of its own, on folders of its own.

Most commands are forks of a process that has imported everything (`forked.py`). What `start` starts, and the published months,
begin with an interpreter as a person's command does.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pytest
import yaml

from turbo_forecast_tests.conftest import series_rows, wave
from turbo_forecast_tests.end_to_end.forked import Forked
from turbo_forecast_tests.made_once import made_once

ROOT = Path(__file__).resolve().parents[2]
NAIVE = {"forecast": {"entrants": ["seasonal_naive"], "workers": 1}}
"""One worker: to start a second one takes longer than all forecasts of such a month, which are the same for any number."""
SLOW = {"forecast": {"entrants": ["turbo_forecast_tests.fleet.entrants:slow"], "workers": 2, "chunk_size": 1}}
RANGE = "2025-11..2025-12"
"""The months that the published house is made of."""
HERE = "turbo_forecast_tests.fleet.in_this_process:in_this_process"
"""A command that is run within this forecasts in its own process: for tests of what is the same for any workers."""
SECONDS = 1200
"""What a command may take on a busy machine."""
MANY = 24
"""Series of which two slow workers make 5 s of work."""
TIMINGS = {
    "series_outcomes": ["milliseconds"],
    "model_runs": ["milliseconds"],
    "run_audit": ["seconds", "series_per_second", "peak_memory_mb", "run_id"],
    "months": ["run_id", "started_at", "finished_at"],
    "month_steps": ["run_id", "recorded_at"],
    "base_table_parts": ["known_by", "read_by", "read_on", "findings"],
    "base_table_runs": ["number", "run_id", "written_at", "telemetry", "read_in", "read_on", "report"],
}


@dataclass(frozen=True)
class Finished:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one sentence of a refusal; nothing else that reads like an error is on the terminal."""
        assert self.code != 0, self.out
        assert "Traceback" not in self.out + self.err, self.err
        errors = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, self.err
        others = [line for line in self.err.splitlines() if not line.startswith(("error: ", "run "))]
        assert not others, others
        return errors[0]


class House:
    """A data folder, a DAGSTER_HOME with the project's dagster.yaml, and the command run on them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data, self.home = folder, folder / "data", folder / "home"
        self.home.mkdir(parents=True)
        shutil.copy(ROOT / "dagster_home" / "dagster.yaml", self.home)
        self.settings = self.write_settings(NAIVE)

    @classmethod
    def copied(cls, source: Path, folder: Path) -> "House":
        """A house as the one in the folder `source` is: what is done to it, is done to it alone."""
        shutil.copytree(source, folder)
        house = cls.__new__(cls)
        house.folder, house.data, house.home = folder, folder / "data", folder / "home"
        house.settings = folder / "settings.yaml"
        return house

    def write_settings(self, content: dict[str, object], name: str = "settings.yaml") -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump(content))
        return path

    @property
    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TURBO_FORECAST_")}
        return {**clean, "DAGSTER_HOME": str(self.home)}

    def arguments(
        self, month: str, telemetry: Path | str | None, *more: str, settings: Path | None = None
    ) -> list[str]:
        return [
            *(sys.executable, "-m", "turbo_forecast", "--month", month, "--data", str(self.data)),
            *("--config", str(settings or self.settings)),
            *(("--telemetry", str(telemetry)) if telemetry else ()),
            *more,
        ]

    def start(self, *arguments: object, **options: object) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.arguments(*arguments, **options),  # type: ignore[arg-type]
            cwd=ROOT,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def fork(self, *arguments: object, within: str = "", **options: object) -> Forked:
        """Start the command without an interpreter of its own. within: see `Forked`."""
        _, _, *command = self.arguments(*arguments, **options)  # type: ignore[arg-type]
        return Forked(command, self.environment, within)

    def run(self, *arguments: object, **options: object) -> Finished:
        return ended(self.fork(*arguments, **options))  # type: ignore[arg-type]

    def succeed(self, *arguments: object, **options: object) -> Finished:
        finished = self.run(*arguments, **options)
        assert finished.code == 0, finished.err
        return finished

    def parquet(self, asset: str, month: str) -> Path:
        return self.data / asset / f"{month}.parquet"

    def query(self, sql: str) -> pl.DataFrame:
        with duckdb.connect(str(self.data / "warehouse.duckdb"), read_only=True) as con:
            return con.sql(sql).pl()

    def published(self) -> dict[str, list[Path]]:
        """The files of every month that is published, by asset and month: a file, or all files of a folder.

        The run's own results are among them, as tournament/<month>.
        """
        stored = [*self.data.glob("*_*/*.parquet"), *self.data.glob("tournament/????-??")]
        return {
            f"{path.parent.name}/{path.name.removesuffix('.parquet')}": [path] if path.is_file() else files_in(path)
            for path in sorted(stored)
        }

    def digests(self) -> dict[str, str]:
        """Hash of all that is published, by asset and month: of the files' names and of their contents."""

        def digest(files: list[Path]) -> str:
            whole = hashlib.sha256()
            for path in files:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                whole.update(f"{path.relative_to(self.data)} {content}\n".encode())
            return whole.hexdigest()

        return {name: digest(files) for name, files in self.published().items()}

    def tables(self) -> dict[str, list[tuple[object, ...]]]:
        """Every row of every table and view, without what a clock says."""
        listed = "SELECT table_name AS name FROM duckdb_tables() UNION ALL SELECT view_name FROM duckdb_views()"
        with duckdb.connect(str(self.data / "warehouse.duckdb"), read_only=True) as con:
            names = [
                name for (name,) in con.sql(f"SELECT name FROM ({listed} WHERE NOT internal) ORDER BY 1").fetchall()
            ]
            return {
                name: con.sql(
                    f'SELECT DISTINCT * EXCLUDE ({", ".join(TIMINGS[name])}) FROM "{name}" ORDER BY ALL'
                    if name in TIMINGS
                    else f'FROM "{name}" ORDER BY ALL'
                ).fetchall()
                for name in names
            }

    def state(self) -> tuple[object, object]:
        return self.digests(), self.tables()

    def leftovers(self) -> list[str]:
        """Temporary files that should not have stayed."""
        return [str(path) for path in self.data.rglob("*") if path.name.endswith(".tmp") or "__new" in path.name]


def ended(process: "Forked | subprocess.Popen[str]") -> Finished:
    """What a command printed and how it ended. Raises subprocess.TimeoutExpired, after killing it."""
    try:
        out, err = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Finished(process.wait(), out, err)


def files_in(folder: Path) -> list[Path]:
    """All files of a folder and of the folders in it, in the order of their names."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def six_series() -> pl.DataFrame:
    """A base table of three hosts with two resources."""
    return pl.concat(
        [
            series_rows(host, wave(seed=2 * i + j, level=30.0 + 5 * i), resource=resource)
            for i, host in enumerate(("alpha", "beta", "gamma"))
            for j, resource in enumerate(("cpu", "memory"))
        ]
    )


def as_telemetry(rows: pl.DataFrame, path: Path) -> Path:
    """A base table as a monitoring export in the long layout."""
    rows.rename({"ds": "timestamp", "y": "value"}).write_parquet(path)
    return path


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "house")


@pytest.fixture(scope="session")
def telemetry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six healthy series, 2023-01-01 to 2025-12-31."""
    return as_telemetry(six_series(), tmp_path_factory.mktemp("telemetry") / "six.parquet")


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One resource of twenty-four hosts, 2023-01-01 to 2025-12-31."""
    rows = pl.concat([series_rows(f"host-{i:02}", wave(seed=i)) for i in range(MANY)])
    return as_telemetry(rows, tmp_path_factory.mktemp("many") / "many.parquet")


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, telemetry: Path) -> House:
    """A house in which one command has published 2025-11 and 2025-12 of the six series. Tests leave it as they found it."""

    def make(folder: Path) -> None:
        finished = ended(House(folder / "house").start(RANGE, telemetry))
        assert finished.code == 0, finished.err

    made = made_once(tmp_path_factory, "published", make)
    return House.copied(made / "house", tmp_path_factory.mktemp("published") / "house")


@pytest.fixture(scope="session")
def as_published(published: House) -> tuple[object, object]:
    """The state in which every test finds the published house, and leaves it."""
    return published.state()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, many: Path) -> House:
    """A house in which 2025-12 of the twenty-four series was made slowly, by a run that nothing befell. Tests only read it."""

    def make(folder: Path) -> None:
        house = House(folder / "house")
        house.succeed("2025-12", many, settings=house.write_settings(SLOW))

    made = made_once(tmp_path_factory, "undisturbed", make)
    return House.copied(made / "house", tmp_path_factory.mktemp("undisturbed") / "house")


@pytest.fixture
def another(published: House, tmp_path: Path) -> Callable[[], House]:
    """A copy of the published house that a test may change."""
    return lambda: House.copied(published.folder, tmp_path / "copy")
