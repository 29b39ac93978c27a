"""What the tests of definitions share: a small month, materialised once in this process, and copies of it to spoil."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import dagster as dg
import polars as pl
import pytest

from turbo_forecast.definitions import build_definitions
from turbo_forecast.defs.assets import months
from turbo_forecast.defs.checks.latest_month import KEY as LATEST_MONTH
from turbo_forecast.defs.io_manager import AtomicParquetIOManager
from turbo_forecast.defs.resources import (
    DataFolder,
    ForecastResource,
    OutlookResource,
    TelemetryResource,
    Warehouse,
)
from turbo_forecast.settings import Environment
from turbo_forecast.storage.published import reading
from turbo_forecast.storage.published.sql import publish_views
from turbo_forecast_tests.conftest import series_rows, wave
from turbo_forecast_tests.defs import damage
from turbo_forecast_tests.defs.made_month import EARLIER, ENTRANTS, FILES, FORECAST, GUESSER, MONTH, SIX, make_data
from turbo_forecast_tests.one_duckdb import opened

if TYPE_CHECKING:
    from turbo_forecast_tests.defs.month_again import MadeAgain

__all__ = ["EARLIER", "ENTRANTS", "FILES", "GUESSER", "MONTH", "SIX"]

HOME = Path(__file__).resolve().parents[2] / "dagster_home"


@dataclass(frozen=True)
class Place:
    """A data folder, and Dagster's definitions and instance over it."""

    data: Path
    instance: dg.DagsterInstance

    def resources(self, telemetry: Path | None = None, **forecast: object) -> Mapping[str, object]:
        options = {**FORECAST, "workers": 1, **forecast}
        return {
            "telemetry": TelemetryResource(telemetry=str(telemetry or "")),
            "forecast": ForecastResource(**options),
            "outlook": OutlookResource(),
            "folder": DataFolder(path=str(self.data)),
            "warehouse": Warehouse(database=str(self.data / "warehouse.duckdb")),
            "io_manager": AtomicParquetIOManager(base_dir=str(self.data)),
        }

    def definitions(self, telemetry: Path | None = None, **forecast: object) -> dg.Definitions:
        every = code_location()
        parts = {
            part: getattr(every, part)
            for part in ("assets", "asset_checks", "jobs", "schedules", "sensors", "executor")
        }
        return dg.Definitions(**parts, resources={**(every.resources or {}), **self.resources(telemetry, **forecast)})

    def materialise(self, telemetry: Path, month: str, **forecast: object) -> dg.ExecuteInProcessResult:
        """The whole job for a month, in this process."""
        job = self.definitions(telemetry, **forecast).resolve_job_def("monthly_forecast")
        return job.execute_in_process(instance=self.instance, partition_key=month)

    def materialise_unchecked(
        self, telemetry: Path, month: str, *assets: str, **forecast: object
    ) -> dg.ExecuteInProcessResult:
        """The month's assets, or these and what they rest on, without the checks, which take two thirds of the whole job.

        `months` asks for no check, either. `failing_checks` says what they would find.
        """
        selection = dg.AssetSelection.assets(*assets).upstream() if assets else dg.AssetSelection.all()
        return run_unchecked(self.definitions(telemetry, **forecast), selection, self.instance, month)

    def failing_checks(self, **forecast: object) -> set[tuple[str, str]]:
        """Every check of MONTH and of the base table that finds something wrong, by asset and name.

        Those that are SQL alone are validated without Dagster, the others by it. Who asks how a verdict is reported, or what it
        keeps from being made, needs a run with checks.
        """
        every = {key for check in code_location().asset_checks or () for key in check.check_keys}  # type: ignore[union-attr]
        named = {(key.asset_key.to_user_string(), key.name): key for key in every - {LATEST_MONTH}}
        plain = {check for check in named if damage.is_sql_alone(*check)}
        found = {
            check
            for check in plain
            if not damage.validate_stored(self.data, *check, **forecast).failing_rows.is_empty()
        }
        base = self.definitions(**forecast)
        job = dg.define_asset_job("rest", dg.AssetSelection.checks(*(named[check] for check in set(named) - plain)))
        rest = dg.Definitions(
            assets=base.assets, asset_checks=base.asset_checks, jobs=[job], resources=base.resources
        ).resolve_job_def("rest")
        result = rest.execute_in_process(
            instance=self.instance, tags={"dagster/partition": MONTH}, raise_on_error=False
        )
        judged = {
            (each.asset_key.to_user_string(), each.check_name): each.passed
            for each in result.get_asset_check_evaluations()
        }
        assert set(judged) == set(named) - plain, "each has been made"
        return found | {check for check, passed in judged.items() if not passed}

    def materialise_base(self, telemetry: Path | None = None) -> dg.ExecuteInProcessResult:
        """The base table and its checks, in this process."""
        job = dg.define_asset_job("base", selection=dg.AssetSelection.assets("base_table", "base_table_rejects"))
        base = self.definitions(telemetry)
        definitions = dg.Definitions(
            assets=base.assets, asset_checks=base.asset_checks, jobs=[job], resources=base.resources
        )
        return definitions.resolve_job_def("base").execute_in_process(instance=self.instance)

    def check(self, asset: str, name: str, **forecast: object) -> dg.AssetCheckEvaluation | str:
        """The evaluation of one check, run as Dagster runs it; or the sentence it failed with."""
        result = job_of_check(asset, name).execute_in_process(
            instance=self.instance,
            tags={} if asset == "base_table" else {"dagster/partition": MONTH},
            resources=self.resources(**forecast),  # type: ignore[arg-type]
            raise_on_error=False,
        )
        evaluations = result.get_asset_check_evaluations()
        if evaluations:
            return evaluations[0]
        failure = result.get_step_failure_events()[0].step_failure_data
        return failure.user_failure_data.description if failure.user_failure_data else str(failure.error)

    def sql(self, statement: str) -> None:
        with opened(self.data / "warehouse.duckdb") as con:
            con.execute(statement)

    def spoil(self, asset: str, statement: str) -> None:
        """Run a statement on `stored`, the asset's rows, wherever they are."""
        damage.spoil(self.data, asset, statement)


def run_unchecked(
    definitions: dg.Definitions, selection: dg.AssetSelection, instance: dg.DagsterInstance, month: str
) -> dg.ExecuteInProcessResult:
    """Assets of a month without their checks; `months` asks for no check, either."""
    job = dg.define_asset_job("unchecked", selection=selection.without_checks())
    resolved = dg.Definitions(assets=definitions.assets, jobs=[job], resources=definitions.resources)
    with mock.patch.object(months, "BLOCKING", frozenset()):
        return resolved.resolve_job_def("unchecked").execute_in_process(instance=instance, partition_key=month)


FED = Environment(telemetry="prometheus+http://127.0.0.1:9")
"""A source is named, which nobody asks: telemetry lands."""


@cache
def job_of_check(asset: str, name: str) -> dg.JobDefinition:
    """A job of one check as the code location defines it, without all the others: building those takes most of a test."""
    every, key = code_location(), dg.AssetCheckKey(dg.AssetKey(asset), name)
    checks = [check for check in every.asset_checks or () if key in check.check_keys]  # type: ignore[union-attr]
    assets = [each for each in every.assets or () if dg.AssetKey(asset) in getattr(each, "keys", ())]
    made = {key for each in assets for key in each.keys}  # type: ignore[union-attr]
    others = [
        dg.AssetSpec(key, partitions_def=partitions) for key, partitions in partitions_of_all() if key not in made
    ]
    job = dg.define_asset_job("one_check", selection=dg.AssetSelection.checks(key))
    definitions = dg.Definitions(assets=[*assets, *others], asset_checks=checks, jobs=[job], resources=every.resources)
    return definitions.resolve_job_def("one_check")


@cache
def code_location() -> dg.Definitions:
    """All definitions, built once: which settings they are built of, plays no part where a test gives the resources."""
    return build_definitions({})


@cache
def partitions_of_all() -> list[tuple[dg.AssetKey, dg.PartitionsDefinition | None]]:  # type: ignore[type-arg]
    """Every asset, and how it is partitioned."""
    return [(spec.key, spec.partitions_def) for spec in code_location().resolve_all_asset_specs()]


def six_series() -> pl.DataFrame:
    return pl.concat([series_rows(h, wave(seed=i), resource=r) for i, (h, r) in enumerate(SIX)])


@pytest.fixture(scope="session")
def telemetry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "six.parquet"
    six_series().rename({"ds": "timestamp", "y": "value"}).write_parquet(path)
    return path


@pytest.fixture(scope="session")
def month(tmp_path_factory: pytest.TempPathFactory, telemetry: Path) -> tuple[Place, dg.ExecuteInProcessResult]:
    """2025-12 of six series, materialised after 2025-11, with the run's result; the earlier month has not been checked."""
    place = Place(tmp_path_factory.mktemp("month") / "data", dg.DagsterInstance.ephemeral())
    place.materialise_unchecked(telemetry, EARLIER)
    return place, place.materialise(telemetry, MONTH)


@pytest.fixture(scope="session")
def made_again(
    month: tuple[Place, dg.ExecuteInProcessResult], telemetry: Path, tmp_path_factory: pytest.TempPathFactory
) -> "MadeAgain":
    """2025-12 made again elsewhere while others read it (`month_again.py`), not to be changed."""
    from turbo_forecast_tests.defs.month_again import make_again

    before, result = month
    return make_again(before, result.run_id, telemetry, tmp_path_factory.mktemp("again"))


@pytest.fixture(scope="session")
def made_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a month that was made by hand, not to be changed."""
    data = tmp_path_factory.mktemp("made") / "data"
    make_data(data)
    return data


@pytest.fixture
def data(made_data: Path, tmp_path: Path) -> Path:
    """A copy of the month that was made by hand, to be spoilt."""
    return Path(shutil.copytree(made_data, tmp_path / "data"))


@pytest.fixture(scope="session")
def month_to_spoil(
    month: tuple[Place, dg.ExecuteInProcessResult], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Where the month is spoilt, one time after the other, and what it is copied from.

    It is one folder for all tests since the published views name their files by absolute paths: making them takes longer
    than to copy them.
    """
    folder = tmp_path_factory.mktemp("place")
    data = Path(shutil.copytree(month[0].data, folder / "data"))
    publish_views(data)
    return data, data.rename(folder / "as-it-was")


@pytest.fixture
def place(month: tuple[Place, dg.ExecuteInProcessResult], month_to_spoil: tuple[Path, Path]) -> Place:
    """A copy of the materialised month, to be spoilt."""
    data, as_it_was = month_to_spoil
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(as_it_was, data)
    # a publication stays as it is, so what was read of one is kept by its path; here another one is at the same path
    for kept in (reading._frame, reading._columns_there):
        kept.cache_clear()
    return Place(data, month[0].instance)


@pytest.fixture
def fresh_place(tmp_path: Path) -> Callable[[], Place]:
    """An empty place with an instance of its own."""
    return lambda: Place(tmp_path / "data", dg.DagsterInstance.ephemeral())


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which Dagster has made its databases, to be copied: making them takes five times as long as opening them."""
    home = tmp_path_factory.mktemp("home")
    with dg.instance_for_test(temp_dir=str(home)) as instance:
        assert instance.get_runs_count() == 0
    return home


@pytest.fixture(scope="session")
def empty_project_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, as the project's dagster.yaml says it."""
    home = tmp_path_factory.mktemp("project-home")
    shutil.copy(HOME / "dagster.yaml", home)
    with mock.patch.dict(os.environ, DAGSTER_HOME=str(home)), dg.DagsterInstance.get() as instance:
        assert instance.get_runs_count() == 0
    return home


@pytest.fixture
def instance(empty_project_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance as the project's dagster.yaml makes it."""
    shutil.copytree(empty_project_home, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        yield instance
