"""A house of the former version: its months keep their results, and Dagster shows them under their names of today."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from turbo_forecast.defs.partition_migration import OF_A_MONTH, migrate_partitions
from turbo_forecast_tests.defs.conftest import EARLIER, FILES, MONTH, Place

pytestmark = pytest.mark.xdist_group("definitions")


@pytest.fixture
def former(place: Place) -> Place:
    """2025-11 and 2025-12 as the former version left them, with an instance of their own; of 2025-11, a check has failed."""
    shutil.rmtree(place.data / "forecast_intervals")  # which the former version did not make
    for asset in FILES[:-1]:
        for month in (EARLIER, MONTH):
            path = place.data / asset / f"{month}.parquet"
            path.rename(path.with_name(f"{month}-01.parquet"))
    place.sql(f"UPDATE months SET state = 'failed' WHERE month = '{EARLIER}'")
    instance = dg.DagsterInstance.ephemeral()
    for asset in OF_A_MONTH:
        for month, rows in ((EARLIER, 11), (MONTH, 12)):
            metadata = {"dagster/row_count": rows, "path": dg.MetadataValue.path(f"/former/{month}-01.parquet")}
            instance.report_runless_asset_event(
                dg.AssetMaterialization(asset, partition=f"{month}-01", metadata=metadata)
            )
    return Place(place.data, instance)


def shown(instance: dg.DagsterInstance, asset: str) -> set[str]:
    return {key for key in instance.get_materialized_partitions(dg.AssetKey(asset)) if len(key) == 7}


def test_complete_months_are_shown_under_their_names_of_today_and_others_are_not(former: Place) -> None:
    said: list[str] = []
    migrate_partitions(former.instance, former.data, said.append)
    assert {asset: shown(former.instance, asset) for asset in OF_A_MONTH} == {name: {MONTH} for name in OF_A_MONTH}
    latest = former.instance.get_latest_materialization_event(dg.AssetKey("champions")).asset_materialization
    assert {name: value.value for name, value in latest.metadata.items()} == {
        "dagster/row_count": 12,
        "migrated from": "2025-12-01",
    }
    assert said == [
        f"{former.data}: 2 months of 3 Parquet assets were renamed from 2025-12-01.parquet to 2025-12.parquet and alike",
        "1 month materialised before partitions were called YYYY-MM: shown in the UI as 2025-12; their checks can be made "
        "again by the job monthly_checks",
    ]


def test_once_is_enough(former: Place) -> None:
    migrate_partitions(former.instance, former.data, lambda _: None)
    said: list[str] = []
    migrate_partitions(former.instance, former.data, said.append)
    assert said == []
    filtered = dg.AssetRecordsFilter(asset_key=dg.AssetKey("months"), asset_partitions=[MONTH])
    assert len(former.instance.fetch_materializations(filtered, limit=5).records) == 1


def test_an_asset_that_has_been_materialised_since_keeps_its_own_event(former: Place) -> None:
    own = dg.AssetMaterialization("champions", partition=MONTH, metadata={"dagster/row_count": 6})
    former.instance.report_runless_asset_event(own)
    migrate_partitions(former.instance, former.data, lambda _: None)
    latest = former.instance.get_latest_materialization_event(dg.AssetKey("champions")).asset_materialization
    assert "migrated from" not in latest.metadata
    assert shown(former.instance, "calibration") == {MONTH}


def test_of_another_data_folders_months_nothing_is_said(former: Place, tmp_path: Path) -> None:
    said: list[str] = []
    migrate_partitions(former.instance, tmp_path / "another", said.append)
    assert said == []
    assert shown(former.instance, "months") == set()


def test_a_former_months_checks_pass_again_on_the_renamed_files(former: Place) -> None:
    found = former.check("forecast_parquet", "is_the_champions_forecast")
    assert isinstance(found, dg.AssetCheckEvaluation), found
    assert found.passed
    assert {path.stem for path in former.data.glob("f*/*.parquet")} == {EARLIER, MONTH}


def test_reading_the_telemetry_takes_the_former_months_over(former: Place, telemetry: Path, capfd) -> None:
    former.materialise_base(telemetry)
    assert shown(former.instance, "months") == {MONTH}
    assert "renamed from 2025-12-01.parquet to 2025-12.parquet" in capfd.readouterr().out
