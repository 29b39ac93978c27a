"""Parquet flows through the I/O manager: stored whole or not at all, loaded as typed inputs, here and elsewhere."""

import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import fsspec
import polars as pl
import pytest

from turbo_forecast.defs import kept_open
from turbo_forecast.defs.io_manager import AtomicParquetIOManager
from turbo_forecast.defs.partitions import month_partitions
from turbo_forecast.storage import atomic_replace, datasets, files
from turbo_forecast.storage.atomic_replace import put_in_place
from turbo_forecast.storage.datasets import PART, MadeRows, part_name, parts
from turbo_forecast.storage.frames import write_frame
from turbo_forecast_tests.defs.conftest import FILES, MONTH, Place

pytestmark = pytest.mark.xdist_group("definitions")

MONTHS = month_partitions("2025-10")
FULL = "No space left on device"


@pytest.mark.parametrize("asset", FILES)
def test_a_stored_month_is_loaded_by_the_io_manager(asset: str, month: tuple[Place, object]) -> None:
    place, _ = month
    stored = place.definitions().load_asset_value(
        dg.AssetKey(asset), python_type=pl.DataFrame, partition_key=MONTH, instance=place.instance
    )
    assert stored.equals(pl.read_parquet(place.data / asset / f"{MONTH}.parquet"))
    folds = 123 + 120 + 122  # May to August 2025, January to April, September to December 2024
    blocks = {"fold_forecast": 5 * folds, "forecast_parquet": 303, "forecast_intervals": 2 * 303}
    assert stored.height == 6 * blocks.get(asset, 5 * 303)


def test_a_stored_month_is_loaded_lazily_too(month: tuple[Place, object]) -> None:
    place, _ = month
    stored = place.definitions().load_asset_value(
        dg.AssetKey("forecast_parquet"), python_type=pl.LazyFrame, partition_key=MONTH, instance=place.instance
    )
    one = stored.filter((pl.col("host_id") == "b") & (pl.col("ds") == date(2026, 3, 1))).collect()
    assert one["resource"].to_list() == ["cpu", "memory"]


def test_the_months_files_are_written_by_the_io_manager(
    month: tuple[Place, dg.ExecuteInProcessResult],
) -> None:
    _, result = month
    written = {e.step_key + "." + e.event_specific_data.output_name for e in result.all_events if e.is_handled_output}  # type: ignore[union-attr]
    assert written == {
        *("fleet_forecast.fleet_forecast", "fleet_forecast.fold_forecast", "forecast_parquet.result"),
        "forecast_intervals.result",
    }


def written(base: str, value: object, annotation: object = Any) -> dg.ExecuteInProcessResult:
    def frame():
        return value

    frame.__annotations__["return"] = annotation
    manager = AtomicParquetIOManager(base_dir=base)
    return dg.materialize([dg.asset(frame)], resources={"io_manager": manager}, raise_on_error=False)


def failure(result: dg.ExecuteInProcessResult) -> str:
    """The sentence of the one step that failed."""
    (event,) = result.get_step_failure_events()
    assert event.step_failure_data.user_failure_data is not None, event.step_failure_data.error
    return str(event.step_failure_data.user_failure_data.description)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("annotated", [False, True])
def test_an_asset_of_ones_own_is_written_with_statistics_and_without_rows_in_the_log(
    lazy: bool, annotated: bool, tmp_path: Path
) -> None:
    frame = pl.DataFrame({"n": range(100), "secret": ["row"] * 100})
    value = frame.lazy() if lazy else frame
    result = written(str(tmp_path), value, type(value) if annotated else Any)
    assert result.success
    path = tmp_path / "frame.parquet"
    assert pl.read_parquet(path).equals(frame)
    (event,) = result.asset_materializations_for_node("frame")
    assert "secret" not in str(event.metadata)
    told = {name: value.value for name, value in event.metadata.items()}
    assert told == {"dagster/row_count": 100, "bytes": path.stat().st_size, "path": str(path)}


@pytest.mark.parametrize("value", [{"n": [1]}, None])
def test_what_is_no_frame_is_refused_in_one_sentence(value: object, tmp_path: Path) -> None:
    said = failure(written(str(tmp_path), value))
    assert said.startswith(f"frame returned {type(value).__name__}, which is no frame of Polars")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the disk refuse files and folders of an asset."""

    def refuse(asset: str) -> None:
        def refusing(made: Path, path: Path) -> None:
            if path.parent.name == asset:
                raise OSError(28, FULL)
            put_in_place(made, path)

        for module in (files, datasets):
            monkeypatch.setattr(module, "put_in_place", refusing)

    return refuse


def test_an_exception_amid_writing_leaves_the_old_file(tmp_path: Path, full: Callable[[str], None]) -> None:
    assert written(str(tmp_path), pl.DataFrame({"n": [1]}), pl.DataFrame).success
    before = (tmp_path / "frame.parquet").read_bytes()
    full(tmp_path.name)
    said = failure(written(str(tmp_path), pl.DataFrame({"n": [2]}), pl.DataFrame))
    assert said == f"{tmp_path}/frame.parquet cannot be written: {FULL}"
    assert [(file, file.read_bytes()) for file in tmp_path.iterdir()] == [(tmp_path / "frame.parquet", before)]


def contents(place: Place, *assets: str) -> dict[str, list[tuple[str, bytes]]]:
    """The month's stored files of these assets, or the parts of a folder, by name."""
    return {
        asset: [(part.name, part.read_bytes()) for part in parts(place.data / asset / f"{MONTH}.parquet")]
        for asset in assets
    }


def again(place: Place, *assets: str, telemetry: Path | None = None) -> dg.ExecuteInProcessResult:
    """Some of the month's assets once more, without their checks."""
    base = place.definitions(telemetry)
    job = dg.define_asset_job("again", selection=dg.AssetSelection.assets(*assets).without_checks())
    definitions = dg.Definitions(assets=base.assets, jobs=[job], resources=base.resources)
    return definitions.resolve_job_def("again").execute_in_process(
        instance=place.instance, partition_key=MONTH, raise_on_error=False
    )


def state(place: Place) -> tuple[str, set[str]]:
    """The month's state and what of it is stored, as a process sees them that has not the warehouse open."""
    script = (
        "import duckdb, sys; con = duckdb.connect(sys.argv[1])\n"
        "print(con.execute(\"SELECT state FROM months WHERE month = '2025-12'\").fetchone()[0])\n"
        "print(*[row[0] for row in con.execute(\"SELECT asset FROM month_steps WHERE check_name = '' \"\n"
        "\"AND cutoff = '2025-12-31'\").fetchall()])"
    )
    command = [sys.executable, "-c", script, str(place.data / "warehouse.duckdb")]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return lines[0], set(lines[1].split()) if len(lines) > 1 else set()


FLEET = ("fleet_forecast", "fold_forecast", "model_runs", "combination_weights", "series_outcomes", "run_audit")


@pytest.mark.parametrize(
    ("refused", "assets"),
    [("forecast_parquet", ("forecast_parquet",)), ("fleet_forecast", FLEET), ("fold_forecast", FLEET)],
)
def test_a_file_that_cannot_be_stored_leaves_a_month_that_says_so_and_holds_nothing(
    refused: str,
    assets: tuple[str, ...],
    place: Place,
    full: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = contents(place, *FILES)
    with monkeypatch.context():
        full(refused)
        result = again(place, *assets)  # kept, and with it all that its exception refers to
        said = failure(result)
    assert said == f"{place.data}/{refused}/{MONTH}.parquet cannot be written: {FULL}"
    assert kept_open._OPEN == {}
    assert "heartbeat" not in {thread.name for thread in threading.enumerate()}, "nobody says that work goes on"
    found, stored = state(place)
    assert found == "incomplete"
    assert stored.isdisjoint(assets)
    assert contents(place, *FILES) == before
    monkeypatch.undo()
    assert again(place, *assets).success, "neither the warehouse nor the run's own folder is still held"
    assert set(assets) - {"run_audit"} <= state(place)[1]
    assert contents(place, *FILES) == before


def test_a_table_that_was_not_selected_is_stored_with_the_others(place: Place) -> None:
    before = contents(place, *FILES[:2])
    for asset in before:
        shutil.rmtree(place.data / asset / f"{MONTH}.parquet")
    result = again(place, "series_outcomes", "fold_forecast")
    assert result.success
    assert contents(place, *before) == before
    events = [event.step_materialization_data for event in result.all_events if event.is_step_materialization]
    told = {event.materialization.asset_key.to_user_string(): event.materialization.metadata for event in events}
    assert set(told) == set(FLEET)
    for asset in before:
        assert told[asset]["dagster/row_count"].value == len(pl.read_parquet(place.data / asset / f"{MONTH}.parquet"))


def test_a_month_of_a_former_name_is_an_input(place: Place) -> None:
    for asset in FILES[:-1]:  # the former version made no intervals beside the main one
        (place.data / asset / f"{MONTH}.parquet").rename(place.data / asset / f"{MONTH}-01.parquet")
    assert again(place, "calibration").success


def test_what_a_step_holds_is_ended_by_the_error_that_storing_its_frame_met(tmp_path: Path) -> None:
    ended: list[object] = []

    class Held:
        def __enter__(self) -> str:
            return "it"

        def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
            ended.append(kind.__name__ if kind else None)

    @dg.asset
    def frames(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[pl.DataFrame]]:
        with kept_open.kept_open(context, Held()) as it:
            assert it == "it"
            yield dg.MaterializeResult(value=pl.DataFrame({"n": [1]}))
            ended.append((tmp_path / "frames.parquet").exists())

    def run(folder: Path) -> dg.ExecuteInProcessResult:
        manager = AtomicParquetIOManager(base_dir=str(folder))
        return dg.materialize([frames], resources={"io_manager": manager}, raise_on_error=False)

    assert run(tmp_path).success
    assert ended == [True, None], "when the asset goes on, its file is there"
    ended.clear()
    (tmp_path / "file").touch()
    refused = run(tmp_path / "file" / "no folder")
    assert failure(refused).startswith(f"{tmp_path}/file/no folder/frames.parquet cannot be written: ")
    assert ended == ["StorageError"]


@dg.asset(partitions_def=MONTHS)
def eager(context: dg.AssetExecutionContext) -> pl.DataFrame:
    return pl.DataFrame({"month": [context.partition_key] * 3, "n": [1, 2, 3]})


@dg.asset(partitions_def=MONTHS)
def lazy(context: dg.AssetExecutionContext, eager: pl.DataFrame) -> Iterator[dg.MaterializeResult[pl.LazyFrame]]:
    yield dg.MaterializeResult(value=eager.lazy().with_columns(n=pl.col("n") * 10))


@dg.asset(partitions_def=MONTHS)
def total(lazy: pl.LazyFrame) -> pl.DataFrame:
    return lazy.group_by("month").agg(pl.col("n").sum()).collect()


@dg.asset(
    partitions_def=MONTHS,
    ins={"lazy": dg.AssetIn(partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-1))},
)
def two_months(lazy: dict[str, pl.LazyFrame]) -> pl.DataFrame:
    return pl.concat(frame.with_columns(key=pl.lit(key)) for key, frame in sorted(lazy.items())).collect()


ASSETS = (eager, lazy, total, two_months)


@pytest.fixture(params=["local", "file://", "memory://"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    folder = f"{tmp_path}/assets"
    yield folder if request.param == "local" else f"{request.param}{folder}"
    memory = fsspec.filesystem("memory")
    if request.param == "memory://" and memory.exists(folder):
        memory.rm(folder, recursive=True)


def materialised(base: str, instance: dg.DagsterInstance, month: str, *names: str) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        ASSETS,
        selection=list(names),
        resources={"io_manager": AtomicParquetIOManager(base_dir=base)},
        partition_key=month,
        instance=instance,
        raise_on_error=False,
    )


def loaded(base: str, instance: dg.DagsterInstance, asset: str, month: str) -> pl.DataFrame:
    definitions = dg.Definitions(
        assets=(*ASSETS, folders, numbers), resources={"io_manager": AtomicParquetIOManager(base_dir=base)}
    )
    frame: pl.DataFrame = definitions.load_asset_value(
        dg.AssetKey(asset), python_type=pl.DataFrame, partition_key=month, instance=instance
    )
    return frame


def test_months_are_stored_and_loaded_as_typed_inputs_wherever_the_base_is(base: str) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        for month in ("2025-10", "2025-11"):
            assert materialised(base, instance, month, "eager", "lazy", "total").success
        assert materialised(base, instance, "2025-11", "two_months").success
        assert loaded(base, instance, "total", "2025-11").rows() == [("2025-11", 60)]
        assert loaded(base, instance, "two_months", "2025-11").rows() == [
            *((month, n, month) for month in ("2025-10", "2025-11") for n in (10, 20, 30)),
        ]
        (event,) = materialised(base, instance, "2025-10", "lazy").asset_materializations_for_node("lazy")
    filesystem = fsspec.filesystem("memory" if base.startswith("memory") else "file")
    folder = base.partition("://")[2] or base
    content = filesystem.cat_file(f"{folder}/lazy/2025-10.parquet")
    assert event.metadata["dagster/row_count"].value == 3
    assert event.metadata["bytes"].value == len(content)
    assert {Path(path).name for path in filesystem.ls(f"{folder}/lazy", detail=False)} == {
        *("2025-10.parquet", "2025-11.parquet"),
    }


@dg.asset(partitions_def=MONTHS)
def folders(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
    """As many parts of a row each as the run's tag says."""
    with tempfile.TemporaryDirectory() as made:
        for at in range(int(context.run.tags["parts"])):
            frame = pl.DataFrame({"month": [context.partition_key], "n": [at]})
            write_frame(frame, Path(made, part_name(at, at + 1)))
        yield dg.MaterializeResult(value=MadeRows(Path(made)))


@dg.asset(partitions_def=MONTHS)
def numbers(folders: pl.LazyFrame) -> pl.DataFrame:
    return folders.select("n").collect()


def published(base: str, instance: dg.DagsterInstance, parts: int) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [folders, numbers],
        resources={"io_manager": AtomicParquetIOManager(base_dir=base)},
        partition_key="2025-11",
        instance=instance,
        tags={"parts": str(parts)},
        raise_on_error=False,
    )


def listed(base: str, folder: str) -> set[str]:
    filesystem = fsspec.filesystem("memory" if base.startswith("memory") else "file")
    found = filesystem.ls(f"{base.partition('://')[2] or base}/{folder}", detail=False)
    return {Path(path).name for path in found}


def spans(base: str) -> set[str]:
    """The published parts' names, each without the digest that a published part has in it."""
    found = listed(base, "folders/2025-11.parquet")
    assert all(PART.fullmatch(name)["digest"] for name in found)  # type: ignore[index]
    return {f"{name[:17]}.parquet" for name in found}


def test_a_folder_of_parts_is_published_whole_and_loaded_as_one_frame_wherever_the_base_is(base: str) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        for parts in (3, 12, 2):
            result = published(base, instance, parts)
            assert result.success
            assert loaded(base, instance, "numbers", "2025-11").get_column("n").to_list() == list(range(parts))
            assert spans(base) == {part_name(at, at + 1) for at in range(parts)}
            assert listed(base, "folders") == {"2025-11.parquet"}
            (event,) = result.asset_materializations_for_node("folders")
            told = {name: value.value for name, value in event.metadata.items()}
            assert (told["dagster/row_count"], told["parts"]) == (parts, parts)
            assert str(told["path"]).endswith("/folders/2025-11.parquet")
            assert told["bytes"] > 100 * parts


def test_a_folder_takes_the_place_of_a_former_versions_file_wherever_the_base_is(base: str) -> None:
    folder = base.partition("://")[2] or base
    filesystem = fsspec.filesystem("memory" if base.startswith("memory") else "file")
    filesystem.makedirs(f"{folder}/folders", exist_ok=True)
    with filesystem.open(f"{folder}/folders/2025-11.parquet", "wb") as file:
        pl.DataFrame({"month": ["old"], "n": [7]}).write_parquet(file)
    with dg.DagsterInstance.ephemeral() as instance:
        assert published(base, instance, 2).success
        assert loaded(base, instance, "numbers", "2025-11").get_column("n").to_list() == [0, 1]


def test_a_folder_that_cannot_be_published_leaves_the_old_parts_and_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bool:
        raise OSError(28, FULL)

    with dg.DagsterInstance.ephemeral() as instance:
        assert published(str(tmp_path), instance, 3).success
        monkeypatch.setattr(atomic_replace, "exchanged", refuse)
        said = failure(published(str(tmp_path), instance, 2))
    assert said == f"{tmp_path}/folders/2025-11.parquet cannot be written: {FULL}"
    assert spans(str(tmp_path)) == {part_name(at, at + 1) for at in range(3)}
    assert listed(str(tmp_path), "folders") == {"2025-11.parquet"}


def test_an_input_whose_part_is_gone_is_named(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert published(str(tmp_path), instance, 3).success
        parts(tmp_path / "folders" / "2025-11.parquet")[1].unlink()
        result = dg.materialize(
            [folders, numbers],
            selection=["numbers"],
            resources={"io_manager": AtomicParquetIOManager(base_dir=str(tmp_path))},
            partition_key="2025-11",
            instance=instance,
            raise_on_error=False,
        )
    assert failure(result).startswith(f"{tmp_path}/folders/2025-11.parquet lacks the part from series 1 on")


def test_an_input_that_is_not_there_says_what_to_materialise(base: str) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        for name, source in (("lazy", "eager"), ("total", "lazy"), ("two_months", "lazy")):
            said = failure(materialised(base, instance, "2025-11", name))
            missing = "2025-10" if name == "two_months" else "2025-11"
            assert said.endswith(f"{source}/{missing}.parquet is not there: materialise {source} for {missing} first")
            assert len(said.splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"PAR1 and no end"])
def test_an_input_that_is_not_whole_is_named(content: bytes, tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert materialised(str(tmp_path), instance, "2025-11", "eager", "lazy").success
        path = tmp_path / "lazy" / "2025-11.parquet"
        path.write_bytes(content)
        said = failure(materialised(str(tmp_path), instance, "2025-11", "total"))
    assert said.startswith(f"{path} cannot be read: ")


def result_of_run(place: Place, table: str) -> Path:
    """What the month's run has made of a table, which the asset of that name stores."""
    found = place.data / "tournament" / MONTH / table
    return next(found.iterdir()) if found.is_dir() else found.with_name(f"{table}.parquet")


def damage(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * 400 + content[404:])


@pytest.mark.parametrize(("asset", "missed"), [("calibration", ""), ("forecast_parquet", "/forecast_parquet.parquet")])
def test_a_months_result_that_is_gone_fails_its_step_alone(asset: str, missed: str, place: Place) -> None:
    path = result_of_run(place, asset)
    shutil.rmtree(path.parent)
    said = failure(again(place, asset))
    assert said.startswith(f"{place.data}/tournament/{MONTH}{missed} is not there: materialise fleet_forecast for ")


@pytest.mark.parametrize("asset", ["champions", "forecast_parquet"])
def test_a_months_result_that_is_damaged_inside_fails_with_one_sentence(asset: str, place: Place) -> None:
    damage(result_of_run(place, asset))
    said = failure(again(place, asset))
    assert " cannot be read: " in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("asset", ["calibration", "forecast_parquet"])
def test_a_months_result_of_another_version_is_named_with_what_it_lacks(asset: str, place: Place) -> None:
    path = result_of_run(place, asset)
    pl.read_parquet(path).drop("cutoff", "phase").write_parquet(path)
    said = failure(again(place, asset))
    assert said.startswith(f"{path} was stored by another version and lacks ")
