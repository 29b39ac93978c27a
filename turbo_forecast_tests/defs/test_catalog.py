"""The catalogue: every asset has its place and a description whose queries run; groups do not turn in circles."""

import re
import shutil
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from turbo_forecast import schemas
from turbo_forecast.definitions import build_definitions
from turbo_forecast.defs.catalog import LANDING, TELEMETRY
from turbo_forecast.settings.deployment import DeploymentSettings
from turbo_forecast.storage.months import STEPS
from turbo_forecast.storage.published.layout import PUBLISHED
from turbo_forecast.tables import Table
from turbo_forecast_tests.defs.conftest import FED, FILES, MONTH, Place

pytestmark = pytest.mark.xdist_group("definitions")

ROOT = Path(__file__).resolve().parents[2]
TABLES = {table.name: table for table in vars(schemas).values() if isinstance(table, Table)}
PUBLISHED_TABLES = {table.name for table in PUBLISHED} | {"base_table", "published_month"}
ASSETS = (
    TELEMETRY,
    LANDING,
    "base_table",
    "base_table_rejects",
    *STEPS,
    "run_audit",
    "scenario_outlook",
    "months",
    "published_month",
    "month_report",
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def graph():
    return build_definitions({}, environment=FED).resolve_asset_graph()


@pytest.fixture(scope="module")
def nodes(graph) -> dict[str, object]:
    return {key.to_user_string(): graph.get(key) for key in graph.get_all_asset_keys()}


def test_every_asset_has_a_text_and_no_text_is_left_over(nodes) -> None:
    assert set(ASSETS) == set(nodes)
    folder = ROOT / "turbo_forecast" / "defs" / "descriptions"
    assert {path.stem for path in folder.glob("*")} == set(nodes), "every text is some asset's"


def test_every_asset_has_owners_tags_and_kinds(nodes) -> None:
    tiers = {"telemetry": "source", "forecast": "core", "tournament": "core", "publication": "published"}
    for name, node in nodes.items():
        assert node.owners == DeploymentSettings().owners, name
        assert node.tags["domain"] == "capacity", name
        assert node.tags["tier"] == tiers[node.group_name], name
        assert node.kinds, name


def test_what_is_stored_as_a_file_is_parquet_and_all_else_duckdb(nodes) -> None:
    stored = {name: node.kinds & {"parquet", "duckdb"} for name, node in nodes.items() if name in TABLES}
    assert stored == {name: {"parquet"} if name in FILES else {"duckdb"} for name in stored}


def test_the_groups_as_they_are_collapsed_in_the_ui_make_no_circle(graph, nodes) -> None:
    group = {key: graph.get(key).group_name for key in graph.get_all_asset_keys()}
    edges: dict[str, set[str]] = {name: set() for name in group.values()}
    for key in group:
        edges[group[key]] |= {group[parent] for parent in graph.get(key).parent_keys} - {group[key]}
    order = list(TopologicalSorter(edges).static_order())  # raises CycleError where there is one
    assert order == ["telemetry", "forecast", "tournament", "publication"]


def test_telemetry_is_others_and_the_base_table_comes_of_it(nodes) -> None:
    assert nodes["telemetry"].is_external
    for name in ("base_table", "base_table_rejects"):
        assert nodes[name].parent_keys == {dg.AssetKey("telemetry"), dg.AssetKey("telemetry_landing")}


def test_owners_are_those_of_the_settings_file(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("deployment: {owners: ['team:platform', 'jo@example.org']}\n")
    code = (
        "from turbo_forecast.definitions import build_definitions as b; g = b({}).resolve_asset_graph();"
        "print({tuple(g.get(key).owners) for key in g.get_all_asset_keys()})"
    )
    environment = {"TURBO_FORECAST_CONFIG": str(settings), "PATH": ""}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "{('team:platform', 'jo@example.org')}"


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_a_description_says_what_a_row_is_who_reads_it_and_how_to_ask(name: str, nodes) -> None:
    text = nodes[name].description
    if name in TABLES:
        assert text.startswith(TABLES[name].description + "\n\n**A row** is "), "the schema's sentence comes first"
    assert "**Who reads it.** " in text
    assert BLOCK.findall(text)
    assert text.count("```") == 2 * len(BLOCK.findall(text)), "a block that is not closed hides the rest"


@pytest.fixture(scope="module")
def asked(month: tuple[Place, dg.ExecuteInProcessResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds a month's `data`, with a rejected value, as a healthy export has none, a group, and something planned."""
    folder = tmp_path_factory.mktemp("asked")
    shutil.copytree(month[0].data, folder / "data")
    place = Place(folder / "data", month[0].instance)
    place.sql(
        "INSERT INTO base_table_rejects VALUES ('a.csv', 'a', 'cpu', '2025-01-01', '-3', 'negative');"
        "INSERT INTO group_members VALUES ('2025-12-31', 'site', 'cpu', 'a', 1, 1096, '2023-01-01', '2025-12-31', 1);"
        "INSERT INTO group_history VALUES ('2025-12-31', 'site', 'cpu', '2025-12-31', 60, 1, 1, 1);"
        "INSERT INTO group_forecast BY NAME SELECT * REPLACE ('site' AS host_id) "
        f"FROM '{folder}/data/forecast_parquet/2025-12.parquet' WHERE host_id = 'a';"
        "INSERT INTO planned_changes VALUES ('2025-12-31', 'baseline', 1, 'series', 'a', 'cpu', 'b', '2025-01-01', "
        "'move_to', 1, 'no effect: the day is not after the cutoff', NULL);"
        "INSERT INTO planned_loads VALUES ('2025-12-31', 'baseline', 'series', 'a', 'cpu', '2026-01-01', '2026-06-30', "
        "'series', 'b', 1, 0);"
        "INSERT INTO scenario_outlook VALUES ('2025-12-31', 'more', 'series', 'a', 'cpu', 80, 0.7, 0.2, '2026-03-01', NULL, "
        "NULL, 'expected', 'possible')"
    )
    run_of(place, "published_month", checks=False)
    return folder


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_the_queries_of_a_description_run_on_a_month_and_find_rows(
    name: str, nodes, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(asked)
    for language, code in BLOCK.findall(nodes[name].description):
        if language == "sql":
            file = "data/published/turbo_forecast.duckdb" if name in PUBLISHED_TABLES else "data/warehouse.duckdb"
            assert TABLES.get(name) is None or name in FILES or f"`duckdb -readonly {file}`" in nodes[name].description
            with duckdb.connect(file, read_only=True) as con:
                assert con.sql(code).fetchall(), code
        else:
            assert language == "python"
            names: dict[str, object] = {}
            exec(code, names)
            frames = {key: value for key, value in names.items() if isinstance(value, pl.DataFrame)}
            assert frames
            assert all(len(frame) for frame in frames.values()), code


def test_the_weights_of_a_series_add_up_to_one_as_the_description_says(asked: Path) -> None:
    with duckdb.connect(str(asked / "data" / "warehouse.duckdb"), read_only=True) as con:
        sums = con.sql(
            "SELECT sum(backtest), sum(forecast) FROM combination_weights GROUP BY cutoff, host_id, resource"
        )
        assert all(pair == pytest.approx((1, 1)) for pair in sums.fetchall())


def test_a_months_check_says_where_it_can_be_run_again_and_others_do_not(graph) -> None:
    linked = {key for key in graph.asset_check_keys if "/jobs/monthly_checks/" in graph.get(key).description}
    partitioned = {key for key in graph.asset_check_keys if graph.get(key).partitions_def}
    assert linked == partitioned
    assert {key.asset_key.to_user_string() for key in linked} > {"fleet_forecast", "champions", "months"}


FLEET = {"fleet_forecast", "fold_forecast", "combination_weights", "series_outcomes", "model_runs", "run_audit"}


def materialised(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetMaterialization]:
    events = [
        event.step_materialization_data.materialization for event in result.all_events if event.is_step_materialization
    ]
    assert len(events) == len({event.asset_key for event in events}), "each once"
    return {event.asset_key.to_user_string(): event for event in events}


def run_of(place: Place, *names: str, telemetry: Path | None = None, checks: bool = True) -> dg.ExecuteInProcessResult:
    """A run of just these assets, as the UI starts one."""
    chosen = dg.AssetSelection.assets(*names)
    job = dg.define_asset_job("chosen", selection=chosen if checks else chosen.without_checks())
    base = place.definitions(telemetry)
    definitions = dg.Definitions(
        assets=base.assets, asset_checks=base.asset_checks, jobs=[job], resources=base.resources
    )
    tags = {} if telemetry else {"dagster/partition": MONTH}
    return definitions.resolve_job_def("chosen").execute_in_process(instance=place.instance, tags=tags)


def test_who_materialises_one_table_of_the_fleet_forecast_makes_all_and_each_says_so(place: Place) -> None:
    before = {path: path.read_bytes() for path in place.data.glob(f"f*_forecast/{MONTH}.parquet/*.parquet")}
    folders = {path.parent for path in before}
    assert len(folders) == 2
    for folder in folders:
        shutil.rmtree(folder)
    result = run_of(place, "series_outcomes")
    made = materialised(result)
    assert set(made) == FLEET
    assert {event.partition for event in made.values()} == {MONTH}
    assert all("stages" in event.metadata or event.metadata["dagster/row_count"].value for event in made.values())
    latest = {name: place.instance.get_latest_materialization_event(dg.AssetKey(name)) for name in FLEET}
    assert {event.run_id for event in latest.values()} == {result.run_id}, "Dagster's pages show this run for all six"
    assert {e.asset_key.to_user_string() for e in result.get_asset_check_evaluations()} == {"series_outcomes"}
    assert {path: path.read_bytes() for path in before} == before
    with duckdb.connect(str(place.data / "warehouse.duckdb")) as con:
        stored = "SELECT asset FROM month_steps WHERE result = 'stored' AND run_id = ? ORDER BY 1"
        assert {row[0] for row in con.execute(stored, [result.run_id]).fetchall()} == FLEET - {"run_audit"}


def test_who_materialises_the_rejects_alone_reads_the_telemetry_and_the_base_table_says_so(
    place: Place, telemetry: Path
) -> None:
    result = run_of(place, "base_table_rejects", telemetry=telemetry)
    made = materialised(result)
    assert set(made) == {"base_table", "base_table_rejects"}
    assert made["base_table"].partition is None
    whole = materialised(run_of(place, "base_table", "base_table_rejects", telemetry=telemetry, checks=False))
    tag = "dagster/data_version"
    assert made["base_table"].tags[tag] == whole["base_table"].tags[tag], "the same rows, the same version"
    assert made["base_table"].metadata.keys() == whole["base_table"].metadata.keys()


def test_the_telemetrys_page_says_what_a_run_has_found_in_it(
    month: tuple[Place, dg.ExecuteInProcessResult], telemetry: Path
) -> None:
    _, result = month
    (observation,) = [e.asset_observation_data.asset_observation for e in result.all_events if e.is_asset_observation]
    assert observation.asset_key == dg.AssetKey("telemetry")
    assert observation.partition is None
    shown = {name: value.value for name, value in observation.metadata.items()}
    assert shown["location"] == str(telemetry)
    assert (shown["files"], shown["dagster/row_count"], shown["values rejected"]) == (1, 6 * 1096, 0)
    assert (shown["first day"], shown["last day"]) == ("2023-01-01", "2025-12-31")
