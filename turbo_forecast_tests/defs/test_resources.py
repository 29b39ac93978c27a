"""Resources: Parquet is loaded and written through the I/O manager, whole or not at all."""

from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from turbo_forecast.definitions import build_resources
from turbo_forecast.defs.io_manager import AtomicParquetIOManager
from turbo_forecast.defs.resources import ForecastResource, TelemetryResource, Warehouse
from turbo_forecast.errors import SettingsError
from turbo_forecast.settings import ForecastSettings, TelemetrySettings
from turbo_forecast_tests.defs.conftest import FILES, MONTH, Place

pytestmark = pytest.mark.xdist_group("definitions")


@pytest.mark.parametrize("asset", FILES)
def test_a_stored_month_is_loaded_by_the_io_manager(asset: str, month: tuple[Place, object]) -> None:
    place, _ = month
    stored = place.definitions().load_asset_value(
        dg.AssetKey(asset), python_type=pl.DataFrame, partition_key=MONTH, instance=place.instance
    )
    assert stored.equals(pl.read_parquet(place.data / asset / f"{MONTH}.parquet"))
    folds = 123 + 120 + 122  # May to August 2025, January to April, September to December 2024
    entrants, days = {"fold_forecast": (5, folds), "forecast_parquet": (1, 303)}.get(asset, (5, 303))
    assert stored.height == 6 * entrants * days


def test_a_stored_month_is_loaded_lazily_too(month: tuple[Place, object]) -> None:
    place, _ = month
    stored = place.definitions().load_asset_value(
        dg.AssetKey("forecast_parquet"), python_type=pl.LazyFrame, partition_key=MONTH, instance=place.instance
    )
    one = stored.filter((pl.col("host_id") == "b") & (pl.col("ds") == date(2026, 3, 1))).collect()
    assert one["resource"].to_list() == ["cpu", "memory"]


def written(tmp_path: Path, value: pl.DataFrame | pl.LazyFrame) -> dg.ExecuteInProcessResult:
    def frame():
        return value

    frame.__annotations__["return"] = type(value)  # dagster-polars chooses its writer by the annotation
    return dg.materialize(
        [dg.asset(io_manager_key="io_manager")(frame)],
        resources={"io_manager": AtomicParquetIOManager(base_dir=str(tmp_path))},
        raise_on_error=False,
    )


@pytest.mark.parametrize("lazy", [False, True])
def test_an_asset_of_ones_own_is_written_with_statistics_and_without_rows_in_the_log(
    lazy: bool, tmp_path: Path
) -> None:
    frame = pl.DataFrame({"n": range(100), "secret": ["row"] * 100})
    result = written(tmp_path, frame.lazy() if lazy else frame)
    assert result.success
    (path,) = tmp_path.rglob("*.parquet")
    assert pl.read_parquet(path).equals(frame)
    (event,) = result.asset_materializations_for_node("frame")
    assert "secret" not in str(event.metadata)
    assert lazy or event.metadata["dagster/row_count"].value == 100


def test_an_exception_amid_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert written(tmp_path, pl.DataFrame({"n": [1]})).success
    (path,) = tmp_path.rglob("*.parquet")
    before = path.read_bytes()

    def refuse(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("turbo_forecast.storage.files.os.replace", refuse)
    assert not written(tmp_path, pl.DataFrame({"n": [2]})).success
    assert path.read_bytes() == before
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


def test_resources_carry_every_option_and_its_default() -> None:
    assert TelemetryResource().settings() == TelemetrySettings()
    assert ForecastResource().settings() == ForecastSettings()
    options = {"capacity": {"net": 125000.0}, "units": {"*": "percent"}, "statistics": {"cpu": "max"}}
    assert TelemetryResource(**options).settings() == TelemetrySettings(**options)  # type: ignore[arg-type]


def launched(run_config: dict[str, object], options: dict[str, object]) -> dg.JobDefinition:
    """A job that needs both resources, once its run config has been validated."""

    @dg.asset
    def first(telemetry: TelemetryResource) -> None:
        raise AssertionError("a step began")

    @dg.asset(deps=[first])
    def second(forecast: ForecastResource) -> None:
        """Never comes to its turn."""

    resources = {"telemetry": TelemetryResource(telemetry="x.csv"), "forecast": ForecastResource(**options)}
    job = dg.Definitions(assets=[first, second], resources=resources).resolve_implicit_global_asset_job_def()
    dg.validate_run_config(job, run_config)
    return job


@pytest.mark.parametrize(
    ("section", "options", "said"),
    [
        ("forecast", {"engine": "foo"}, "engine not in enum type Literal"),
        ("forecast", {"seasonality_mode": "both"}, "seasonality_mode not in enum type"),
        ("telemetry", {"layout": "tall"}, "layout not in enum type"),
        ("forecast", {"workers": "3"}, 'workers. Value "3"'),
        ("forecast", {"folds": 99}, "forecast settings: folds: must be at most 24, not 99"),
        ("forecast", {"folds": 24}, "folds: 24 windows of backtest_months"),
        ("forecast", {"entrants": ["nope"]}, "entrants: there is no entrant 'nope'"),
        ("forecast", {"entrants": ["profet"]}, "did you mean prophet"),
        ("forecast", {"entrants": ["os:system"]}, "entrants: 'os:system' builds no entrant"),
        ("forecast", {"entrants": ["median"]}, "'median' combines two others or more"),
        ("forecast", {"fallback": "prophet"}, "fallback: must be one that never fails"),
        ("forecast", {"outside": {"a/b": "x.parquet"}}, "outside: 'a/b' cannot be a name"),
        ("forecast", {"outside": {"lstm": "/nowhere/x.parquet"}}, "outside.lstm: there is no file /nowhere/x.parquet"),
        ("forecast", {"cap": float("nan")}, "forecast settings: cap: must be a finite number, not nan"),
        ("forecast", {"cap": True}, "forecast settings: cap: must be a number, not True"),
        ("forecast", {"interval_width": 10**400}, "forecast settings: interval_width: must be "),
        ("telemetry", {"capacity": {"net": True}}, "telemetry settings: capacity.net: must be a number, not True"),
        ("telemetry", {"resources": ["cpu", "a\0b"]}, "telemetry settings: resources: must not hold control"),
        ("forecast", {"floor": 99.5}, "floor .99.5. must be below cap"),
        ("telemetry", {"overshoot_percent": float("inf")}, "telemetry settings: overshoot_percent: must be a finite"),
        ("telemetry", {"timezone": "Mars/Base"}, "telemetry settings: timezone: 'Mars/Base' is not a zone"),
        ("telemetry", {"capacity": {"net": 0.0}}, "capacity.net must be a positive number"),
    ],
)
def test_an_option_that_cannot_work_refuses_the_launch(section: str, options: dict[str, object], said: str) -> None:
    with pytest.raises((SettingsError, dg.DagsterInvalidConfigError), match=said):
        launched({"resources": {section: {"config": options}}}, {})


def test_an_outside_models_file_that_is_gone_refuses_the_launch_and_not_the_definitions(tmp_path: Path) -> None:
    outside = {"lstm": str(tmp_path / "not-yet.parquet")}
    with pytest.raises(SettingsError, match=r"outside\.lstm: there is no file .*not-yet\.parquet"):
        launched({}, {"outside": outside})


def test_a_launch_that_can_work_is_valid_and_keeps_what_it_asks_for() -> None:
    seen = []

    @dg.asset
    def asset(forecast: ForecastResource) -> None:
        seen.append(forecast.settings())

    resources = {"forecast": ForecastResource(train_months=6)}
    job = dg.Definitions(assets=[asset], resources=resources).resolve_implicit_global_asset_job_def()
    config = {"resources": {"forecast": {"config": {"workers": 3, "engine": "stan"}}}}
    assert job.execute_in_process(run_config=config).success
    assert seen == [ForecastSettings(train_months=6, workers=3, engine="stan")]
    assert seen[0].folds_held == 1, "the default gives way, though Dagster states every option"


def test_a_resource_made_in_code_is_refused_in_one_sentence() -> None:
    with pytest.raises(SettingsError, match="^forecast settings: wrokers: is no option; did you mean workers"):
        ForecastResource(wrokers=3)
    with pytest.raises(SettingsError, match="^telemetry settings: memory_limit: must be from 100MB"):
        TelemetryResource(memory_limit="1KB")


@pytest.mark.parametrize("entrants", ["[nope]", "['.x:y']", "['os:system']"])
def test_entrants_of_a_settings_file_are_checked_where_it_is_read(
    entrants: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(f"forecast: {{entrants: {entrants}}}")
    monkeypatch.setenv("TURBO_FORECAST_CONFIG", str(file))
    with pytest.raises(SettingsError, match=f"^{file}: entrants: "):
        build_resources()


def test_the_environment_says_where_things_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("telemetry: {telemetry: from-file.csv}\nforecast: {workers: 3}\n")
    monkeypatch.setenv("TURBO_FORECAST_CONFIG", str(file))
    monkeypatch.setenv("TURBO_FORECAST_DATA", str(tmp_path / "out"))
    monkeypatch.delenv("TURBO_FORECAST_TELEMETRY", raising=False)
    resources = build_resources()
    assert resources["telemetry"].settings().telemetry == "from-file.csv"  # type: ignore[attr-defined]
    assert resources["forecast"].settings().workers == 3  # type: ignore[attr-defined]
    assert resources["warehouse"].database == str(tmp_path / "out" / "warehouse.duckdb")  # type: ignore[attr-defined]
    assert not (tmp_path / "out").exists(), "definitions touch nothing"
    monkeypatch.setenv("TURBO_FORECAST_TELEMETRY", "from-environment.csv")
    assert build_resources()["telemetry"].settings().telemetry == "from-environment.csv"  # type: ignore[attr-defined]


def test_a_settings_file_that_cannot_work_stops_the_definitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TURBO_FORECAST_CONFIG", str(tmp_path / "gone.yaml"))
    with pytest.raises(SettingsError, match=r"gone\.yaml"):
        build_resources()


def test_the_warehouse_resource_closes_its_connection_after_an_error(tmp_path: Path) -> None:
    warehouse = Warehouse(database=str(tmp_path / "w.duckdb"))
    with pytest.raises(ValueError, match="ours"), warehouse.get_connection() as con:
        con.execute("CREATE TABLE t (a INTEGER)")
        raise ValueError("ours")
    with warehouse.get_connection() as con:
        assert con.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
