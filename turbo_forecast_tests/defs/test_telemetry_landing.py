"""The asset `telemetry_landing` and its checks, as Dagster runs them: what lands, what is told of it, what a damaged file stops."""

from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pyarrow.parquet as pq
import pytest

from turbo_forecast.definitions import build_definitions
from turbo_forecast.defs.catalog import LANDING
from turbo_forecast.defs.landed import NO_SOURCES
from turbo_forecast.errors import SettingsError
from turbo_forecast.landing.configured import configured
from turbo_forecast.landing.due import LandingRequest
from turbo_forecast.landing.landing import LandingOptions, land
from turbo_forecast.settings import Environment, use_environment
from turbo_forecast.sources.protocol import ROWS
from turbo_forecast.storage.landed import METADATA_KEY, landed_files, landed_months
from turbo_forecast_tests.landing.fake_source import STOCKS, Stock, stock

__all__ = ["stock"]  # a fixture

pytestmark = pytest.mark.xdist_group("definitions")

SECRET = "hunter2-of-tests"


class Landing:
    """Dagster over a data folder and a settings file."""

    def __init__(self, folder: Path, sources: str) -> None:
        config = folder / "settings.yaml"
        config.write_text(f"sources: {sources}\nforecast: {{train_months: 4, backtest_months: 1, folds: 0}}\n")
        self.environment = Environment(data=folder / "data", config=config)
        self.instance = dg.DagsterInstance.ephemeral()

    def run(self, month: str = "2025-12") -> dg.ExecuteInProcessResult:
        """The asset and its checks."""
        with use_environment(self.environment):
            job = dg.define_asset_job("landing", selection=dg.AssetSelection.assets(LANDING))
            base = build_definitions()
            definitions = dg.Definitions(
                assets=base.assets, asset_checks=base.asset_checks, jobs=[job], resources=base.resources
            )
            return definitions.resolve_job_def("landing").execute_in_process(
                instance=self.instance, partition_key=month, raise_on_error=False
            )


@pytest.fixture
def landing(stock: Stock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Landing:
    monkeypatch.setenv("SHOP_TOKEN", SECRET)
    STOCKS["other"] = Stock()
    for month in ("2025-09", "2025-10", "2025-11", "2025-12"):
        start = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
        for day in range(28):
            stock.values["web", "cpu", start + timedelta(days=day)] = float(day)
            STOCKS["other"].values["db", "cpu", start + timedelta(days=day)] = float(day)
    others = STOCKS["other"].values
    STOCKS["other"].values = {moment: value for moment, value in others.items() if moment[2].month != 11}
    return Landing(
        tmp_path, "{shop: {kind: fake, stock: shop, token_env: SHOP_TOKEN}, other: {kind: fake, stock: other}}"
    )


def verdicts(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {each.check_name: each for each in result.get_asset_check_evaluations()}


def told(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    made = [
        each.step_materialization_data.materialization for each in result.all_events if each.is_step_materialization
    ]
    [materialization] = [each for each in made if each.partition == "2025-12"]
    return {name: value.value for name, value in materialization.metadata.items()}


def failure(result: dg.ExecuteInProcessResult) -> str:
    [event] = result.get_step_failure_events()
    assert event.step_failure_data.user_failure_data is not None
    return event.step_failure_data.user_failure_data.description or ""


def test_a_run_lands_the_months_of_its_history_and_says_what_came_of_each_source(
    landing: Landing, capsys: pytest.CaptureFixture[str]
) -> None:
    result = landing.run()
    assert result.success
    there = [(each.manifest.source, each.manifest.month) for each in landed_months(landing.environment.data)]
    assert there == [("other", month) for month in ("2025-09", "2025-10", "2025-12")] + [
        ("shop", month) for month in ("2025-09", "2025-10", "2025-11", "2025-12")
    ]
    shown = told(result)
    assert (shown["dagster/row_count"], shown["months landed"]) == (28 * 7, 7)
    rows = {record.data["source"]: record.data for record in shown["sources"].records}  # type: ignore[attr-defined]
    assert (rows["shop"]["months landed"], rows["shop"]["nothing there"]) == (4, "2025-08")
    assert (rows["other"]["months landed"], rows["other"]["nothing there"]) == (3, "2025-08, 2025-11")
    found = verdicts(result)
    assert found["landed_months_are_whole"].passed
    assert not found["no_month_is_missing_in_between"].passed
    assert found["no_month_is_missing_in_between"].severity == dg.AssetCheckSeverity.WARN
    assert {each.partition for each in found.values()} == {"2025-12"}
    assert "source shop: 4 months with 112 rows landed" in capsys.readouterr().out
    again = told(landing.run())
    assert (again["dagster/row_count"], again["months landed"]) == (0, 0)


def test_dagster_shows_every_month_that_has_landed_by_whatever_command(landing: Landing) -> None:
    with use_environment(landing.environment):
        sources, request = configured(landing.environment).sources, LandingRequest(["2025-08", "2025-09"], named=True)
        land(landing.environment.data, sources, request, LandingOptions())
    shown = []
    for _ in range(2):
        result = landing.run()
        materialized = [
            each.step_materialization_data.materialization for each in result.all_events if each.is_step_materialization
        ]
        shown.append({each.partition: each.metadata["dagster/row_count"].value for each in materialized})
    # November is of one source alone; nothing is there of August
    assert shown == [{"2025-09": 56, "2025-10": 56, "2025-11": 28, "2025-12": 140}, {"2025-12": 0}]
    assert landing.instance.get_materialized_partitions(dg.AssetKey(LANDING)) == set(shown[0])


def test_an_outage_fails_the_run_in_a_sentence_and_the_next_goes_on(landing: Landing, stock: Stock) -> None:
    stock.fails_at = datetime.fromisoformat("2025-11-01T00:00:00+00:00")
    result = landing.run()
    assert not result.success
    assert failure(result) == "source shop: month 2025-11 could not be landed: the connection was lost"
    stock.fails_at = None
    assert told(landing.run())["months landed"] == 2


def test_a_landed_file_that_was_changed_fails_its_check_which_names_it(landing: Landing) -> None:
    landing.run()
    path = next(path for path in landed_files(landing.environment.data) if path.stem == "2025-10")
    manifest = {METADATA_KEY: pq.read_metadata(path).metadata[METADATA_KEY]}
    rows = pl.read_parquet(path).with_columns(value=pl.col("value") + 1).to_arrow().cast(ROWS)
    pq.write_table(rows.replace_schema_metadata(manifest), path)
    result = landing.run()
    check = verdicts(result)["landed_months_are_whole"]
    assert not check.passed
    assert check.blocking
    assert "its rows are not those that were landed" in str(check.metadata["first failing rows"].value)


def test_no_secret_is_in_what_dagster_keeps(landing: Landing) -> None:
    result = landing.run()
    kept = [str(record) for record in landing.instance.all_logs(result.run_id)]
    assert kept
    assert not [text for text in kept if SECRET in text]


def test_a_source_that_cannot_work_keeps_definitions_from_being_built(tmp_path: Path, stock: Stock) -> None:
    with pytest.raises(SettingsError, match=r"sources\.shop\.stock is empty"):
        Landing(tmp_path, "{shop: {kind: fake}}").run()


def test_what_has_landed_is_checked_although_no_source_is_named_any_more(tmp_path: Path, landing: Landing) -> None:
    """It goes on being part of the base table."""
    assert landing.run().success
    unnamed = Landing(tmp_path, "{}")
    result = unnamed.run()
    assert result.success
    assert told(result) == {"dagster/row_count": 0, "sources": NO_SOURCES}
    assert verdicts(result)["landed_months_are_whole"].passed
    file = max(landed_files(tmp_path / "data"))
    file.write_bytes(file.read_bytes()[:-100])
    assert not unnamed.run().success
