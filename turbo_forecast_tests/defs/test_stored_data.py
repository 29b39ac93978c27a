"""A run of Dagster brings what lies in the store before its first step, and puts back what is new after its last."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from turbo_forecast.addresses import Address, parsed
from turbo_forecast.defs import fleet_month
from turbo_forecast.defs.resources import DataFolder, TelemetryResource, Warehouse
from turbo_forecast.defs.stored_data import exchange_of, upload_ahead
from turbo_forecast.errors import StorageError
from turbo_forecast.fleet.object_exchange import ObjectExchange
from turbo_forecast.storage.objects import commits
from turbo_forecast.storage.objects.keys import LEASE
from turbo_forecast.storage.objects.lease import Claim
from turbo_forecast.storage.objects.store import ObjectStore
from turbo_forecast.storage.objects.working_copy import WorkingCopy, opened_copy
from turbo_forecast_tests.defs.conftest import Place
from turbo_forecast_tests.defs.made_up_run import made_up_run, run


@dataclass(frozen=True)
class StoredPlace(Place):
    """A place whose data folder is a working copy."""

    store: str = ""

    def resources(self, telemetry: Path | None = None, **forecast: object) -> dict[str, object]:
        address = parsed(self.store, "DATA")
        return {
            **super().resources(telemetry, **forecast),
            "telemetry": TelemetryResource(telemetry=str(telemetry or ""), reread=True),
            "folder": DataFolder(path=str(address.working_folder), store=self.store),
            "warehouse": Warehouse(database=str(address.working_folder / "warehouse.duckdb"), store=self.store),
        }


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Address:
    monkeypatch.setenv("TURBO_FORECAST_WORK", str(tmp_path / "work"))
    monkeypatch.setenv("TURBO_FORECAST_STORE_PATIENCE_SECONDS", "1")
    return parsed(f"file://{tmp_path}/objects", "DATA")


@pytest.fixture
def machine(address: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], StoredPlace]:
    """A machine's own folder for working copies, and Dagster on it."""

    def of(name: str) -> StoredPlace:
        monkeypatch.setenv("TURBO_FORECAST_WORK", str(tmp_path / name))
        return StoredPlace(address.working_folder, dg.DagsterInstance.ephemeral(), store=str(address))

    return of


def count(place: StoredPlace) -> int:
    import duckdb

    with duckdb.connect(str(place.data / "warehouse.duckdb"), read_only=True) as con:
        return int(con.execute("SELECT count(*) FROM base_table").fetchall()[0][0])


def test_what_a_step_has_made_on_one_machine_is_there_for_the_next_run_on_another(
    machine: Callable[[str], StoredPlace], address: Address, telemetry: Path
) -> None:
    one = machine("one")
    assert one.materialise_base(telemetry).success
    assert commits.numbers(ObjectStore(address)) == [1]
    rows = count(one)
    other = machine("other")
    assert not other.data.exists()
    evaluation = other.check("base_table", "utilisation_is_in_range")
    assert isinstance(evaluation, dg.AssetCheckEvaluation), evaluation
    assert evaluation.passed
    assert count(other) == rows
    assert opened_copy(other.data) is None
    assert ObjectStore(address).read(LEASE) is None


def test_a_store_at_which_another_machine_is_at_work_ends_the_run_in_a_sentence(
    machine: Callable[[str], StoredPlace], address: Address, telemetry: Path
) -> None:
    now = datetime.now(UTC)
    held = Claim("77-123-4026531836-0123456789ab-00112233-1", "planner-2", now, now).content()
    ObjectStore(address).write(LEASE, held)
    with pytest.raises(dg.DagsterError) as error:
        machine("one").materialise_base(telemetry)
    text, seen = "", error.value
    while seen is not None:
        text, seen = f"{text}\n{seen}\n{getattr(seen, 'description', '')}", seen.__cause__
    assert "in use by another run, process 77 of machine planner-2" in text
    assert ObjectStore(address).read(LEASE) == held
    assert commits.numbers(ObjectStore(address)) == []


def test_what_could_not_be_put_is_put_by_the_next_run(
    machine: Callable[[str], StoredPlace],
    address: Address,
    telemetry: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = machine("one")
    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "put", refused)
        one.materialise_base(telemetry)
    assert "what this run has made is not in the store: the store is gone" in capsys.readouterr().out
    assert commits.numbers(ObjectStore(address)) == []
    one.check("base_table", "utilisation_is_in_range")
    assert commits.numbers(ObjectStore(address)) == [1]


def test_what_a_run_has_shared_stays_until_its_month_is_in_the_store(
    machine: Callable[[str], StoredPlace], address: Address, telemetry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the machine die after its own commit and before the store's, another one goes on with it."""
    one, store = machine("one"), ObjectStore(address)
    one.materialise_base(telemetry)
    store.write("runs/2025-12/run-1/done/forecast/00000000-00000007.json", b"{}")
    monkeypatch.setattr(fleet_month, "run_fleet", made_up_run)
    with monkeypatch.context() as patched:
        patched.setattr(WorkingCopy, "upload", refused)
        assert run(one, "fleet_forecast").success
    assert list(store.listed("runs"))
    one.check("base_table", "utilisation_is_in_range")
    assert not list(store.listed("runs"))


def refused(*arguments: object) -> None:
    raise StorageError("the store is gone")


def test_a_folder_of_this_machine_is_not_shared(tmp_path: Path) -> None:
    assert exchange_of("", "2025-12") is None
    assert upload_ahead("") == {}


def test_a_runs_work_is_shared_where_its_results_lie(address: Address) -> None:
    assert exchange_of(str(address), "2025-12") == ObjectExchange(address, "2025-12")
