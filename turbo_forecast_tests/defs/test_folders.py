"""The whole job in a data folder whose name means something to DuckDB, Polars, SQL or a shell."""

from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from turbo_forecast.defs.io_manager import AtomicParquetIOManager
from turbo_forecast.defs.resources import Warehouse
from turbo_forecast.errors import StorageError
from turbo_forecast.storage.datasets import parts
from turbo_forecast_tests.defs.conftest import MONTH, Place
from turbo_forecast_tests.defs.month_again import MadeAgain


def stored(place: Place, table: str, *, warehouse: bool = False) -> pl.DataFrame:
    if not warehouse:
        found = parts(place.data / table / f"{MONTH}.parquet")
        return pl.concat(pl.read_parquet(part.read_bytes()) for part in found)
    with duckdb.connect(str(place.data / "warehouse.duckdb")) as con:
        return pl.DataFrame(con.sql(f"SELECT * FROM {table} WHERE cutoff = '2025-12-31' ORDER BY ALL").to_arrow_table())


@pytest.mark.xdist_group("definitions")  # where the month is made
def test_a_months_numbers_do_not_depend_on_the_data_folders_name(made_again: MadeAgain) -> None:
    """Made again in `month_again.FOLDER`, beside a folder that a pattern of that name finds, too."""
    reference, place, result = made_again.before, made_again.place, made_again.result
    assert {e.check_name for e in result.get_asset_check_evaluations() if not e.passed} <= {"telemetry_is_fresh"}
    for table in ("fleet_forecast", "fold_forecast", "forecast_parquet"):
        assert stored(place, table).equals(stored(reference, table))
    for table in ("tournament_results", "tournament_standings", "forecast_accuracy"):
        assert stored(place, table, warehouse=True).equals(stored(reference, table, warehouse=True))


@pytest.mark.parametrize("name", ["g[1]", "*", "resource=cpu", "~", "a#b%20c", "q\"'\n"])
def test_the_io_manager_loads_the_file_it_wrote_and_no_neighbours(name: str, tmp_path: Path) -> None:
    def stored_by(folder: Path, value: int) -> pl.DataFrame:
        @dg.asset
        def numbers() -> pl.DataFrame:
            return pl.DataFrame({"n": [value]})

        @dg.asset
        def doubled(numbers: pl.DataFrame) -> pl.DataFrame:
            return numbers.with_columns(n=pl.col("n") * 2)

        manager = AtomicParquetIOManager(base_dir=str(folder))
        result = dg.materialize([numbers, doubled], resources={"io_manager": manager})
        frame: pl.DataFrame = result.output_for_node("doubled")
        return frame

    stored_by(tmp_path / "g1", 1)
    assert stored_by(tmp_path / name, 2).to_dict(as_series=False) == {"n": [4]}


@pytest.mark.parametrize(
    ("name", "character"), [("g?", "question mark"), ("a\\b", "backslash"), ("\udcff", "not UTF-8")]
)
def test_a_data_folder_that_cannot_hold_a_warehouse_is_refused_before_anything_is_written(
    name: str, character: str, tmp_path: Path
) -> None:
    data = tmp_path / name / "data"
    with (
        pytest.raises(StorageError, match=character) as refused,
        Warehouse(database=str(data / "warehouse.duckdb")).get_connection(),
    ):
        pass
    assert len(str(refused.value)) < 300
    assert list(tmp_path.iterdir()) == []
