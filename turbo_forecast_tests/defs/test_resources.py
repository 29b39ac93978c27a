"""Resources: options are validated when a run is launched, and the environment says where things are."""

import re
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from turbo_forecast.definitions import build_resources
from turbo_forecast.defs.resources import ForecastResource, OutlookResource, TelemetryResource, Warehouse
from turbo_forecast.errors import SettingsError
from turbo_forecast.settings import ExecutorSettings, ForecastSettings, OutlookSettings, TelemetrySettings
from turbo_forecast.storage.groups import read_groups
from turbo_forecast.storage.plans import read_plans

pytestmark = pytest.mark.xdist_group("steps")

DASK: dict[str, object] = {"kind": "dask", "address": "tcp://host:8786"}
TLS = {name: f"/nowhere/{name}.pem" for name in ("ca", "cert", "key")}


def test_resources_carry_every_option_and_its_default() -> None:
    assert TelemetryResource().settings() == TelemetrySettings()
    assert ForecastResource().settings() == ForecastSettings()
    assert OutlookResource().settings() == OutlookSettings()
    options = {"capacity": {"net": 125000.0}, "units": {"*": "percent"}, "statistics": {"cpu": "max"}}
    assert TelemetryResource(**options).settings() == TelemetrySettings(**options)  # type: ignore[arg-type]
    limits = {"resource_thresholds": {"cpu": [80.0]}, "host_thresholds": {"a": {"*": [60.0, 50.0]}}}
    executor = ForecastResource(executor={**DASK, "silence_seconds": 30.0}).settings().executor  # type: ignore[arg-type]
    assert type(executor) is ExecutorSettings, "nothing of Dagster goes to workers"
    assert (executor.address, executor.silence_seconds) == ("tcp://host:8786", 30.0)
    assert OutlookResource(**limits).settings() == OutlookSettings(**limits)  # type: ignore[arg-type]


def launched(
    run_config: dict[str, object], options: dict[str, object], outlook: OutlookResource | None = None
) -> dg.JobDefinition:
    """A job that needs all three resources, once its run config has been validated."""

    @dg.asset
    def first(telemetry: TelemetryResource) -> None:
        raise AssertionError("a step began")

    @dg.asset(deps=[first])
    def second(forecast: ForecastResource) -> None:
        """Never comes to its turn."""

    @dg.asset(deps=[second])
    def third(outlook: OutlookResource) -> None:
        """Neither does this one."""

    resources = {"telemetry": TelemetryResource(telemetry="x.csv"), "forecast": ForecastResource(**options)}
    resources["outlook"] = outlook or OutlookResource()
    job = dg.Definitions(assets=[first, second, third], resources=resources).resolve_implicit_global_asset_job_def()
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
        ("forecast", {"external": {"a/b": "x.parquet"}}, "external: 'a/b' cannot be a name"),
        (
            "forecast",
            {"external": {"lstm": "/nowhere/x.parquet"}},
            "external.lstm: there is no file /nowhere/x.parquet",
        ),
        ("forecast", {"cap": float("nan")}, "forecast settings: cap: must be a finite number, not nan"),
        ("forecast", {"cap": True}, "forecast settings: cap: must be a number, not True"),
        ("forecast", {"interval_width": 10**400}, "forecast settings: interval_width: must be "),
        ("forecast", {"executor": {"kind": "spark"}}, "executor.kind not in enum type"),
        ("forecast", {"executor": {"kind": "dask"}}, "forecast settings: executor: address is missing"),
        ("forecast", {"executor": {"kind": "dask", "adress": "x"}}, "adress"),
        ("forecast", {"executor": DASK | {"address": "http://x:1"}}, "executor: address must begin with tcp:// or tls"),
        ("forecast", {"executor": DASK | {"wait_seconds": True}}, "executor.wait_seconds: must be a number, not True"),
        (
            "forecast",
            {"executor": DASK | {"address": "tls://x:1", **TLS}},
            r"executor.ca: /nowhere/ca.pem cannot be read",
        ),
        ("telemetry", {"capacity": {"net": True}}, "telemetry settings: capacity.net: must be a number, not True"),
        ("telemetry", {"resources": ["cpu", "a\0b"]}, "telemetry settings: resources: must not hold control"),
        ("forecast", {"floor": 99.5}, "floor .99.5. must be below cap"),
        ("telemetry", {"overshoot_percent": float("inf")}, "telemetry settings: overshoot_percent: must be a finite"),
        ("telemetry", {"timezone": "Mars/Base"}, "telemetry settings: timezone: 'Mars/Base' is not a zone"),
        ("telemetry", {"capacity": {"net": 0.0}}, "capacity.net must be a positive number"),
        ("outlook", {"thresholds": [80.0, 101.0]}, "outlook settings: thresholds: a threshold must be above 0"),
        ("outlook", {"thresholds": [True]}, "outlook settings: thresholds.0: must be a number, not True"),
        ("outlook", {"resource_thresholds": {"cpu": []}}, "resource_thresholds: give at least one threshold"),
        ("outlook", {"host_thresholds": {"a": {"cpu": [90.0, 90.0]}}}, "host_thresholds: a threshold is listed twice"),
        ("outlook", {"reserve": {"percent": 100.0}}, "reserve: a reserve in percent must be from 0 and below 100"),
    ],
)
def test_an_option_that_cannot_work_refuses_the_launch(section: str, options: dict[str, object], said: str) -> None:
    with pytest.raises((SettingsError, dg.DagsterInvalidConfigError), match=said):
        launched({"resources": {section: {"config": options}}}, {})


def test_an_outside_models_file_that_is_gone_refuses_the_launch_and_not_the_definitions(tmp_path: Path) -> None:
    external = {"lstm": str(tmp_path / "not-yet.parquet")}
    with pytest.raises(SettingsError, match=r"external\.lstm: there is no file .*not-yet\.parquet"):
        launched({}, {"external": external})


@pytest.mark.parametrize(
    ("option", "reads", "text"),
    [
        ("plans", read_plans, "date,host_id,change\n2026-02-30,a,5\n"),
        ("plans", read_plans, "date,host_id,chnage\n2026-02-03,a,5\n"),
        ("plans", read_plans, None),
        ("groups", read_groups, "host_id,group,capacity\na,x,-1\n"),
        ("groups", read_groups, None),
    ],
)
def test_a_bad_file_of_plans_or_groups_refuses_the_launch_with_the_sentence_of_whoever_reads_it(
    option: str, reads: Callable[[str], object], text: str | None, tmp_path: Path
) -> None:
    path = tmp_path / f"{option}.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError) as said:
        reads(str(path))
    for config, outlook in (
        ({}, OutlookResource(**{option: str(path)})),
        ({"resources": {"outlook": {"config": {option: str(path)}}}}, None),
    ):
        with pytest.raises(SettingsError, match=f"^{re.escape(str(said.value))}$"):
            launched(config, {}, outlook)


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
    config = {"resources": {"forecast": {"config": {"executor": DASK}}}}
    assert job.execute_in_process(run_config=config).success
    assert seen[1] == ForecastSettings(train_months=6, executor=ExecutorSettings(**DASK))  # type: ignore[arg-type]
    assert seen[0].folds_held == 1, "the default gives way, though Dagster states every option"


def test_thresholds_can_be_set_where_a_run_is_launched() -> None:
    seen = []

    @dg.asset
    def asset(outlook: OutlookResource) -> None:
        seen.append(outlook.settings())

    resources = {"outlook": OutlookResource(resource_thresholds={"disk": [85.0]})}
    job = dg.Definitions(assets=[asset], resources=resources).resolve_implicit_global_asset_job_def()
    asked = {"thresholds": [90.0, 60], "host_thresholds": {"db1": {"*": [75.0]}}}
    assert job.execute_in_process(run_config={"resources": {"outlook": {"config": asked}}}).success
    assert seen[0].thresholds_of("web1", "cpu") == [60, 90]
    assert seen[0].thresholds_of("web1", "disk") == [85], "the settings file's, where the launch is silent"
    assert seen[0].thresholds_of("db1", "disk") == [75]


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
